"""Whatever is there is listed: described, or said not to be."""

import pytest

from privacy import holding
from privacy.errors import InvalidProgramme

TEXT = """
[tables.people]
holds = "Nobody."
about = "nobody"
kept = "for ever"
readers = "all"

[files."*.key"]
holds = "A key."
about = "nobody"
kept = "a year"
readers = "its owner"

[files."*"]
holds = "Something else."
about = "nobody"
kept = "a day"
readers = "all"
"""


def test_the_first_pattern_that_fits_describes_a_name() -> None:
    tables, files = holding.parse(TEXT)
    found = files.of(["b.key", "a.txt"])
    assert [(h.name, h.holds) for h in found] == [
        ("a.txt", "Something else."),
        ("b.key", "A key."),
    ]
    assert tables.of(["people"])[0].content()["kept"] == "for ever"


def test_what_nobody_described_is_shown_as_such() -> None:
    tables, _ = holding.parse(TEXT)
    (found,) = tables.of(["strangers"])
    assert found.holds == holding.UNDESCRIBED
    assert (found.about, found.kept, found.readers) == ("unknown",) * 3


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace('kept = "a day"\n', ""),
        TEXT + 'more = "x"\n',
        "[other]\n",
        TEXT.replace('"Nobody."', '""'),
    ],
)
def test_a_description_that_lacks_a_part_is_refused(text: str) -> None:
    with pytest.raises(InvalidProgramme):
        holding.parse(text)
