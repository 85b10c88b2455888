"""Records for the sites under attack."""

import pytest

from privacy.mechanism import Tally
from privacy.period import Period
from privacy.query import Query
from tests import living_site
from tests.living_site import Records


class _Canned(Records):
    def closed_through(self) -> Period | None:
        return Period("FY2025-Q4")

    def read(self, asked: Query) -> Tally:
        return Tally([5] * living_site.size(asked))


@pytest.fixture
def records() -> Records:
    return _Canned()
