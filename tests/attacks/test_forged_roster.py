"""A coordinator can neither invent sites, replace keys, nor change what words mean.

A roster counts once the sites signed it and the operator agreed; an edition once the
Board signed it and an officer accepted it; and never an older one after a newer.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from privacy import edition
from privacy.chain import Kind
from privacy.period import Period
from privacy.signing import Document
from proto.wire import Answer
from tests import governed, liar, living_site, programme_samples
from tests import signed_samples as samples
from tests.forging import (
    ADOPTED,
    KNOWN,
    NO,
    REFUSED,
    WAITING,
    number,
    put_by_coordinator,
)
from tests.governed import accept
from tests.liar import MALFORMED, Network
from tests.members import ROSTER, SEATS, SITES
from tests.own_records import NOW
from tests.signed_samples import signed


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with liar.network(tmp_path_factory.mktemp("network")) as opened:
        yield opened


# ---- rosters --------------------------------------------------------------------


def roster(*signers: str, **changes: object) -> Document:
    """Return the next roster, signed by all sites unless told."""
    parts = {"sites": SITES, "seats": SEATS, "version": 2, "previous": ROSTER} | changes
    return samples.roster(*signers, **parts)


INVENTED = ("BAL", "DCA", "HOU", "LAX", "NYC", "SFO", "SEA", "MIA")
REPLACED = {name: name for name in SITES} | {"HOU": "mallory"}

ROSTERS: dict[str, Document] = {
    "with sites it invented": roster("SFO", "SEA", "MIA", sites=INVENTED),
    "with sites it invented and no site's consent": roster(
        "SFO", "SEA", "MIA", "coordinator", "ana", "ben", sites=INVENTED
    ),
    "with a site's key replaced": roster(
        "BAL", "DCA", "LAX", "NYC", "mallory", sites=REPLACED
    ),
    "with one site's signature missing": roster(*SITES[:-1]),
    "signed by the coordinator": roster("coordinator"),
    "signed by the Board": roster("ana", "ben", "cleo", "dirk"),
    "that does not follow": roster(previous=samples.roster()),
    "of a version left out": roster(version=3),
    "of the same version": roster(version=1, previous=None, board_signatures=3),
    "of another network": roster(network='"other"'),
    "with most sites gone": roster(
        sites=("HOU", "LAX", "NYC", "SFO", "SEA", "MIA")[2:]
    ),
    "with two sites swapped for two others": roster(
        sites=("HOU", "LAX", "NYC", "SEA", "SFO")
    ),
    "with two sites more": roster(sites=(*SITES, "SEA", "SFO")),
    "without this site": roster(sites=SITES[:-1]),
    "with a board of one signature": roster(board_signatures=1),
    "with too few sites": roster(sites=("NYC", "HOU")),
}


@pytest.mark.parametrize("forged", ROSTERS.values(), ids=ROSTERS)
def test_a_forged_roster_is_refused_even_if_the_operator_agreed(
    net: Network, forged: Document
) -> None:
    rules, before = net.rules(), net.state()
    assert net.liar.deliver(forged) == REFUSED
    assert net.rules() == rules
    net.nyc.charter.enact(Kind.AGREED, subject=forged.digest.hex(), now=NOW)
    rules = net.rules()
    assert net.liar.deliver(forged) == REFUSED
    assert (net.rules(), net.state()) == (rules, before)
    assert isinstance(net.liar.ask(net.fresh()), Answer)


def test_a_roster_needs_its_operator_and_an_old_one_never_returns(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with liar.network(tmp_path_factory.mktemp("rosters")) as net:
        good = roster()
        assert net.liar.deliver(good) == REFUSED
        net.nyc.charter.enact(Kind.AGREED, subject=good.digest.hex(), now=NOW)
        assert net.liar.deliver(good) == ADOPTED
        assert net.liar.deliver(good) == KNOWN
        rules = net.rules()
        assert net.liar.deliver(ROSTER) == REFUSED
        assert net.rules() == rules
        assert isinstance(net.liar.ask(net.fresh()), Answer)


# ---- editions -------------------------------------------------------------------


def _redefined(number: int, remark: str = "") -> Document:
    """Return an edition in which M08 asks what M09 asks."""
    files = programme_samples.shipped()
    text = files["reach.toml"]
    body = text.split("[metrics.M09.queries.active]", 1)[1].split("\n[", 1)[0]
    old = '[metrics.M08.queries.enrolled]\nuse = "enrolled_households"\n'
    assert old in text
    new = f"[metrics.M08.queries.enrolled]{body}\n"
    files["reach.toml"] = text.replace(old, new)
    files["programme"] += f"# edition {number}{remark}\n"
    return edition.draft(files, network="cmpp", number=number)


def test_no_edition_changes_what_a_mandate_means(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The edition is signed and accepted, and M08 means something else in it."""
    made = _redefined(2)
    new = edition.parse(made).programme
    (query,) = new.queries(new.metric("M08"), Period("FY2024-H2")).values()
    with liar.network(tmp_path_factory.mktemp("editions")) as net:
        rules = net.rules()
        forgers = (("dirk",), ("ana",), ("ana", "dirk"), ("ana", "abel"), SITES)
        for names in ((), *forgers):
            assert net.liar.deliver(signed(made, *names)) == REFUSED
        assert net.rules() == rules
        honest = signed(made, "ana", "ben")
        assert net.liar.deliver(honest) == WAITING
        accept(net.nyc.charter, honest, now=NOW)
        # What the Board signed is asked as before, and the new meaning is not.
        asked = living_site.ask("M08")
        before = net.state()
        redefined = replace(asked, query=query.canonical_form)
        assert redefined != asked
        assert net.liar.put(put_by_coordinator(redefined)) == MALFORMED
        newly = put_by_coordinator(replace(redefined, catalogue_version=new.version))
        assert net.liar.put(newly) == NO
        assert net.state() == before
        assert isinstance(net.liar.ask(asked), Answer)
        # Under a mandate that names it, the new meaning is asked.
        under = governed.mandate(now=NOW, number=number(), programme=f'"{new.version}"')
        assert net.liar.deliver(under) == WAITING
        accept(net.nyc.charter, under, now=NOW)
        newly = put_by_coordinator(replace(newly, mandate=under.digest))
        assert isinstance(net.liar.ask(newly), Answer)
        # An older edition, or another of the same number, never comes back.
        rules = net.rules()
        for late in (_redefined(1), _redefined(2, "again")):
            assert net.liar.deliver(signed(late, "ana", "ben")) == REFUSED
        assert net.liar.deliver(honest) == KNOWN
        assert net.rules() == rules
