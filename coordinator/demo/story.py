"""Tell the demonstration: set up, agree, ask the pack, ask again, audit, clean up."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from coordinator.demo import auditing, government, network
from coordinator.demo.government import SEATS, Opened
from coordinator.demo.network import BY_HAND, SITES, Left, Plan
from coordinator.demo.processes import Processes, Typed
from privacy import catalogue, pack
from privacy.errors import BadConfiguration
from privacy.period import Period

PERIOD: Final = "FY2024-H2"
PACK: Final = "half-year"
_MARK: Final = ".cmpp-demonstration"
_WIDTH: Final = 110

SAY: Final = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)


def tell(plan: Plan, *, keep: bool) -> int:
    """Run the whole demonstration and return the exit code."""
    began = time.monotonic()
    clear(plan.directory)
    running = Processes(plan.directory)
    try:
        SAY.print(f"Starting a coordinator and {len(SITES)} sites in {plan.directory}.")
        network.set_up(plan, running)
        SAY.print(f"All are serving after {time.monotonic() - began:.0f} seconds.\n")
        fingerprint = government.agree_on_roster(plan)
        _show_roster(fingerprint)
        opened = government.open_questions(plan, "--pack", PACK, "--period", PERIOD)
        _show_mandate(opened)
        good = _ask(plan)
        left = network.loss_left(plan)
        _show_left(left)
        good = _ask_again(plan, left) and good
        good = _audit(plan, fingerprint) and good
        SAY.print(
            f"\nWritten in {plan.directory}: report.html, results.json, public-log, "
            "audit-pack, and every command in commands.txt."
        )
        if keep:
            _hand_over(plan)
    except BaseException:
        running.stop()
        raise
    if not keep:
        running.stop()
    SAY.print(f"Done in {time.monotonic() - began:.0f} seconds.")
    return 0 if good else 1


def stop(directory: Path) -> None:
    """Stop what an earlier demonstration left running."""
    Processes(directory).stop()


def clear(directory: Path) -> None:
    """Stop and remove an earlier demonstration, and only that.

    Raises:
        BadConfiguration: the directory holds something else.
    """
    mark = directory / _MARK
    if directory.exists() and any(directory.iterdir()) and not mark.exists():
        raise BadConfiguration(
            f"{directory} holds something that is not a demonstration; name an "
            "empty directory with --directory."
        )
    if directory.exists():
        stop(directory)
        shutil.rmtree(directory)
    directory.mkdir(parents=True, mode=0o700)
    mark.touch()


def _show_roster(fingerprint: str) -> None:
    """Say who takes part, and how they came to agree on it."""
    members = [name for name, (_, standing) in SEATS.items() if standing == "member"]
    SAY.print(
        f"Roster 1 is in force: every site compared its digest ({fingerprint[:16]}...) "
        f"by telephone and signed it. It names {len(SITES)} sites, {len(members)} "
        "counting members of the Board and its chair, each with a key of their own.\n"
    )


def _show_mandate(opened: Opened) -> None:
    """Show what the Board signed, what an officer read, and who accepted how."""
    SAY.print(f"With the chair's and one member's signature: {opened.alone}")
    SAY.print(
        f"With a second member's, mandate {opened.number} was brought to the sites. "
        f"What the officer at {BY_HAND[0]} reads before deciding:\n"
    )
    SAY.out(opened.card)
    table = Table("Site", "Mandate", "Accepted", title_justify="left")
    for site, what in opened.sites.items():
        how = "by an officer, who read it"
        if what == "adopted":
            how = "by a rule that two officers had signed"
        table.add_row(site, opened.number, how)
    SAY.print(table)
    SAY.print("No answer leaves a site before enough of its peers saw its ledger.\n")


def _audit(plan: Plan, fingerprint: str) -> bool:
    """Publish and check the log, then the whole audit pack, from outside."""
    SAY.print(f"\nThe public log: {auditing.publish_log(plan).strip()}")
    SAY.print("The audit pack, checked in an empty directory with one fingerprint:\n")
    folder = auditing.pack(plan)
    return auditing.verify(plan, folder, fingerprint=fingerprint)


def _pack(plan: Plan, results: Path, *options: str) -> None:
    """Run `cmpp pack run` where everybody can see it."""
    words = ("--home", str(plan.centre), "pack", "run", PERIOD, "--pack", PACK)
    command = [sys.executable, "-m", "coordinator", *words]
    written = ("--results", str(results))
    plan.note("cmpp", [Typed((*words, *written, *options))])
    subprocess.run([*command, *written, *options], check=True)  # noqa: S603


def _ask(plan: Plan) -> bool:
    """Ask the pack, and hold its headlines against what was planned for them."""
    results = plan.directory / "results.json"
    _pack(plan, results, "--html", str(plan.directory / "report.html"))
    found = {each["metric"]: each for each in json.loads(results.read_text())}
    programme = catalogue.load()
    planned = pack.load(PACK, programme)
    table = Table(
        "Headline", "Half-width", "Planned at most", "Met", title_justify="left"
    )
    good = True
    for each in planned.lines_for(Period(PERIOD)):
        if each.line.headline:
            share = each.line.expected_share is not None
            width = _width(found[each.line.metric], share=share)
            limit = float(planned.share_width if share else planned.count_width)
            met = width is not None and width <= limit
            good = good and met
            shown = "no answer" if width is None else _percent(width, share=share)
            name = f"{each.line.metric} {programme.metric(each.line.metric).name}"
            limits = _percent(limit, share=share)
            table.add_row(name, shown, limits, "yes" if met else "NO")
    SAY.print(table)
    if plan.records is not None:
        SAY.print("These records are not those the plan was made for: no check of it.")
        return True
    SAY.print(
        "Every headline is as readable as planned."
        if good
        else "A headline is less readable than planned.",
        style="bold",
    )
    return good


def _width(result: dict[str, Any], *, share: bool) -> float | None:
    """Return a national half-width: of a share in points, of a count relative."""
    if result["sites_answered"] < result["sites_total"]:
        return None
    whole = result["cells"][0]
    half: float = (whole["high"] - whole["low"]) / 2
    if share:
        return half
    return half / whole["value"] if whole["value"] > 0 else None


def _percent(width: float, *, share: bool) -> str:
    """Write a half-width."""
    return f"{100 * width:.1f} {'points' if share else '% of the value'}"


def _show_left(left: Left) -> None:
    """Show what every site's ledger has left, entry year by entry year."""
    years = sorted({line["entry_year"] for lines in left.values() for line in lines})
    table = Table("Loss left (rho), by entry year", *years, title_justify="left")
    for site, lines in left.items():
        shown = {line["entry_year"]: f"{line['left_rho']:.4f}" for line in lines}
        table.add_row(site, *(shown.get(year, "") for year in years))
    SAY.print(table)


