"""Read ``node.toml``: every setting known, every unit in its name.

Nothing here makes a node less private. The timetable of replies is chosen by
size class only, and no setting touches the noise, the caps or the ledger's rules.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from privacy.errors import BadConfiguration
from proto import mtls
from proto.proxy import PROXY_URL

_STRICT = ConfigDict(
    extra="forbid", frozen=True, strict=True, hide_input_in_errors=True
)

_ADDRESS = r"^[^@\s<>\",;]{1,64}@[A-Za-z0-9.-]{1,190}$"
INVENTED: Final = "TRAINING-"
"""How every invented case and person number begins; a live site takes in none."""

TRAINING_MARK: Final = "training.txt"
"""Beside the settings of a site made for training: what a line in them cannot undo."""

_LISTENING: Final = r"^[A-Za-z0-9.:\[\]-]+:[0-9]{1,5}$"
KEY_PLACE = r"^(file:.+|credential:[A-Za-z0-9._-]+|keyring:[^/]+/[^/]+)$"
_WEBHOOK = r"^(https://|http://(127\.0\.0\.1|localhost)[:/])\S{1,500}$"


def _coordinator(uri: str) -> str:
    if not uri.startswith(f"spiffe://{mtls.TRUST_DOMAIN}/coordinator"):
        raise ValueError("a coordinator is named by its SPIFFE URI")
    return uri


class RecordsConfig(BaseModel):
    """Say where the site's own records are.

    Attributes:
        kind: ``duckdb`` (encrypted file), ``sqlite`` or ``postgresql``.
        path: The folder of its generations, for the first two.
        key: Where the key of the encrypted file is kept: ``file:PATH``,
            ``credential:NAME`` or ``keyring:SERVICE/NAME``.
        url: The address, for PostgreSQL; not printed.
    """

    model_config = _STRICT

    kind: Literal["duckdb", "sqlite", "postgresql"]
    path: Annotated[Path, Field(strict=False)] | None = None
    key: Annotated[str, Field(pattern=KEY_PLACE)] | None = None
    url: SecretStr | None = None

    @model_validator(mode="after")
    def _fits_the_kind(self) -> Self:
        wanted = {
            "duckdb": {"path", "key"},
            "sqlite": {"path"},
            "postgresql": {"url"},
        }[self.kind]
        given = {
            name for name in ("path", "key", "url") if getattr(self, name) is not None
        }
        if given != wanted:
            raise ValueError(f"{self.kind} takes {' and '.join(sorted(wanted))}")
        return self


class MailConfig(BaseModel):
    """Say how a message is sent to people of the site.

    Attributes:
        host: The mail server.
        port: Where it listens; the connection is always encrypted.
        from_address: Who seems to write.
        to_addresses: Who is told.
        username: For the mail server, if it asks.
        password_file: The password's file; readable by its owner only.
    """

    model_config = _STRICT

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 465
    from_address: Annotated[str, Field(pattern=_ADDRESS)]
    to_addresses: Annotated[
        list[Annotated[str, Field(pattern=_ADDRESS)]],
        Field(min_length=1, max_length=20),
    ]
    username: str | None = None
    password_file: Annotated[Path, Field(strict=False)] | None = None


class NotifyConfig(BaseModel):
    """Say how the site's own people are told that something needs them.

    What is sent is one of a few fixed sentences, without any content.

    Attributes:
        command: A program and its arguments; it gets the sentence as its last one.
        webhook_url: Gets the sentence by POST; https, or plain on this machine.
        mail: A mail server.
    """

    model_config = _STRICT

    command: Annotated[list[str], Field(min_length=1, max_length=16)] | None = None
    webhook_url: Annotated[str, Field(pattern=_WEBHOOK)] | None = None
    mail: MailConfig | None = None

    def below(self, folder: Path) -> Self:
        """Take the one relative path from a folder."""
        if self.mail is None or self.mail.password_file is None:
            return self
        path = folder / self.mail.password_file
        mail = self.mail.model_copy(update={"password_file": path})
        return self.model_copy(update={"mail": mail})


def _proxy(url: SecretStr) -> SecretStr:
    if not re.fullmatch(PROXY_URL, url.get_secret_value(), re.ASCII):
        raise ValueError("a proxy is written http://host:port")
    return url


class DialConfig(BaseModel):
    """Say how the coordinator is reached from behind a firewall.

    Attributes:
        coordinator_address: Where sites dial in, ``host:port``.
        proxy_url: The proxy to go through, if not the one the environment names; may
            hold a password; not printed.
    """

    model_config = _STRICT

    coordinator_address: Annotated[str, Field(pattern=_LISTENING)]
    proxy_url: Annotated[SecretStr, AfterValidator(_proxy)] | None = None

    @property
    def proxy(self) -> str | None:
        """The proxy's address in the clear, if one is set."""
        return None if self.proxy_url is None else self.proxy_url.get_secret_value()

    @classmethod
    def of(cls, address: str, *, proxy_url: str | None = None) -> Self:
        """Say where to dial, and through which proxy.

        Raises:
            BadConfiguration: One of them is not of its form.
        """
        secret = None if proxy_url is None else SecretStr(proxy_url)
        try:
            return cls(coordinator_address=address, proxy_url=secret)
        except ValidationError as error:
            raise BadConfiguration(f"dial.{_first(error)}; correct it.") from error

    def section(self) -> str:
        """Write the settings' section."""
        lines = ["[dial]", f'coordinator_address = "{self.coordinator_address}"']
        if self.proxy is not None:
            lines.append(f'proxy_url = "{self.proxy}"')
        return "\n".join([*lines, ""])


