"""The screen against exact rationals: every position the rule calls suspect is found, and little else is."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from keeper.book.columns import PositionBook
from keeper.book.screen import TAU, nearest, suspects
from keeper.protocols.base import Factors, HealthRow

SLOTS = 4
# Prices from a thousandth of a wei to beyond a WBTC in base units, not powers of anything.
factor = st.floats(1e-9, 1e12, allow_nan=False, allow_infinity=False)
quantity = st.one_of(st.integers(1, 9), st.integers(1, 10**12), st.integers(1, 10**33))
entries = st.lists(st.tuples(st.integers(0, SLOTS - 1), quantity), min_size=1, max_size=5).map(tuple)
vector = st.lists(factor, min_size=SLOTS, max_size=SLOTS)


def margin(row, cover, required, slack):
    """Cover less required less slack, and the sum of the terms' sizes, exactly."""
    terms = [Fraction(cover[slot]) * amount for slot, amount in row.cover]
    owed = [Fraction(required[slot]) * amount for slot, amount in row.required]
    room = [Fraction(slack[slot]) for slot, _ in row.cover + row.required]
    return sum(terms) - sum(owed) - sum(room), sum(terms) + sum(owed) + sum(room)


def on_the_edge(sides, cover, required, nudge):
    """The same position with its first debt sized to stand within a nudge of the boundary."""
    covered, (first, *rest) = sides
    room = sum(Fraction(cover[slot]) * amount for slot, amount in covered)
    room -= sum(Fraction(required[slot]) * amount for slot, amount in rest)
    amount = max(int(room / Fraction(required[first[0]])) + nudge, 1)
    return covered, ((first[0], amount), *rest)


@given(st.lists(st.tuples(entries, entries), min_size=1, max_size=8), vector, vector, vector, st.integers(-2, 2))
def test_screen_never_misses_and_adds_only_what_is_within_its_tilt(positions, cover, required, slack, nudge):
    positions = positions + [on_the_edge(sides, cover, required, nudge) for sides in positions]
    rows = [HealthRow(number.to_bytes(20, "big"), *sides) for number, sides in enumerate(positions)]
    book = PositionBook()
    for row in rows:
        book.upsert(row)

    found = set(suspects(book, Factors(np.array(cover), np.array(required), np.array(slack))))

    for row in rows:
        short, size = margin(row, cover, required, slack)
        if short < 0:
            assert row.key in found

        if row.key in found:
            assert short < 2 * Fraction(TAU) * size


@given(st.lists(st.tuples(entries, entries), min_size=1, max_size=12), vector, vector, st.integers(1, 5))
def test_nearest_are_the_lowest_exact_ratios(positions, cover, required, count):
    book, exact = PositionBook(), {}
    for number, sides in enumerate(positions):
        row = HealthRow(number.to_bytes(20, "big"), *sides)
        book.upsert(row)
        covered = sum(Fraction(cover[slot]) * amount for slot, amount in row.cover)
        exact[row.key] = covered / sum(Fraction(required[slot]) * amount for slot, amount in row.required)

    found = nearest(book, Factors(np.array(cover), np.array(required), np.zeros(SLOTS)), count)

    assert len(found) == min(count, len(positions))
    cut = sorted(exact.values())[len(found) - 1]
    for one in found:
        assert exact[one.key] <= cut * (1 + Fraction(1, 10**8))
        assert abs(Fraction(one.ratio) / exact[one.key] - 1) < Fraction(1, 10**8)
