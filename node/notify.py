"""Tell the site's own people that something needs them, without saying what.

Whatever carries a message (a mail server, a chat, a telephone) is not ours, so a
message is one of a few fixed sentences with the site's name: no number, no metric,
no digest, nothing the Board sent. Each event is told once; which were told is kept
in a folder, one empty file for each, named by a hash. A message that does not arrive
stops nothing and is not tried again.
"""

import contextlib
import datetime as dt
import hashlib
import os
import smtplib
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from email.message import EmailMessage
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Final, NoReturn

from node.config import MailConfig, NotifyConfig
from node.ledger import Account, Scope
from privacy.errors import ExchangeError
from privacy.law import Law
from privacy.mandate import Turn

MARKS: Final = (75, 90, 100)
"""Parts of a cap, in per cent, at which people are told."""

LAPSES_DAYS: Final = (30, 7, 1)
LONG_DAYS: Final = 5

_PATIENCE_SECONDS: Final = 10.0
_HUNDRED: Final = 100


class Notice(Enum):
    """The only sentences that are ever sent, with the site's name at the end."""

    WAITS = "Something waits for the privacy officer at site {site}."
    WAITS_LONG = "Something has waited for days for the privacy officer at site {site}."
    BUDGET = "A budget mark was passed at site {site}."
    LAPSES = "The policy lapses before long at site {site}."
    CERTIFICATE = "A certificate lapses before long at site {site}."
    NOT_RENEWED = "The certificate could not be renewed at site {site}."
    STOPPED = "Questions are no longer answered at site {site}."

    def text(self, site: str) -> str:
        """Return the sentence for a site."""
        return self.value.format(site=site)


class Notifier:
    """Tell people of each event at most once."""

    def __init__(self, site: str, settings: NotifyConfig, *, memory: Path) -> None:
        """Say whom to tell, and where to keep what was told.

        Args:
            site: The site's short name.
            settings: How people are told; nobody is if nothing is set.
            memory: A folder of the site's own; made when first used.
        """
        self._site = site
        self._settings = settings
        self._memory = memory
        self._sending: list[threading.Thread] = []

    def look(
        self, law: Law, levels: Iterable[tuple[Account, Fraction]], *, now: dt.datetime
    ) -> None:
        """Tell of everything that is so now and was not told yet.

        Args:
            law: The rules in force.
            levels: Each account and how full it is, as the ledger says.
            now: The moment.
        """
        if not is_stopped(law):
            self._forget(Notice.STOPPED, "")
        for notice, about in due(law, levels, now=now):
            self.tell(notice, about=about)

    def tell(self, notice: Notice, *, about: str) -> bool:
        """Tell people of one event, in the background; return whether it was new.

        Args:
            notice: What is said.
            about: Which event it is; kept as a hash and never sent.
        """
        if not self._is_new(notice, about):
            return False
        if self._settings == NotifyConfig():
            return True
        sending = threading.Thread(
            target=self._send, args=(notice.text(self._site),), daemon=True
        )
        self._sending = [each for each in self._sending if each.is_alive()]
        self._sending.append(sending)
        sending.start()
        return True

    def wait(self) -> None:
        """Let messages on their way leave; none takes longer than its patience."""
        for sending in self._sending:
            sending.join()

    def _is_new(self, notice: Notice, about: str) -> bool:
        """Claim an event: of any number of processes, one succeeds, and once."""
        try:
            self._memory.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
            os.close(os.open(self._kept(notice, about), flags, 0o600))
        except OSError:
            return False  # told before; or it cannot be kept, and would be told often
        return True

    def _forget(self, notice: Notice, about: str) -> None:
        """Let an event that is over be told when it comes again."""
        with contextlib.suppress(OSError):
            self._kept(notice, about).unlink(missing_ok=True)

    def _kept(self, notice: Notice, about: str) -> Path:
        """Return where it is kept that an event was told."""
        named = f"{notice.name}\x00{about}".encode()
        return self._memory / hashlib.sha256(named).hexdigest()

    def _send(self, text: str) -> None:
        """Send one sentence every way that is set; one that fails stops no other."""
        settings = self._settings
        if settings.command is not None:
            _run([*settings.command, text])
        if settings.webhook_url is not None:
            _post(settings.webhook_url, text)
        if settings.mail is not None:
            _mail(settings.mail, text)