class NodeConfig(BaseModel):
    """Hold the settings of one node.

    Attributes:
        site: The site's short name, as on its certificate.
        listen_address: Where `serve` listens, ``host:port``; nothing listens if it
            is not set.
        size_class: Decides when replies leave; public.
        coordinator: The SPIFFE URI of the one caller that may ask.
        identity_directory: Key, certificate, authority, revoked fingerprints.
        policy_file: The text of the next policy, until it is signed and adopted.
        ledger_url: Where the ledger is; a file by default; not printed.
        key_map_key: Where the key of the map from case numbers is kept, as for the
            records.
        drain_seconds: How long calls inside may take to finish at the end.
        dial: How the coordinator is reached, to dial in and to renew; unknown if it
            is not set.
        notify: How the site's own people are told; nobody is if it is not set.
        training: Every record here is invented, and no live network takes this site.
        records: Where the records are.
    """

    model_config = _STRICT

    site: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,15}$")]
    listen_address: Annotated[str, Field(pattern=_LISTENING)] | None = None
    size_class: Literal["small", "medium", "large"]
    coordinator: Annotated[str, AfterValidator(_coordinator)] = mtls.COORDINATOR_URI
    identity_directory: Annotated[Path, Field(strict=False)]
    policy_file: Annotated[Path, Field(strict=False)]
    ledger_url: SecretStr
    key_map_key: Annotated[str, Field(pattern=KEY_PLACE)] = "file:keys.key"
    drain_seconds: Annotated[float, Field(gt=0, le=600, strict=False)] = 30.0
    dial: DialConfig | None = None
    notify: NotifyConfig = NotifyConfig()
    training: bool = False
    records: RecordsConfig

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the settings; relative paths are taken from the file's own folder.

        Raises:
            BadConfiguration: A setting is missing, unknown or impossible.
        """
        try:
            text = path.read_text(encoding="utf-8")
            config = cls.model_validate(tomllib.loads(text))
        except OSError as error:
            raise BadConfiguration(
                f"{path} cannot be read; run cmpp-node init, or name the site's "
                "directory with --home."
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadConfiguration(
                f"{path} is not valid TOML; correct the file."
            ) from error
        except ValidationError as error:
            raise BadConfiguration(f"{path}: {_first(error)}; correct it.") from error
        return config.below(path.resolve().parent)

    @classmethod
    def sample(
        cls,
        site: str,
        *,
        training: bool = False,
        listen_address: str | None = None,
        dial: DialConfig | None = None,
    ) -> str:
        """Write the settings of a new node, ready to be read back."""
        listening = _NO_LISTENING
        if listen_address is not None:
            listening = f'listen_address = "{listen_address}"'
        return _SAMPLE.format(
            site=site,
            training=_TRAINING if training else "",
            listening=listening,
            dialling=_NO_DIALLING if dial is None else dial.section(),
        )

    def below(self, folder: Path) -> Self:
        """Take every relative path, also the ledger's, from one folder."""
        sqlite = "sqlite:///"
        url = self.ledger_url.get_secret_value()
        if url.startswith(sqlite):
            url = f"{sqlite}{folder / url.removeprefix(sqlite)}"
        records = self.records
        if records.path is not None:
            records = records.model_copy(update={"path": folder / records.path})
        names = ("identity_directory", "policy_file")
        paths = {name: folder / getattr(self, name) for name in names}
        return self.model_copy(
            update={
                **paths,
                "ledger_url": SecretStr(url),
                "notify": self.notify.below(folder),
                "records": records,
            }
        )


def _first(error: ValidationError) -> str:
    """Name the first setting that is wrong, without repeating its value."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    return f"{where}: {first['msg'].lower()}"


_TRAINING = """\

# Every record here is invented. A training site answers training networks only;
# for real records make a new site in another directory.
training = true

"""

_NO_LISTENING: Final = """\

# This site dials out (`cmpp-node dial`), and nothing listens here. Only where the
# coordinator is to call the site: set this, and run `cmpp-node serve` instead.
# listen_address = "127.0.0.1:7443\""""

_NO_DIALLING: Final = """\
# Where the coordinator is, to dial in and to renew the certificate: an invitation
# says it, and joining writes it here. The proxy only if https_proxy does not say.
# [dial]
# coordinator_address = "coordinator.example.org:7441"
# proxy_url = "http://proxy.example.org:3128"
"""

_SAMPLE = """\
# Settings of one site's node. Relative paths start from this file's folder.

site = "{site}"
{training}{listening}

# small, medium or large: about 10 thousand, 100 thousand or 1 million households.
# Public: it decides how long after a question every reply leaves.
size_class = "small"

coordinator = "spiffe://cmpp.exchange/coordinator"
identity_directory = "identity"

policy_file = "policy.toml"

ledger_url = "sqlite:///ledger.sqlite"
drain_seconds = 30

{dialling}
# To tell the privacy officer that something waits, without saying what:
# [notify]
# command = ["/usr/local/bin/tell-the-officer"]
# webhook_url = "https://chat.example.org/hook"
# [notify.mail]
# host = "mail.example.org"
# from_address = "node@example.org"
# to_addresses = ["officer@example.org"]

[records]
kind = "duckdb"
path = "records"
# file:PATH, credential:NAME (systemd) or keyring:SERVICE/NAME
key = "file:records.key"
"""
