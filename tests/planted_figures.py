"""Plants in what was published, told in the log: each with what finds it."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from coordinator.audit.pack import Pack
from privacy import loss
from tests import audit_forger as forger

Plant = Callable[[Pack], Pack]


def figures(metric: str, change: Callable[[dict[str, Any]], None]) -> Plant:
    """Return the plant by which the coordinator publishes something else."""
    return lambda pack: forger.published(pack, metric, change)


def higher(result: dict[str, Any]) -> None:
    cell = result["cells"][0]
    for name in ("value", "low", "high"):
        cell[name] += 10.0


def narrower(result: dict[str, Any]) -> None:
    cell = result["cells"][0]
    cell["low"], cell["high"] = cell["value"] - 1.0, cell["value"] + 1.0


def surer(result: dict[str, Any]) -> None:
    result["confidence"] = 0.99


def sites_of_cells_swapped(result: dict[str, Any]) -> None:
    one, other = result["cells"][1], result["cells"][2]
    sites = (one["labels"]["site"], other["labels"]["site"])
    other["labels"]["site"], one["labels"]["site"] = sites


def one_site_fewer(result: dict[str, Any]) -> None:
    """Say that a site that answered was silent, and count the others only."""
    last = result["sites"][-1]
    last.clear()
    last.update({"site": "NYC", "status": "unreachable"})
    result["sites_answered"] -= 1


def all_answered(result: dict[str, Any]) -> None:
    """Say that the site which refused had answered."""
    for each in result["sites"]:
        each["status"] = "answered"
        each.pop("reason", None)
        each["rho"] = "1/100"
    result["sites_answered"] = 3


def site_not_named(result: dict[str, Any]) -> None:
    del result["sites"][-1]
    result["sites_total"] = result["sites_answered"] = 2


def cheaper_result(result: dict[str, Any]) -> None:
    for each in result["sites"]:
        each["rho"] = "1/1000"
    result["loss"] = {
        "rho_model": 0.001,
        "rho_worst": 0.001,
        "epsilon": loss.epsilon(Fraction(1, 1000), Fraction(1, 10**6)),
        "delta": 1e-06,
    }


def impossible_loss(result: dict[str, Any]) -> None:
    result["sites"][0]["rho"] = "1/0"


def cell_dropped(result: dict[str, Any]) -> None:
    del result["cells"][-1]


def dropped_result(pack: Pack) -> Pack:
    return replace(pack, results=pack.results[1:])


def altered_result(pack: Pack) -> Pack:
    """Change a figure and nothing else."""
    first = json.loads(json.dumps(pack.results[0]))
    first["cells"][0]["value"] += 1.0
    return replace(pack, results=(first, *pack.results[1:]))


def untold_numbers(pack: Pack) -> Pack:
    """Have the log tell of another figure than was published."""
    return forger.told(
        pack, "publication", lambda body: body["cells"][0].update(value="7.0")
    )


FIGURES: dict[str, tuple[Plant, str]] = {
    "a figure altered": (altered_result, "does not have its own digest"),
    "a figure altered and signed": (figures("M08", higher), "by the signed answers"),
    "an interval too narrow": (figures("M08", narrower), "by the signed answers"),
    "another confidence": (figures("M08", surer), "by the signed answers"),
    "figures of two sites swapped": (
        figures("M08", sites_of_cells_swapped),
        "stands where",
    ),
    "a result of fewer sites": (
        figures("M08", one_site_fewer),
        "had answered 1 of",
    ),
    "a result of more sites": (figures("M09", all_answered), "not all in the pack"),
    "a site not named": (figures("M08", site_not_named), "every site of its mandate"),
    "a loss understated": (figures("M08", cheaper_result), "signed answers cost 1/50"),
    "an impossible loss": (figures("M08", impossible_loss), "its own digest"),
    "a figure left out": (figures("M29", cell_dropped), "figures and .* follow"),
    "a result left out": (dropped_result, "tells of the result .* not in the pack"),
    "other figures in the log": (untold_numbers, "tells of other figures"),
}
