"""Over any history of edits, nobody changes entry year, slot or cohort."""

import random

import pytest

from tests.random_records import Edited, quarters
from tests.record_site import Site


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_edited_each_household_keeps_its_one_place(
    sqlite_site: Site, seed: int
) -> None:
    site, chance = sqlite_site, random.Random(seed)
    records = Edited(chance, households=5)
    seen: dict[str, tuple[object, ...]] = {}
    for quarter in quarters():
        site.take(records.rows)
        site.close(quarter.label)
        now = site.registered()
        for hid, before in seen.items():
            frozen = zip(before, now[hid], strict=True)
            assert all(old is None or old == new for old, new in frozen)
        seen = now
        records.edit()
    assert seen
    site.register.verify()
