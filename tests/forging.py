"""Ways to forge what others must sign, and to check that the honest version works."""

import itertools
from collections.abc import Callable
from dataclasses import replace

from privacy.signing import Document
from proto.wire import Answer, Ask, Refusal, RefusalCode
from tests import signed_samples as samples
from tests.governed import accept
from tests.liar import Network
from tests.own_records import NOW
from tests.signed_samples import signed

ADOPTED, WAITING, KNOWN, REFUSED = "adopted", "waiting", "known", "refused"
NO = Refusal(code=RefusalCode.NOT_ALLOWED)


_numbers = itertools.count(1)


def number() -> str:
    """Return the number of a mandate that was never used."""
    return f'"2025-{next(_numbers)}"'


def unsigned(document: Document) -> Document:
    return replace(document, signatures=())


def by(*names: str) -> Callable[[Document], Document]:
    """Have only these people sign."""
    return lambda document: signed(unsigned(document), *names)


def changed(old: str, new: str) -> Callable[[Document], Document]:
    """Change the text and keep the signatures."""

    def change(document: Document) -> Document:
        text = document.content.decode()
        assert old in text
        return replace(document, content=text.replace(old, new).encode())

    return change


def signed_again(old: str, new: str) -> Callable[[Document], Document]:
    """Have two members sign another text."""
    return lambda document: by("ana", "ben")(changed(old, new)(document))


def opened(net: Network, honest: Document) -> None:
    """Check that the honest version, once an officer accepts it, opens a question."""
    assert net.liar.deliver(honest) == WAITING
    question = net.fresh(mandate=honest.digest)
    assert net.liar.ask(question) == NO
    accept(net.nyc.charter, honest, now=NOW)
    assert isinstance(net.liar.ask(question), Answer)


def put_by_coordinator(ask: Ask) -> Ask:
    return ask.signed_by(samples.key("coordinator"))
