"""Commands that answer the coordinator: by listening, or by dialling out."""

import secrets
from collections.abc import Callable, Mapping

import typer

from node import door, grid, identity, quiet
from node.answer import Node
from node.carrier import Carrier
from node.cli import home
from node.cli.home import TELL, Home
from node.dial import NodeDial
from node.door import Carried, Door, Transport
from node.records import tally
from node.records.store import Reader
from node.server import NodeServer
from node.witness import Standing, Witness
from privacy.errors import BadConfiguration
from privacy.period import Period
from privacy.statement import BOOT_BYTES


def serve(context: typer.Context) -> None:
    """Answer the coordinator's questions until told to end."""
    site = home.opened(context)
    address = site.config.listen_address
    if address is None:
        raise BadConfiguration(
            "node.toml does not say where to listen; write listen_address in it, or "
            "use `cmpp-node dial`, which needs no open port."
        )

    def opened(story: Node, carried: Mapping[str, Carried]) -> Transport:
        node = NodeServer(story, carried=carried, door=_door(site, address))
        node.start()
        return node

    _answer(site, opened, f"answers at {address}")


def dial(context: typer.Context) -> None:
    """Answer the coordinator's questions over a link this node opens itself.

    Nothing listens here. The link goes through the proxy of `[dial]` in node.toml, or
    the one that https_proxy names, and is opened again whenever it is lost.
    """
    site = home.opened(context)
    settings = site.config.dial
    if settings is None:
        raise BadConfiguration(
            "node.toml does not say whom to dial; write coordinator_address under "
            "[dial] as the coordinator's operator tells it."
        )

    def opened(story: Node, carried: Mapping[str, Carried]) -> Transport:
        node = NodeDial(
            story,
            carried=carried,
            door=_door(site, settings.coordinator_address),
            proxy_url=settings.proxy,
        )
        node.start()
        return node

    _answer(site, opened, f"dials {settings.coordinator_address}")


def _door(site: Home, address: str) -> Door:
    """Set up the door, whichever way calls come to it."""
    folder = site.config.identity_directory
    return Door(
        address=address,
        identity=lambda: identity.load(folder),
        trust=lambda: identity.trust(folder, coordinator=site.config.coordinator),
        timetable=grid.for_size_class(site.config.size_class),
        clock=home.now,
    )


def _answer(
    site: Home,
    opened: Callable[[Node, Mapping[str, Carried]], Transport],
    how: str,
) -> None:
    """Open the door one way, and answer until told to end."""
    # A rule that nobody had the right to make is found before anything is answered.
    site.charter.law()
    quiet.begin()
    site.ledger.boot(secrets.token_bytes(BOOT_BYTES), now=home.now())
    name, key, law = site.config.site, site.statement_key, site.charter.law
    standing = Standing(site.ledger, site=name, key=key, law=law)
    carrier = Carrier(
        charter=site.charter,
        standing=standing,
        witness=Witness(site.ledger, site=name, key=key, law=law),
        clock=home.now,
    )
    node = opened(_story(site, standing), carrier.methods())
    lookout = site.lookout
    lookout.start()
    TELL.print(f"{name} {how}.")
    with site.renewal:
        code = door.run(node, grace_seconds=site.config.drain_seconds)
    lookout.stop()
    raise typer.Exit(code)


def _story(site: Home, standing: Standing) -> Node:
    """Put the site's parts behind its door."""
    checked: set[str] = set()

    def current() -> Reader:
        reader = site.records.open_current()
        if reader.generation not in checked:
            # Once per generation: it never changes after it is published.
            checked.add(site.register.reader(site.records).generation)
        return reader

    def closed_through() -> Period | None:
        return None if site.records.current() is None else current().closed_through

    return Node(
        site=site.config.site,
        charter=site.charter,
        ledger=site.ledger,
        standing=standing,
        key=site.statement_key,
        dictionary=site.programme.dictionary,
        size_class=site.config.size_class,
        software=home.software(),
        closed_through=closed_through,
        read=lambda query: tally.read(current(), query),
    )
