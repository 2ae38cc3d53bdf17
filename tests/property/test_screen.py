"""The kernel never misses what exact rational arithmetic finds, whatever the sizes and however close."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from keeper.book.columns import PositionBook
from keeper.book.screen import suspects
from keeper.protocols.base import Factors, HealthRow
from keeper.types import PositionKey

_SLOTS = 5
_factor = st.floats(min_value=1e-12, max_value=1e30, allow_nan=False)
_entries = st.lists(st.tuples(st.integers(0, _SLOTS - 1), st.integers(0, 2**128)), min_size=1, max_size=6)


@given(
    cover=st.lists(_factor, min_size=_SLOTS, max_size=_SLOTS),
    required=st.lists(_factor, min_size=_SLOTS, max_size=_SLOTS),
    slack=st.lists(st.floats(min_value=0, max_value=1e6), min_size=_SLOTS, max_size=_SLOTS),
    positions=st.lists(st.tuples(_entries, _entries), min_size=1, max_size=20),
)
def test_suspects_hold_everything_exact_arithmetic_finds(
    cover: list[float],
    required: list[float],
    slack: list[float],
    positions: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]],
) -> None:
    book = PositionBook()
    exact: set[PositionKey] = set()
    for number, (covers, requireds) in enumerate(positions):
        key = PositionKey(number.to_bytes(20, "big"))
        book.upsert(HealthRow(key, tuple(covers), tuple(requireds)))
        margin = sum((quantity * Fraction(cover[slot]) for slot, quantity in covers), Fraction(0))
        margin -= sum((quantity * Fraction(required[slot]) for slot, quantity in requireds), Fraction(0))
        if margin < sum((Fraction(slack[slot]) for slot, _ in (*covers, *requireds)), Fraction(0)):
            exact.add(key)

    found = suspects(book, Factors(np.array(cover), np.array(required), np.array(slack)))

    assert exact <= set(found)
