"""Two steps at once give what one after the other gives, and end together."""

import threading
from collections.abc import Generator

import pytest

from node.importer.ahead import ahead


def counted(made: list[int], *, upto: int) -> Generator[int, None, None]:
    try:
        for number in range(upto):
            made.append(threading.get_ident())
            yield number
    finally:
        made.append(-1)


@pytest.mark.parametrize("upto", [0, 1, 5])
def test_everything_comes_in_order_from_one_other_thread(upto: int) -> None:
    made: list[int] = []
    assert list(ahead(counted(made, upto=upto))) == list(range(upto))
    assert made.pop() == -1
    assert len(made) == upto
    assert len(set(made)) <= 1
    assert threading.get_ident() not in made


def test_one_item_waits_at_most() -> None:
    made: list[int] = []
    items = ahead(counted(made, upto=9))
    next(items)
    next(items)
    items.close()
    assert made.pop() == -1
    assert len(made) <= 3


def test_what_goes_wrong_in_the_making_goes_wrong_here() -> None:
    def broken() -> Generator[int, None, None]:
        yield 1
        raise ValueError("made badly")

    items = ahead(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="made badly"):
        next(items)
