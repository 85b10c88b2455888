"""What a site consists of, and under which name each part lies in a backup.

A part's name begins with what it is, so that a restore finds its place from the
restored settings and not from where it happened to lie.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.config import NodeConfig
from node.records.connect import Kind, Place
from node.secret import Secret
from privacy.errors import BadConfiguration

HOME, IDENTITY, RECORDS = "home", "identity", "records"
LEDGER, REGISTER, KEY, SETTINGS = "ledger", "register", "key", "settings"

CONFIG: Final = "node.toml"
POINTER: Final = "current"
REGISTER_FILE: Final = "register.sqlite"
_PREFIX: Final = "sqlite:///"
_FLEETING: Final = (".new", "-journal", "-wal", "-shm", "-backup")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Estate:
    """Where the parts of one site are.

    Attributes:
        home: The site's directory.
        config: Its settings, every path already taken from the directory.
        place: Its records.
        secrets: The keys of the records and of the key map.
    """

    home: Path
    config: NodeConfig
    place: Place
    secrets: tuple[Secret, ...]

    @property
    def register(self) -> Path:
        """The register's file."""
        return self.home / REGISTER_FILE

    @property
    def in_files(self) -> bool:
        """Whether the ledger is a file here."""
        return self.config.ledger_url.get_secret_value().startswith(_PREFIX)

    @property
    def ledger(self) -> Path:
        """The ledger's file.

        Raises:
            BadConfiguration: it is in a database server.
        """
        url = self.config.ledger_url.get_secret_value()
        if not url.startswith(_PREFIX):
            raise _in_a_server("ledger")
        return Path(url.removeprefix(_PREFIX))

    def check(self) -> None:
        """Refuse a site part of which only a database server can copy.

        Raises:
            BadConfiguration: the ledger or the records are in PostgreSQL.
        """
        _ = self.ledger
        if self.place.kind is Kind.POSTGRESQL:
            raise _in_a_server("records")

    def plain(self) -> dict[str, Path]:
        """Return the files that are copied as they are, by name."""
        special = {self.ledger, self.register, self.home / CONFIG}
        special |= {path for each in self.secrets if (path := each.path) is not None}
        identity = self.config.identity_directory
        found = {}
        for role, folder in ((HOME, self.home), (IDENTITY, identity)):
            for path in sorted(folder.rglob("*")):
                inside = role == HOME and any(
                    path.is_relative_to(other)
                    for other in (self.place.directory, identity)
                )
                if inside or path in special or not path.is_file():
                    continue
                if not path.name.endswith(_FLEETING):
                    found[f"{role}/{path.relative_to(folder).as_posix()}"] = path
        return found

    def target(self, name: str) -> Path | None:
        """Return where a member of a backup goes; None for a key or the settings.

        Raises:
            BadConfiguration: its name leads out of the site.
        """
        role, _, rest = name.partition("/")
        if ".." in Path(rest).parts or rest.startswith("/"):
            raise _no_place(name)
        folders = {
            HOME: self.home,
            IDENTITY: self.config.identity_directory,
            RECORDS: self.place.directory,
        }
        if role in folders and rest:
            return folders[role] / rest
        files = {LEDGER: self.ledger, REGISTER: self.register}
        if role in files and not rest:
            return files[role]
        if role == KEY:
            return None
        raise _no_place(name)


def _in_a_server(what: str) -> BadConfiguration:
    """Say whose work it is."""
    return BadConfiguration(
        f"This site's {what} is in PostgreSQL, so this command cannot copy it at one "
        "moment with the rest; use the database's own backup, and stop the node for "
        "the time of it."
    )


def _no_place(name: str) -> BadConfiguration:
    """Say that a member fits nowhere."""
    shown = name if name.isprintable() else "a member"
    return BadConfiguration(
        f"The backup holds {shown[:60]}, which this version has no place for; restore "
        "it with the version that wrote it."
    )