class Lookout:
    """Look again and again, beside the node and never in its way."""

    def __init__(
        self,
        notifier: Notifier,
        *,
        law: Callable[[], Law],
        levels: Callable[[], Iterable[tuple[Account, Fraction]]],
        clock: Callable[[], dt.datetime],
        every_seconds: float = 60.0,
    ) -> None:
        """Say what to look at; nothing happens before `start`."""
        self._notifier = notifier
        self._law = law
        self._levels = levels
        self._clock = clock
        self._every = every_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more, and let messages on their way leave."""
        self._ended.set()
        self._thread.join()
        self._notifier.wait()

    def _keep_looking(self) -> None:
        """Look until told to stop; what stops the node is the node's own affair."""
        while not self._ended.is_set():
            with contextlib.suppress(ExchangeError):
                law = self._law()
                levels = self._levels() if law.policy else ()
                self._notifier.look(law, levels, now=self._clock())
            self._ended.wait(self._every)


def due(
    law: Law, levels: Iterable[tuple[Account, Fraction]], *, now: dt.datetime
) -> Iterator[tuple[Notice, str]]:
    """Yield every event that is so now, each with its lasting name."""
    for digest, sent in law.inbox(now).items():
        came = sent.at.isoformat()
        yield Notice.WAITS, f"{digest} {came}"
        if now - sent.at > dt.timedelta(days=LONG_DAYS):
            yield Notice.WAITS_LONG, f"{digest} {came}"
    for account, share in levels:
        passed = [mark for mark in MARKS if share * _HUNDRED >= mark]
        if passed and account.scope is not Scope.MANDATE:
            yield Notice.BUDGET, f"{account.key} {account.cap} {passed[-1]}"
    if law.policy is not None:
        left = law.policy.not_after - now
        passed = [days for days in LAPSES_DAYS if left <= dt.timedelta(days=days)]
        for days in passed[-1:]:
            yield Notice.LAPSES, f"{law.policy.digest.hex()} {days}"
    if is_stopped(law):
        yield Notice.STOPPED, ""


def is_stopped(law: Law) -> bool:
    """Tell whether somebody made the site stop answering."""
    stood_down = law.turn in {Turn.FREEZE, Turn.TERMINATE}
    return law.paused or law.sealed or stood_down


def _run(arguments: list[str]) -> None:
    """Run the site's own program; what it says is not looked at."""
    try:
        subprocess.run(  # noqa: S603 - the operator's own setting, and no shell
            arguments,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_SECONDS,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return


class _StayThere(urllib.request.HTTPRedirectHandler):
    """Follow nobody to another address."""

    def redirect_request(self, *_: object) -> NoReturn:
        """Refuse; the operator named one address."""
        raise urllib.error.URLError("redirected")


def _post(url: str, text: str) -> None:
    """Post the sentence to one address, directly."""
    # The settings let through only https, or plain http on this machine.
    question = urllib.request.Request(  # noqa: S310
        url, data=text.encode(), headers={"Content-Type": "text/plain; charset=utf-8"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StayThere())
    try:
        opener.open(question, timeout=_PATIENCE_SECONDS).close()
    except (OSError, ValueError):
        return


def _mail(settings: MailConfig, text: str) -> None:
    """Mail the sentence, as subject and body, over an encrypted connection."""
    message = EmailMessage()
    message["Subject"] = text
    message["From"] = settings.from_address
    message["To"] = ", ".join(settings.to_addresses)
    message.set_content(text)
    try:
        with smtplib.SMTP_SSL(
            settings.host,
            settings.port,
            timeout=_PATIENCE_SECONDS,
            context=ssl.create_default_context(),
        ) as server:
            if settings.username is not None and settings.password_file is not None:
                password = settings.password_file.read_text("utf-8").strip()
                server.login(settings.username, password)
            server.send_message(message)
    except (OSError, smtplib.SMTPException, ValueError):
        return
