"""The skin list over random walks: it finds whom exact rationals call suspect, and nobody a full screen does not."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from keeper.book.columns import PositionBook
from keeper.book.screen import suspects
from keeper.book.skin import SkinList
from keeper.protocols.base import Factors, HealthRow

SLOTS = 5


def row(number, rng):
    """A position whose health is within a few percent of its threshold, more often than not."""
    covered = rng.choice(SLOTS, rng.integers(1, 4), replace=False).tolist()
    owed = rng.choice(SLOTS, rng.integers(1, 3), replace=False).tolist()
    cover = tuple((slot, int(rng.integers(1, 10**9))) for slot in covered)
    worth = sum(amount for _, amount in cover)
    required = tuple((slot, max(1, int(worth * rng.uniform(0.8, 1.02) / len(owed)))) for slot in owed)
    return HealthRow(number.to_bytes(20, "big"), cover, required if rng.random() < 0.95 else ())


def is_short(row, factors):
    """Cover less required is below the slack, in rationals."""
    cover = sum(Fraction(factors.cover[slot]) * amount for slot, amount in row.cover)
    required = sum(Fraction(factors.required[slot]) * amount for slot, amount in row.required)
    slack = sum(Fraction(factors.slack[slot]) for slot, _ in row.cover + row.required)
    return bool(row.required) and cover - required < slack


@given(st.integers(0, 2**32), st.sampled_from([1.005, 1.05, 1.5]), st.sampled_from([0.001, 0.01, 0.2]))
def test_walk_of_prices_and_changes_misses_nobody(seed, width, move):
    rng = np.random.default_rng(seed)
    rows = {number: row(number, rng) for number in range(40)}
    book = PositionBook()
    skin = SkinList(book, width)
    for one in rows.values():
        skin.upsert(one)

    cover, required, slack = np.ones(SLOTS), np.ones(SLOTS), rng.uniform(0, 2, SLOTS)
    for _ in range(12):
        cover, required = (side * np.exp(rng.normal(0, move, SLOTS)) for side in (cover, required))
        for number in rng.integers(0, 50, 2).tolist():
            rows[number] = row(number, rng)
            skin.upsert(rows[number])

        factors = Factors(cover, required, slack)
        if rng.random() < 0.2:
            skin.tend(factors)

        found = set(skin.suspects(factors))

        assert found <= set(suspects(book, factors))
        assert {one.key for one in rows.values() if is_short(one, factors)} <= found


@given(st.integers(0, SLOTS - 1), st.sampled_from(["cover", "required", "slack"]))
def test_factor_that_becomes_unknown_makes_its_holders_suspects(slot, side):
    rng = np.random.default_rng(slot)
    skin, rows = SkinList(PositionBook()), [row(number, rng) for number in range(30)]
    for one in rows:
        skin.upsert(one)

    factors = {"cover": np.full(SLOTS, 100.0), "required": np.ones(SLOTS), "slack": np.zeros(SLOTS)}
    assert len(skin.suspects(Factors(**factors))) == 0
    factors[side][slot] = np.nan

    found = set(skin.suspects(Factors(**factors)))

    uses = {"cover": lambda one: one.cover, "required": lambda one: one.required}.get(
        side, lambda one: one.cover + one.required
    )
    assert found == {one.key for one in rows if one.required and slot in dict(uses(one))}
