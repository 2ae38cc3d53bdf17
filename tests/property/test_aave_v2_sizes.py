"""Legal sizes on Aave V2 against trying every single repayment, by the contract's rules in fractions."""

from fractions import Fraction
from math import floor

from hypothesis import event, given
from hypothesis import strategies as st

from keeper.protocols.aave import math as shared
from keeper.protocols.aave_v2 import math
from keeper.protocols.aave_v2.math import Terms
from keeper.protocols.aave_v2.sizes import legal_sizes
from keeper.units import MAX_UINT256, RAY

INDICES = st.one_of(st.just(RAY), st.integers(RAY, 4 * RAY))
BONUSES = st.sampled_from([10_000, 10_001, 10_500, 10_730, 11_500, 20_000])
PRICES = st.one_of(st.integers(1, 10**20), st.sampled_from([1, 7, 10**10, 10**18]))


def half_up(exact):
    return floor(exact + Fraction(1, 2))


def liquidate(terms, cover, available):
    """What the contract moves as (repaid, received); None where it refuses."""
    limit = half_up(Fraction(terms.variable_debt + terms.stable_debt, 2))
    repaid = min(cover, limit)
    worth = half_up(Fraction(terms.debt_price * repaid * terms.collateral_unit * terms.bonus, 10_000))
    taken = floor(Fraction(worth, terms.collateral_price * terms.debt_unit))
    if taken > terms.collateral_balance:
        taken = terms.collateral_balance
        worth = floor(
            Fraction(terms.collateral_price * taken * terms.debt_unit, terms.debt_price * terms.collateral_unit)
        )
        repaid = min(repaid, half_up(Fraction(worth * 10_000, terms.bonus)))

    variable = min(repaid, terms.variable_debt)
    burned = half_up(Fraction(variable * RAY, terms.burn_index))
    burns_variable = terms.variable_debt > 0 or repaid == 0
    if taken > available or half_up(Fraction(taken * RAY, terms.liquidity_index)) == 0:
        return None

    if burns_variable and not 0 < burned <= terms.scaled_debt:
        return None

    return repaid, taken


@st.composite
def terms(draw, amounts, units):
    """A pair; where the reserve earns nothing, variable debt is burned by an older index than it is valued by."""
    collateral_index, burn_index = draw(INDICES), draw(INDICES)
    scaled_debt = draw(st.one_of(st.just(0), amounts))
    grown = burn_index * draw(st.sampled_from([10_000, 10_000, 10_001, 15_000, 30_000])) // 10_000
    return Terms(
        collateral_price=draw(PRICES),
        collateral_unit=draw(units),
        collateral_balance=shared.ray_mul(draw(amounts), collateral_index),
        liquidity_index=collateral_index,
        debt_price=draw(PRICES),
        debt_unit=draw(units),
        variable_debt=shared.ray_mul(scaled_debt, grown),
        scaled_debt=scaled_debt,
        burn_index=burn_index,
        stable_debt=draw(st.one_of(st.just(0), amounts)),
        bonus=draw(BONUSES),
    )


COARSE = terms(st.integers(1, 300), st.sampled_from([1, 10, 100]))
REAL = terms(st.integers(1, 10**24), st.sampled_from([10**2, 10**6, 10**8, 10**18]))
AVAILABLE = st.one_of(st.just(10**40), st.integers(0, 400), st.integers(0, 10**24))


def whole(sizes):
    return sizes.intervals[-1:] == ((MAX_UINT256, MAX_UINT256),)


@given(COARSE, AVAILABLE)
def test_every_size_is_accepted_and_repays_itself(pair, available):
    for low, high in legal_sizes(pair, available).intervals:
        assert 0 < low <= high
        for size in range(low, high + 1):
            done = liquidate(pair, size, available)
            assert done is not None
            assert size in (done[0], MAX_UINT256)


@given(COARSE, AVAILABLE)
def test_every_accepted_repayment_is_a_size_or_no_better_than_taking_all(pair, available):
    """A repayment that rounds to nothing is no size."""
    sizes = legal_sizes(pair, available)
    event(f"{len(sizes.intervals)} intervals, all of it {whole(sizes)}")
    for cover in (*range(1, pair.variable_debt + pair.stable_debt + 2), MAX_UINT256):
        done = liquidate(pair, cover, available)
        if done is None or done[0] == 0 or any(low <= done[0] <= high for low, high in sizes.intervals):
            continue

        assert whole(sizes), (cover, done)
        full = liquidate(pair, MAX_UINT256, available)
        assert full is not None
        assert done[0] >= full[0]
        assert done[1] <= full[1]


@given(COARSE, AVAILABLE)
def test_too_little_liquidity_is_told_from_no_legal_size(pair, available):
    sizes = legal_sizes(pair, available)
    if not sizes.intervals:
        rich = [liquidate(pair, c, 10**40) for c in (*range(1, pair.variable_debt + pair.stable_debt + 1), MAX_UINT256)]
        assert sizes.short_of_liquidity == any(done is not None and done[0] > 0 for done in rich)


@given(REAL, AVAILABLE)
def test_the_ends_of_real_sizes_are_accepted_and_what_lies_just_outside_is_not(pair, available):
    sizes = legal_sizes(pair, available)
    for low, high in sizes.intervals:
        for size in {low, (low + high) // 2, high}:
            done = liquidate(pair, size, available)
            assert done is not None
            assert size in (done[0], MAX_UINT256)

    for outside in {end + step for interval in sizes.intervals for end, step in ((interval[0], -1), (interval[1], 1))}:
        if outside < 1 or any(low <= outside <= high for low, high in sizes.intervals):
            continue

        done = liquidate(pair, outside, available)
        assert done is None or done[0] != outside or whole(sizes)


@given(REAL, st.integers(0, 10**6))
def test_seizure_of_any_cover_equals_the_rules_in_fractions(pair, share):
    cover = max((pair.variable_debt + pair.stable_debt) * share // 10**6, 1)
    done = liquidate(pair, cover, 10**60)
    seized = math.seize(cover, pair)
    assert math.burns(seized, pair) == (done is not None)
    assert done is None or done == (seized.repaid, seized.collateral)
