"""The list of sites: who they are, how they are reached, when they last answered."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from coordinator.database import METADATA
from privacy.errors import BadConfiguration

_NAME = re.compile(r"[A-Z][A-Z0-9]{1,15}", re.ASCII)
_ADDRESS = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:]{2,39}\]):"
    r"([1-9][0-9]{0,4})",
    re.ASCII,
)
_PORT_MAX = 65_535
DIAL: Final = "dial"
"""The address of a site that nobody calls: it dials in."""

_SITES = sa.Table(
    "sites",
    METADATA,
    sa.Column("site", sa.String(16), primary_key=True),
    sa.Column("address", sa.String(270), nullable=False),
    sa.Column("last_seen", sa.String(40)),
)
_PROVIDERS = sa.Table(
    "providers",
    METADATA,
    sa.Column("site", sa.String(16), primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One provider's node.

    Attributes:
        name: Its short name, such as NYC; also on its certificate.
        address: Where its node listens, as host:port; "dial" if it dials in.
        last_seen: When it last answered, or None.
        provider: Who runs it, as the roster will say; empty if nobody said yet.

    Raises:
        BadConfiguration: the name or the address is not of that form.
    """

    name: str
    address: str
    last_seen: dt.datetime | None = None
    provider: str = ""

    def __post_init__(self) -> None:
        """Refuse a name no certificate could carry, and an address without port."""
        require_name(self.name)
        match = _ADDRESS.fullmatch(self.address)
        if self.dials:
            return
        if not match or int(match[1]) > _PORT_MAX:
            raise BadConfiguration(
                f"{self.address!r} is not an address; write it like "
                "node.example.org:7443, or dial for a site that dials in."
            )

    @property
    def dials(self) -> bool:
        """Whether the site dials in."""
        return self.address == DIAL


def require_name(name: str) -> None:
    """Refuse anything but a short name in capitals.

    Raises:
        BadConfiguration: it is not.
    """
    if not _NAME.fullmatch(name):
        raise BadConfiguration(
            f"{name!r} is not a site name; write 2 to 16 capitals or digits, such as "
            "NYC."
        )


class SiteList:
    """Keep the sites in the centre's database."""

    def __init__(self, engine: sa.Engine) -> None:
        """Use a connected database."""
        self._engine = engine

    def add(self, site: Site) -> None:
        """Put a site on the list, or change where it listens and who runs it."""
        with self._engine.begin() as connection:
            changed = connection.execute(
                _SITES.update()
                .where(_SITES.c.site == site.name)
                .values(address=site.address)
            )
            if changed.rowcount == 0:
                connection.execute(
                    _SITES.insert().values(site=site.name, address=site.address)
                )
            if site.provider:
                connection.execute(
                    _PROVIDERS.delete().where(_PROVIDERS.c.site == site.name)
                )
                connection.execute(
                    _PROVIDERS.insert().values(site=site.name, provider=site.provider)
                )

    def all(self) -> tuple[Site, ...]:
        """Return every site, by name."""
        with self._engine.connect() as connection:
            rows = connection.execute(_SITES.select().order_by(_SITES.c.site)).all()
            run_by = {
                r.site: r.provider for r in connection.execute(_PROVIDERS.select())
            }
        return tuple(
            Site(
                name=row.site,
                address=row.address,
                last_seen=dt.datetime.fromisoformat(row.last_seen)
                if row.last_seen
                else None,
                provider=run_by.get(row.site, ""),
            )
            for row in rows
        )

    def seen(self, name: str, *, now: dt.datetime) -> None:
        """Note that a site answered."""
        with self._engine.begin() as connection:
            connection.execute(
                _SITES.update()
                .where(_SITES.c.site == name)
                .values(last_seen=now.isoformat())
            )
