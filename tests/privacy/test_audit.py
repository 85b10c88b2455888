"""A charge is right only if its noise is exactly what its loss paid for."""

from dataclasses import replace
from fractions import Fraction

import pytest

from privacy import archive, audit, export, mechanism
from privacy.chain import Kind
from privacy.errors import LedgerInconsistent
from privacy.export import Export
from tests import audit_network
from tests import signed_samples as samples


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Give what one site's ledger says after three questions and a withdrawal."""
    network = audit_network.lived(tmp_path_factory.mktemp("network"))
    file = network.members["NYC"].archive()
    network.close()
    return export.read(archive.read(file, key=samples.public("NYC")))


def test_a_ledger_that_was_lived_is_right(said: Export) -> None:
    found = audit.check_site(said)
    found.require()
    assert found.failures == ()
    assert len(found.paid) == len(said.walk.charged) == 5
    assert all(paid.release and paid.kept_by for paid in found.paid.values())
    assert {paid.entry.metric for paid in found.paid.values()} >= {"M08", "M99"}
    assert len({paid.mandate.number for paid in found.paid.values()}) == 2


def with_noise(said: Export, factor: Fraction) -> Export:
    """Say that the first release has other noise; its digest is not judged here."""
    key = min(said.releases)
    line = said.releases[key]
    scaled = str(Fraction(line.variance) * factor)
    return replace(
        said, releases={**said.releases, key: replace(line, variance=scaled)}
    )


@pytest.mark.parametrize("root", ["1/2", "999999/1000000", "1000001/1000000", "2"])
def test_less_noise_or_more_than_was_paid_for_is_told(root: str, said: Export) -> None:
    found = audit.check_site(with_noise(said, Fraction(root) ** 2))
    with pytest.raises(LedgerInconsistent, match=r"\(release\) .* noise"):
        found.require()


@pytest.mark.parametrize("factor", ["2", "0", "-1", "1/3"])
def test_a_variance_of_no_scale_is_told(factor: str, said: Export) -> None:
    assert audit.check_site(with_noise(said, Fraction(factor))).failures


def test_a_scale_that_differs_in_its_last_place_is_taken(said: Export) -> None:
    """Another version of the noise library may round up once more."""
    key = min(said.releases)
    line = said.releases[key]
    paid = audit.check_site(said).paid[key]
    least = mechanism.calibrate(
        l2_squared=int(line.l2_squared),
        rho=Fraction(paid.entry.rho or ""),
        size=line.size,
    ).scale
    more = Fraction(float(least) * (1 + 2**-52))
    assert more > least
    assert audit.check_site(with_noise(said, (more / least) ** 2)).failures == ()


def test_one_bad_charge_does_not_hide_another(said: Export) -> None:
    broken = {key: replace(line, variance="1") for key, line in said.releases.items()}
    assert len(audit.check_site(replace(said, releases=broken)).failures) == 5


def test_a_rule_nobody_could_make_ends_the_check(said: Export) -> None:
    """A decision that does not fit its place means that nothing after it counts."""
    where = next(n for n, e in enumerate(said.entries) if e.kind is Kind.POLICY)
    entries = list(said.entries)
    entries[where] = replace(entries[where], detail="1")
    found = audit.check_site(replace(said, entries=tuple(entries)))
    assert len(found.failures) == 1
    assert found.paid == {}
