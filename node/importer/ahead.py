"""Do two steps of an import at once: make the next item while the last one is used."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")


def ahead(items: Generator[_T, None, None]) -> Generator[_T, None, None]:
    """Yield items in order, each made in one other thread while the last is used.

    One item waits at most, so memory is bounded. Whatever making an item raises is
    raised here. Close this generator, and no more is made.
    """
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(_next, items)
        try:
            while item := coming.result():
                coming = maker.submit(_next, items)
                yield item[0]
        finally:
            # There, because it may be in the middle of an item.
            maker.submit(items.close).result()


def _next(items: Iterator[_T]) -> list[_T]:
    """Return the next item, or nothing at the end."""
    return list(islice(items, 1))
