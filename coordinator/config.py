"""What an operator may set at the centre: one TOML file in the home directory."""

import os
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from privacy import roster
from privacy.errors import BadConfiguration
from proto import keys

FILE: Final = "coordinator.toml"
STATEMENT: Final = "statement"
DEFAULT_NETWORK: Final = "cmpp"
DEFAULT_TRAINING: Final = f"{roster.TRAINING}{DEFAULT_NETWORK}"

_SAMPLE: Final = """\
# The centre's settings. Unknown keys are refused.

# Where sites redeem their invitations; must be reachable from them.
join_address = "{join_address}"

# Where sites that dial out open their links, and renew certificates; must be
# reachable from them.
link_address = "{link_address}"

# Where commands on this machine reach those sites, through `cmpp serve`.
local_address = "{local_address}"

# The network's name, which every roster, mandate and policy repeats.
network = "{network}"

# Where noisy answers are kept: left out, a file in this directory; or, for example,
# store_url = "postgresql+psycopg://cmpp@db.example.org/cmpp"

# How long a question may wait for its slowest site.
deadline_seconds = 180

# The longest one call to a node may take; longer than the node's reply deadline.
call_timeout_seconds = 60

# How often a published interval should hold the exact figure.
confidence = "0.95"

invitation_hours = 72
certificate_days = 30
"""


_PORT_MAX: Final = 65_535
_PORT_UNPRIVILEGED: Final = 1024
_PORT_LOCAL: Final = 7442
_OUTSIDE: Final = r"^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$"
_LOOPBACK: Final = r"^(127\.0\.0\.1|localhost):[0-9]{1,5}$"


class CoordinatorConfig(BaseModel):
    """The settings, checked once at the start."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    join_address: Annotated[str, Field(pattern=_OUTSIDE)]
    link_address: Annotated[str, Field(pattern=_OUTSIDE)] | None = None
    local_address: Annotated[str, Field(pattern=_LOOPBACK)] = f"127.0.0.1:{_PORT_LOCAL}"
    network: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,31}$")] = DEFAULT_NETWORK
    store_url: str | None = Field(default=None, repr=False)
    deadline_seconds: Annotated[int, Field(ge=1, le=86_400)] = 180
    call_timeout_seconds: Annotated[int, Field(ge=1, le=3_600)] = 60
    confidence: Annotated[str, Field(pattern=r"^0\.[0-9]{1,9}$")] = "0.95"
    invitation_hours: Annotated[int, Field(ge=1, le=720)] = 72
    certificate_days: Annotated[int, Field(ge=1, le=90)] = 30

    @property
    def training(self) -> bool:
        """Whether every site's records are invented: the network's name says so."""
        return roster.is_training(self.network)

    @property
    def confidence_exact(self) -> Fraction:
        """The confidence as an exact fraction."""
        return Fraction(self.confidence)

    @staticmethod
    def sample(
        *,
        join_address: str,
        link_address: str | None = None,
        network: str = DEFAULT_NETWORK,
    ) -> str:
        """Return the text of a settings file with every default spelled out.

        Args:
            join_address: Where sites redeem invitations.
            link_address: Where they dial in; one port further unless told.
            network: The network's name.
        """
        host, _, port = join_address.rpartition(":")
        link = link_address or f"{host}:{_beside(port, 1)}"
        return _SAMPLE.format(
            join_address=join_address,
            link_address=link,
            local_address=f"127.0.0.1:{_local(link.rpartition(':')[2])}",
            network=network,
        )


class Home:
    """Say where everything of the centre lies below its one directory."""

    def __init__(self, directory: Path) -> None:
        """Name the directory; nothing is read yet."""
        self.directory = directory
        self.config_file = directory / FILE
        self.authority = directory / "authority"
        self.identity = directory / "identity"
        self.statement_key_file = self.identity / f"{STATEMENT}.key"
        self.store_file = directory / "store.sqlite"

    def make(
        self,
        *,
        join_address: str,
        link_address: str | None = None,
        network: str = DEFAULT_NETWORK,
    ) -> None:
        """Make the directory, its settings file and the coordinator's statement key.

        Raises:
            BadConfiguration: there is one already, or a setting is wrong.
        """
        sample = CoordinatorConfig.sample(
            join_address=join_address, link_address=link_address, network=network
        )
        _checked(sample)
        if self.config_file.exists():
            raise BadConfiguration(
                f"{self.directory} already holds a coordinator; choose another "
                "directory with --home, or use this one as it is."
            )
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.config_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(sample)
        keys.init(self.identity, name=STATEMENT, passphrase=None)

    def config(self) -> CoordinatorConfig:
        """Read the settings.

        Raises:
            BadConfiguration: there are none, or one of them is wrong.
        """
        try:
            return _checked(self.config_file.read_text("utf-8"))
        except FileNotFoundError as error:
            raise BadConfiguration(
                f"{self.directory} holds no coordinator; make one with `cmpp init`, "
                "or name its directory with --home."
            ) from error
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadConfiguration(
                f"{FILE} cannot be read ({error}); correct it."
            ) from error


def _local(port: str) -> int:
    """Return a port for our own commands, never one that takes a privilege."""
    beside = _beside(port, 1)
    return beside if beside >= _PORT_UNPRIVILEGED else _PORT_LOCAL


def _beside(port: str, step: int) -> int:
    """Return a port near another; what is no number is refused where it is read."""
    number = int(port) if port.isdecimal() else 0
    return number + step if number + step <= _PORT_MAX else number - 2 * step


def _checked(text: str) -> CoordinatorConfig:
    """Read the settings from their text.

    Raises:
        BadConfiguration: one of them is wrong.
    """
    try:
        return CoordinatorConfig.model_validate(tomllib.loads(text))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadConfiguration(
            f"The setting {key!r} in {FILE} is wrong ({first['msg']}); correct it."
        ) from error
