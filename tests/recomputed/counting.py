"""Turn who is counted into cells, and keep a list of the metrics recomputed."""

from collections.abc import Callable, Iterable

import pandas as pd

from tests.recomputed.reading import Span
from tests.recomputed.world import World

Labels = tuple[tuple[str, str], ...]
Cells = dict[Labels, int]
Recomputed = Callable[[World, Span], dict[str, Cells]]

METRICS: dict[str, Recomputed] = {}


def metric(*names: str) -> Callable[[Recomputed], Recomputed]:
    """Enter a function in the list, under each metric it recomputes."""

    def enter(function: Recomputed) -> Recomputed:
        assert not METRICS.keys() & set(names)
        METRICS.update(dict.fromkeys(names, function))
        return function

    return enter


def total(who: Iterable[object]) -> Cells:
    """Count everybody."""
    return {(): len(pd.Index(who))}


def add(amounts: pd.Series) -> Cells:
    """Add amounts up."""
    return {(): int(amounts.sum())}


def contrast(who: pd.Index, holds: pd.Index) -> Cells:
    """Add +1 for whom it holds, and -1 for the others."""
    return {(): 2 * len(who.intersection(holds)) - len(who)}


def yes_no(name: str, who: pd.Index, holds: pd.Index) -> Cells:
    """Count for whom it holds and for whom it does not."""
    yes = len(who.intersection(holds))
    return {((name, "yes"),): yes, ((name, "no"),): len(who) - yes}


def by(found: pd.DataFrame) -> Cells:
    """Count units by the labels in the columns; columns are dimensions, in order."""
    counts: Cells = {}
    for values in found.itertuples(index=False):
        key = tuple(zip(found.columns, values, strict=True))
        counts[key] = counts.get(key, 0) + 1
    return counts


def yes(who: pd.Index, holds: pd.Index) -> pd.Series:
    """Say yes or no of each."""
    return pd.Series(who.isin(holds), index=who).map({True: "yes", False: "no"})


def flag(column: pd.Series) -> pd.Series:
    """Say yes or no of a flag; not recorded is no."""
    return (column == 1).map({True: "yes", False: "no"})


def bands(name: str, values: pd.Series, edges: dict[str, int]) -> Cells:
    """Count values by band: label -> highest value in it; empty ones are unknown."""
    placed = pd.Series("unknown", index=values.index)
    for label, highest in reversed(edges.items()):
        placed[values <= highest] = label
    return by(pd.DataFrame({name: placed}))