def _ask_again(plan: Plan, before: Left) -> bool:
    """Ask every site everything again: the same bytes, at no charge."""
    again = plan.directory / "again.json"
    words = ("pack", "run", PERIOD, "--pack", PACK, "--ask-again", "--json")
    network.cmpp(plan, *words, "--results", str(again))
    same = again.read_bytes() == (plan.directory / "results.json").read_bytes()
    free = network.loss_left(plan) == before
    again.unlink()
    SAY.print(
        "Asked again at every site: the numbers are "
        f"{'the same to the byte' if same else 'DIFFERENT'}, and "
        f"{'nothing was charged' if free else 'something WAS CHARGED'}."
    )
    return same and free


def _hand_over(plan: Plan) -> None:
    """Leave everything running, and say how to go on and how to stop."""
    script = plan.directory / "stop"
    script.write_text(
        f"#!/bin/sh\n# Stop the demonstration in this directory.\n"
        f"exec '{sys.executable}' -m coordinator.demo --stop "
        f"--directory '{plan.directory.resolve()}'\n"
    )
    script.chmod(0o700)
    python = Path(sys.executable)
    command = python.with_name("cmpp")
    shown = str(command) if command.exists() else f"{python} -m coordinator"
    home = f"--home {plan.centre}"
    SAY.print(
        "\nEverything is still running. See what another question would cost:\n"
        f"  {shown} {home} query preview M08 FY2025-H1\n"
        "The mandate does not cover it. Two members and the officers of the sites open "
        f"it; {plan.commands.name} shows how they did before:\n"
        f"  {shown} {home} mandate draft next.cmpp --metric M08 --period FY2025-H1 "
        "--rho 0.01\n"
        f"  {shown} {home} query run M08 FY2025-H1\n"
        f"Stop it all with:\n  {script}",
        soft_wrap=True,
    )
