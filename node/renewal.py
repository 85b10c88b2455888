"""Keep the node's certificate fresh, and tell people while there is still time.

A fresh key and certificate are fetched when about a third of the certificate's life
is left, at a moment chosen by chance so that sites do not all come at once. The new
pair comes into use in one step, and doors that are open take it at their next
handshake: nothing is restarted and no call is lost. People are told when it does not
work, and again at three marks before the end.

Whatever happens on the way, there is a whole pair: the fresh key has a file of its
own, and only the certificate's file, replaced last, names it.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from node import identity
from node.notify import Notice, Notifier
from privacy.errors import BadConfiguration, Busy, ExchangeError, Unreachable
from proto import credentials, mtls, renewal
from proto.proxy import proxy_for

FAILING_FILE: Final = "renewal-failing"
_LOCK_FILE: Final = "renewal.lock"

_MARKS: Final = (
    (timedelta(days=30), 4),
    (timedelta(days=7), 8),
    (timedelta(days=1), 24),
)
"""Each mark: so long before the end, or that part of the life if it is shorter."""

_LEFT_AT_RENEWAL: Final = 3
_CHANCE_PART: Final = 12
_CHANCE_STEPS: Final = 1 << 20
_QUIET_FOR: Final = timedelta(days=1)
_QUIET_PART: Final = 30
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_PAUSE_PART: Final = 100

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failing:
    """Hold since when renewing has failed, and the code of the last error."""

    since: datetime
    code: str


class Renewal:
    """Renew one node's certificate in good time."""

    def __init__(
        self,
        directory: Path,
        *,
        site: str,
        address: str | None,
        notifier: Notifier,
        clock: Callable[[], datetime],
        proxy_url: str | None = None,
    ) -> None:
        """Say what is renewed, and where; nothing happens before `start`.

        Args:
            directory: Where the node's keys and certificate are.
            site: The site's short name, which the certificate must keep.
            address: Where the coordinator is, ``host:port``; None if unknown.
            notifier: Who is told when it does not work.
            clock: Tells the time, with its time zone.
            proxy_url: The proxy of the settings; see `proto.proxy`.
        """
        self._directory = directory
        self._site = site
        self._address = address
        self._notifier = notifier
        self._clock = clock
        self._proxy_url = proxy_url
        self._chances: dict[bytes, float] = {}
        self._pauses = 0
        self._next_try: datetime | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin to look."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look no more."""
        self.stop()

    def start(self, *, every_seconds: float = 60.0) -> None:
        """Begin to look, again and again, beside the node and never in its way."""
        self._thread = threading.Thread(
            target=self._keep_looking, args=(every_seconds,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a renewal under way ends by itself, whole or not at all."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)
        self._notifier.wait()

    def look(self, *, now: datetime) -> bool:
        """Renew if it is time, and tell people what they must know.

        Returns:
            Whether there is a fresh certificate.
        """
        used = credentials.certificate(self._directory)
        renewed = False
        if self._is_due(used, now) and self._address is not None:
            renewed = self._try(used, now)
        self._tell(now)
        return renewed

    def renew(self, *, now: datetime) -> None:
        """Exchange the certificate for a fresh one on a new key, now.

        Raises:
            BadConfiguration: It is not known where the coordinator is, or there is
                no certificate yet.
            Busy: Another process of this site is renewing.
            Unreachable: The coordinator did not answer.
            Untrusted: It does not accept the certificate in use, or is not the one
                who signed it.
        """
        if self._address is None:
            raise BadConfiguration(
                "The settings do not say where the coordinator is, so the certificate "
                "cannot be renewed; set coordinator_address under [dial] in node.toml."
            )
        with self._lock():
            try:
                self._exchange(self._address, now)
            except Busy as error:
                # Of the coordinator, not of this site: it counts as failing, or
                # nobody here would hear of it until the certificate lapsed.
                raise Unreachable(
                    "The coordinator has no room for this site's renewals now; if it "
                    "stays so, ask its operator whether somebody else renews with the "
                    "site's certificate."
                ) from error
            (self._directory / FAILING_FILE).unlink(missing_ok=True)
        _LOG.info("certificate renewed")

    def _exchange(self, address: str, now: datetime) -> None:
        """Make a key, have it signed, and put both into use."""
        used = credentials.load(self._directory)
        # The same key as last time, if there was no reply then: so an unsteady network
        # does not use up certificates.
        fresh = credentials.next_key(self._directory)
        request = credentials.signing_request(credentials.read_key(fresh))
        with mtls.channel(
            address,
            peer_dns=mtls.COORDINATOR_DNS,
            authority=used.authority,
            identity=used,
            proxy=proxy_for(address, setting=self._proxy_url),
        ) as channel:
            leaf = renewal.renew(channel, request)
        identity.check(leaf, authority=used.authority, site=self._site, now=now)
        credentials.install(
            self._directory, leaf=leaf, authority=used.authority, key_file=fresh
        )
        credentials.forget_other_keys(self._directory)

    def _try(self, used: x509.Certificate, now: datetime) -> bool:
        """Renew, and keep note if it does not work."""
        if self._next_try is not None and now < self._next_try:
            return False
        try:
            self.renew(now=now)
        except Busy:
            return False
        except ExchangeError as error:
            self._note(type(error).code, now)
            pause = min(
                _FIRST_PAUSE * 2 ** min(self._pauses, 10),
                _LONGEST_PAUSE,
                _life(used) / _PAUSE_PART,
            )
            self._next_try = now + pause * (0.5 + _chance() / 2)
            self._pauses += 1
            _LOG.warning("certificate not renewed kind=%s", type(error).code)
            return False
        self._next_try, self._pauses = None, 0
        return True

    def _is_due(self, used: x509.Certificate, now: datetime) -> bool:
        """Tell whether a third of the life is left, or a little more by chance."""
        # Drawn once for each certificate, or looking often would make it early.
        mark = used.fingerprint(hashes.SHA256())
        chance = self._chances.setdefault(mark, _chance())
        early = _life(used) * chance / _CHANCE_PART
        moment = used.not_valid_after_utc - _life(used) / _LEFT_AT_RENEWAL - early
        return now >= moment

    def _tell(self, now: datetime) -> None:
        """Tell people of a certificate near its end, and of failing."""
        used = credentials.certificate(self._directory)
        issuer = x509.load_pem_x509_certificate(credentials.authority(self._directory))
        for each in (used, issuer):
            mark = mark_passed(each, now=now)
            if mark is not None:
                about = f"{each.fingerprint(hashes.SHA256()).hex()} {mark}"
                self._notifier.tell(Notice.CERTIFICATE, about=about)
        found = failing(self._directory)
        quiet = min(_QUIET_FOR, _life(used) / _QUIET_PART)
        if found is not None and now - found.since >= quiet:
            self._notifier.tell(Notice.NOT_RENEWED, about=found.since.isoformat())

    def _note(self, code: str, now: datetime) -> None:
        """Keep since when it has not worked, for `status` and for the next start."""
        before = failing(self._directory)
        since = now if before is None else before.since
        with contextlib.suppress(OSError):
            (self._directory / FAILING_FILE).write_text(
                f"{since.isoformat()} {code}\n", encoding="ascii"
            )

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep every other process of this site from renewing at the same time."""
        try:
            file = (self._directory / _LOCK_FILE).open("a")
        except OSError as error:
            raise BadConfiguration(
                f"{self._directory} cannot be written, so the certificate cannot be "
                "renewed; look at the disk and the folder's owner."
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Busy(
                    "Another process of this site is renewing the certificate; wait "
                    "for it to end."
                ) from None
            yield

    def _keep_looking(self, every_seconds: float) -> None:
        """Look until told to stop; what fails is looked at again later."""
        while not self._ended.is_set():
            with contextlib.suppress(ExchangeError, OSError, ValueError):
                self.look(now=self._clock())
            self._ended.wait(every_seconds)


def failing(directory: Path) -> Failing | None:
    """Read since when renewing has failed, if it has."""
    try:
        since, code = (directory / FAILING_FILE).read_text("ascii").split()
        return Failing(datetime.fromisoformat(since), code)
    except (OSError, ValueError):
        return None


def mark_passed(certificate: x509.Certificate, *, now: datetime) -> int | None:
    """Say which mark before a certificate's end has passed, from 0 to 2, if any.

    The marks are 30, 7 and 1 days before it; for a certificate that lives shorter,
    a quarter, an eighth and a twenty-fourth of its life, where that is less.
    """
    left = certificate.not_valid_after_utc - now
    life = _life(certificate)
    passed = [
        number
        for number, (most, part) in enumerate(_MARKS)
        if left <= min(most, life / part)
    ]
    return passed[-1] if passed else None


def _life(certificate: x509.Certificate) -> timedelta:
    return certificate.not_valid_after_utc - certificate.not_valid_before_utc


def _chance() -> float:
    return secrets.randbelow(_CHANCE_STEPS) / _CHANCE_STEPS
