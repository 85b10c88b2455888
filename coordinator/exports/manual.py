"""How to read an export, in the words that go with every file that has room."""

from typing import Final

_TEXT: Final = """
Every value has an interval from low to high. At the confidence beside it, the interval
holds the figure that an exact count of the same records would give.

Quote a value only with its interval. The column sentence does so.

A value that is not readable has an interval too wide to rely on. Do not quote it and do
not draw it; helps says what would make it readable.

noise_error is the standard error from privacy protection. sampling_error is that from
the luck of a draw; it is zero where the value describes just the households it counts.
The interval covers both.

A count may be below zero: it is kept as it came, so that sums of many stay right. Never
round it up to zero before adding.

A share or a difference of shares is a part of one: 0.971 is 97.1 %, and a difference of
0.04 is 4 percentage points. Any other value is in its unit.

Site all is the total of the sites that answered: sites_answered of sites_total. Every
site adds noise of its own, so the values of parts do not add up to their total.

Where the intervals of two sites overlap, do not say that one is higher.

rho, and epsilon at delta, are the loss of a household at the site of the row; for site
all, at the site where the result costs most. A value marked exact is public and costs
nothing.

digest names the result in the centre's store and in the public log, where anybody can
hold the numbers against these.

Where training is true, every record behind the value is invented.
"""

LINES: Final = tuple(" ".join(part.split()) for part in _TEXT.split("\n\n"))
