"""A roster is drafted by the centre, and worth nothing until the sites signed it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator import rosters
from coordinator.cli.centre import Centre
from coordinator.config import Home
from coordinator.rosters import Draft
from node import identity
from privacy import roster as lists
from privacy import signing
from privacy.errors import BadConfiguration
from privacy.roster import Standing
from tests import signed_samples as sample
from tests.coordinator.governed import SITES, Governed, governed


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Governed]:
    with governed(tmp_path) as made:
        yield made


def drafted(network: Governed, name: str = "roster.cmpp") -> Path:
    file = network.file(name)
    done = network.cmpp("roster", "draft", file, *network.seats())
    assert done.code == 0, done.err
    return file


def parsed(file: Path) -> lists.Roster:
    return lists.parse(signing.read(file.read_bytes(), signing.Kind.ROSTER))


def agreed(network: Governed, site: str) -> frozenset[str]:
    return network.sites[site].charter.law().agreed


def test_a_draft_pins_the_keys_that_the_sites_sent(network: Governed) -> None:
    found = parsed(drafted(network))
    assert tuple(found.members) == SITES
    for name, site in network.sites.items():
        folder = site.directory / "identity"
        key = identity.statement_key(folder).public_key().public_bytes_raw()
        member = found.members[name]
        assert (member.key, member.mask_key) == (key, identity.masking_key(folder))
        assert member.provider == f"P. of {name}"
    standings = {seat.name: seat.standing for seat in found.board}
    assert standings.pop("dirk") is Standing.CHAIR
    assert set(standings.values()) == {Standing.MEMBER}
    assert (found.network, found.version, found.board_signatures) == ("cmpp", 1, 2)
    assert found.coordinator == network.centre().log.key


def test_a_site_that_has_not_joined_is_not_drafted(network: Governed) -> None:
    network.cmpp("site", "add", "SEA", "--address", "127.0.0.1:9", "--provider", "S")
    file = network.file("roster.cmpp")
    done = network.cmpp("roster", "draft", file, *network.seats())
    assert (done.code, "SEA has not joined" in done.err) == (2, True)
    words = (*network.seats(), "--leave-out", "SEA")
    assert network.cmpp("roster", "draft", file, *words).code == 0
    again = network.cmpp("roster", "draft", file, *words)
    assert (again.code, "never overwritten" in again.err) == (2, True)


def test_fingerprints_are_shown_for_the_telephone(network: Governed) -> None:
    file = drafted(network)
    digest = parsed(file).digest.hex()
    at_centre = network.cmpp("roster", "show", file)
    at_site = network.node("NYC", "roster", "show", file)
    spoken = " ".join(digest[n : n + 4] for n in range(0, 40, 4))
    for said in (at_centre.out, at_site.out):
        assert spoken in said
        for word in ("site HOU", "member ana", "chair dirk", "coordinator"):
            assert word in said
    one = network.cmpp("roster", "show", file, "--json").json
    assert network.node("NYC", "roster", "show", file, "--json").json.items() <= (
        one.items()
    )
    assert set(one["lacks"]) == set(SITES)


def test_an_operator_types_what_was_heard(network: Governed) -> None:
    file = drafted(network)
    digest = parsed(file).digest.hex()
    wrong = network.node("NYC", "roster", "accept", file, typed=f"{'0' * 40}\n")
    assert wrong.code == 1
    assert "not the digest of this roster" in wrong.err
    short = network.node("NYC", "roster", "accept", file, typed=f"{digest[:12]}\n")
    assert short.code == 1
    assert agreed(network, "NYC") == set()
    assert not file.with_name("roster.cmpp.signed").exists()
    spoken = " ".join(digest[n : n + 4].upper() for n in range(0, 40, 4))
    done = network.node("NYC", "roster", "accept", file, typed=f"{spoken}\n")
    assert done.code == 0, done.err
    assert agreed(network, "NYC") == {digest}
    signed = signing.read(
        file.with_name("roster.cmpp.signed").read_bytes(), signing.Kind.ROSTER
    )
    assert signed.signers == {parsed(file).members["NYC"].key}


def test_a_fingerprint_option_names_the_whole_digest(network: Governed) -> None:
    file = drafted(network)
    digest = parsed(file).digest.hex()
    for given in ("", "00", f"{digest}00", digest[:40]):
        done = network.node("NYC", "roster", "accept", file, "--fingerprint", given)
        assert done.code == 1
    assert agreed(network, "NYC") == set()


def test_agreeing_twice_is_one_entry(network: Governed) -> None:
    file = drafted(network)
    network.agree(file)
    mark = network.sites["NYC"].charter.law().mark
    network.agree(file)
    assert network.sites["NYC"].charter.law().mark == mark


def test_a_roster_with_other_keys_for_this_site_is_a_surprise(
    network: Governed,
) -> None:
    file = network.file("other.cmpp")
    file.write_bytes(sample.roster().file())
    digest = sample.roster().digest.hex()
    done = network.node("NYC", "roster", "accept", file, "--fingerprint", digest)
    assert (done.code, "names other keys for site NYC" in done.err) == (1, True)
    without = sample.roster(sites=("HOU", "LAX", "SEA"))
    file.write_bytes(without.file())
    done = network.node(
        "NYC", "roster", "accept", file, "--fingerprint", without.digest.hex()
    )
    assert (done.code, "leaves out site NYC" in done.err) == (1, True)
    assert agreed(network, "NYC") == set()


def test_no_roster_is_shown_before_the_first(network: Governed) -> None:
    done = network.node("NYC", "roster", "show")
    assert (done.code, "no roster in force" in done.err) == (1, True)


def test_gathering_says_who_is_missing(network: Governed) -> None:
    file, output = drafted(network), network.file("gathered")
    copies = network.agree(file)
    done = network.cmpp("roster", "gather", output, file, *copies[:2])
    assert "Not signed by: NYC." in done.out
    refused = network.cmpp("roster", "publish", output)
    assert (refused.code, "2 sites signed the roster" in refused.err) == (1, True)
    assert network.centre().documents.all() == ()
    assert network.told() == []
    done = network.cmpp("roster", "gather", output, output, copies[2])
    assert "Every site signed" in done.out


def test_copies_of_two_rosters_are_not_gathered(network: Governed) -> None:
    file, other = drafted(network), network.file("other")
    other.write_bytes(sample.roster().file())
    done = network.cmpp("roster", "gather", network.file("out"), file, other)
    assert (done.code, "two different documents" in done.err) == (1, True)


def test_a_published_roster_is_in_force_everywhere_and_logged(
    network: Governed,
) -> None:
    network.found()
    found = network.centre().roster
    for site in network.sites.values():
        assert site.charter.law().roster == found
    (told,) = network.told()
    assert told["kind"] == "roster"
    assert (told["version"], told["digest"]) == (1, found.digest.hex())
    assert signing.read(told["document"].encode(), signing.Kind.ROSTER).signers == {
        member.key for member in found.members.values()
    }
    shown = network.node("NYC", "roster", "show", "--json").json
    assert shown["digest"] == found.digest.hex()


def test_publishing_again_changes_nothing(network: Governed) -> None:
    network.found()
    done = network.cmpp("roster", "publish", network.file("roster.signed"), "--json")
    assert done.json["sites"] == dict.fromkeys(SITES, "known")
    assert len(network.told()) == 1


def test_a_site_that_did_not_agree_takes_no_roster(network: Governed) -> None:
    file, output = drafted(network), network.file("gathered")
    document = signing.read(file.read_bytes(), signing.Kind.ROSTER)
    for site in network.sites.values():
        key = identity.statement_key(site.directory / "identity")
        document = document.signed_by(key)
    output.write_bytes(document.file())
    done = network.cmpp("roster", "publish", output, "--json")
    assert (done.code, done.json["sites"]["NYC"]) == (1, "refused")
    assert network.sites["NYC"].charter.law().roster is None
    network.agree(file)
    done = network.cmpp("mandate", "deliver", "--json")
    assert done.json[0]["sites"] == dict.fromkeys(SITES, "adopted")


def test_the_next_roster_keeps_the_seats_and_needs_every_site(
    network: Governed,
) -> None:
    network.found()
    first = network.centre().roster
    file = network.file("second.cmpp")
    words = ("--board-signatures", "3")
    assert network.cmpp("roster", "draft", file, *words).code == 0
    second = parsed(file)
    assert (second.version, second.previous) == (2, first.digest.hex())
    assert second.board == first.board
    output = network.file("second.signed")
    network.cmpp("roster", "gather", output, *network.agree(file))
    done = network.cmpp("roster", "publish", output, "--json")
    assert done.json["sites"] == dict.fromkeys(SITES, "adopted")
    old = network.cmpp("roster", "publish", network.file("roster.signed"))
    assert (old.code, "does not follow" in old.err) == (1, True)
    digest = first.digest.hex()
    back = network.node(
        "NYC", "roster", "accept", network.file("roster.cmpp"), "--fingerprint", digest
    )
    assert (back.code, "an old roster is never agreed to again" in back.err) == (
        2,
        True,
    )


def test_a_roster_for_another_coordinator_is_not_published(
    network: Governed,
) -> None:
    file = network.file("other.cmpp")
    file.write_bytes(sample.roster().file())
    done = network.cmpp("roster", "publish", file)
    assert (done.code, "names another coordinator's key" in done.err) == (2, True)


@pytest.mark.parametrize(
    "text",
    ["ana", "ana,Alliance,member", "ana,Alliance,queen,a.pub", ",Alliance,chair,a.pub"],
)
def test_what_is_no_seat_is_refused(text: str) -> None:
    with pytest.raises(BadConfiguration, match="is not a seat"):
        rosters.seat(text, keys={"a.pub": bytes(32)})


def test_a_site_that_changes_its_key_signs_with_both() -> None:
    before = sample.roster()
    keys = {name: name for name in sample.SITES} | {"NYC": "NYC again"}
    half = sample.roster(
        "HOU", "LAX", "NYC again", version=2, previous=before, sites=keys
    )
    old = lists.parse(before)
    assert rosters.absent(half, old) == ("NYC (its earlier key)",)
    assert rosters.absent(sample.signed(half, "NYC"), old) == ()


def test_odd_names_are_written_so_that_they_read_back() -> None:
    base = lists.parse(sample.roster())
    seats = [
        lists.Seat(
            name='Ana "A." Ruiz.\\',
            organisation="Ä",
            standing=seat.standing,
            key=seat.key,
        )
        if seat.name == "ana"
        else seat
        for seat in base.board
    ]
    drafted = Draft(
        network="cmpp", coordinator=base.coordinator, board_signatures=2, before=base
    ).document(seats, list(base.members.values()))
    found = lists.parse(drafted)
    assert 'Ana "A." Ruiz.\\' in {seat.name for seat in found.board}
    assert (found.version, found.previous) == (2, base.digest.hex())


def test_a_centre_is_made_for_one_network_with_a_key_of_its_own(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path / "centre")
    with pytest.raises(BadConfiguration, match="network"):
        home.make(join_address="127.0.0.1:7440", network="Not A Name")
    assert not home.directory.exists()
    home.make(join_address="127.0.0.1:7440", network="sunrise")
    assert home.config().network == "sunrise"
    assert home.statement_key_file.stat().st_mode & 0o077 == 0
    centre = Centre(home.directory)
    assert centre.log.network == "sunrise"
    assert centre.log.key == centre.statement_key.public_key().public_bytes_raw()
