"""Legal sizes against trying every single repayment."""

from hypothesis import assume, event, given
from hypothesis import strategies as st

from keeper.protocols.aave_v3 import math
from keeper.protocols.aave_v3.math import Terms
from keeper.protocols.aave_v3.sizes import legal_sizes
from keeper.units import MAX_UINT256, RAY
from tests.fakes.aave_v3_market import DOLLAR, RULES
from tests.fakes.aave_v3_reference import Case, Done, liquidate

VERSIONS = st.sampled_from(sorted(RULES))
INDICES = st.one_of(st.just(RAY), st.integers(RAY, 4 * RAY))
HEALTH = st.sampled_from([0, 5 * 10**17, 95 * 10**16 - 1, 95 * 10**16, 95 * 10**16 + 1, 999_999_999_999_999_999])
BONUSES = st.sampled_from([10_000, 10_001, 10_100, 10_500, 10_730, 11_500, 15_000, 20_000])
FEES = st.sampled_from([0, 1, 777, 1_000, 10_000])


@st.composite
def coarse_cases(draw):
    """Positions of at most a few hundred units, each worth cents to hundreds of dollars, so that all can be tried."""
    prices = st.one_of(st.integers(1, 400 * DOLLAR), st.sampled_from([DOLLAR, 10 * DOLLAR, 50 * DOLLAR]))
    units = st.sampled_from([1, 10, 100])
    version = draw(VERSIONS)
    return Case(
        version=tuple(int(part) for part in version.split(".")),
        collateral_price=draw(prices),
        collateral_unit=draw(units),
        scaled_collateral=draw(st.integers(0, 300)),
        liquidity_index=draw(INDICES),
        debt_price=draw(prices),
        debt_unit=draw(units),
        scaled_debt=draw(st.integers(1, 300)),
        borrow_index=draw(INDICES),
        bonus=draw(BONUSES),
        fee=draw(FEES),
        other_collateral_base=draw(st.sampled_from([0, 0, 1, 10 * DOLLAR, 50_000 * DOLLAR])),
        other_debt_base=draw(st.sampled_from([0, 0, 1, 500 * DOLLAR, 50_000 * DOLLAR])),
        health=draw(HEALTH),
        available=draw(st.one_of(st.just(10**30), st.integers(0, 400))),
    )


def rules_of(case):
    return RULES[".".join(map(str, case.version))]


def terms_of(case):
    return Terms(
        collateral_price=case.collateral_price,
        collateral_unit=case.collateral_unit,
        collateral_balance=case.collateral,
        scaled_collateral=case.scaled_collateral,
        liquidity_index=case.liquidity_index,
        debt_price=case.debt_price,
        debt_unit=case.debt_unit,
        debt_balance=case.debt,
        borrow_index=case.borrow_index,
        bonus=case.bonus,
        protocol_fee=case.fee,
        total_collateral_base=case.worth_of_collateral(case.collateral) + case.other_collateral_base,
        total_debt_base=case.worth_of_debt(case.debt) + case.other_debt_base,
        health_factor=case.health,
    )


def closable(sizes):
    return sizes.intervals[-1:] == ((MAX_UINT256, MAX_UINT256),)


@given(coarse_cases())
def test_every_size_is_accepted_and_repays_itself(case):
    sizes = legal_sizes(terms_of(case), case.available, rules_of(case))
    for low, high in sizes.intervals:
        assert 0 < low <= high
        for size in range(low, high + 1):
            done = liquidate(case, size)
            assert isinstance(done, Done), (size, done)
            assert size in (done.repaid, MAX_UINT256)

    assert all(a[1] + 1 < b[0] for a, b in zip(sizes.intervals, sizes.intervals[1:], strict=False))


@given(coarse_cases())
def test_every_accepted_repayment_is_a_size_or_no_better_than_the_full_close(case):
    """A repayment that rounds to nothing is no size."""
    sizes = legal_sizes(terms_of(case), case.available, rules_of(case))
    event(f"{len(sizes.intervals)} intervals, closable {closable(sizes)}")
    for cover in (*range(1, case.debt + 2), MAX_UINT256):
        done = liquidate(case, cover)
        if (
            not isinstance(done, Done)
            or done.repaid == 0
            or any(low <= done.repaid <= high for low, high in sizes.intervals)
        ):
            continue

        assert closable(sizes), (cover, done)
        full = liquidate(case, MAX_UINT256)
        assert isinstance(full, Done)
        assert done.repaid >= full.repaid
        assert done.received <= full.received


@given(coarse_cases())
def test_too_little_liquidity_is_told_from_no_legal_size(case):
    sizes = legal_sizes(terms_of(case), case.available, rules_of(case))
    if not sizes.intervals:
        rich = [
            liquidate(Case(**{**vars(case), "available": 10**30}), c) for c in (*range(1, case.debt + 1), MAX_UINT256)
        ]
        assert sizes.short_of_liquidity == any(isinstance(done, Done) and done.repaid > 0 for done in rich)


# At real scale -----------------------------------------------------------------------------------------------------


@st.composite
def real_cases(draw):
    """Positions as they are: 2 to 18 decimals, cents to millions of dollars, indices of years."""
    dollars = st.one_of(st.integers(10**6, 10**15), st.integers(1_500 * DOLLAR, 9_000 * DOLLAR))
    sides = []
    for _ in range(2):
        unit = 10 ** draw(st.sampled_from([2, 6, 8, 18]))
        price = draw(st.integers(1, 200_000 * DOLLAR))
        sides.append((price, unit, max(draw(dollars) * unit // price, 1)))

    (collateral_price, collateral_unit, collateral), (debt_price, debt_unit, debt) = sides
    return Case(
        version=tuple(int(part) for part in draw(VERSIONS).split(".")),
        collateral_price=collateral_price,
        collateral_unit=collateral_unit,
        scaled_collateral=collateral,
        liquidity_index=draw(INDICES),
        debt_price=debt_price,
        debt_unit=debt_unit,
        scaled_debt=debt,
        borrow_index=draw(INDICES),
        bonus=draw(BONUSES),
        fee=draw(FEES),
        other_collateral_base=draw(st.sampled_from([0, 1, 10**12])),
        other_debt_base=draw(st.sampled_from([0, 1, 10**12])),
        health=draw(HEALTH),
        available=draw(st.sampled_from([0, 10**6, 10**12, 10**18, 10**40])),
    )


@given(real_cases(), st.integers(0, 10**6))
def test_seizure_of_any_cover_equals_the_rules_in_fractions(case, share):
    terms, rules = terms_of(case), rules_of(case)
    cover = max(case.debt * share // 10**6, 1)
    done = liquidate(case, cover)
    assume(not isinstance(done, str) or done != "burns nothing")
    seized = math.seize(min(cover, math.max_liquidatable_debt(terms, rules)), terms, rules)
    if isinstance(done, Done):
        assert (seized.repaid, seized.collateral, seized.fee) == (done.repaid, done.received, done.fee)
        assert not math.leaves_dust(seized, terms, rules)

    if done == "dust":
        assert math.leaves_dust(seized, terms, rules)


@given(real_cases())
def test_the_ends_of_real_sizes_are_accepted_and_what_lies_just_outside_is_not(case):
    sizes = legal_sizes(terms_of(case), case.available, rules_of(case))
    for low, high in sizes.intervals:
        for size in {low, (low + high) // 2, high}:
            done = liquidate(case, size)
            assert isinstance(done, Done), (size, done)
            assert size in (done.repaid, MAX_UINT256)

    full = liquidate(case, MAX_UINT256)
    for outside in {end + step for interval in sizes.intervals for end, step in ((interval[0], -1), (interval[1], 1))}:
        if outside < 1 or any(low <= outside <= high for low, high in sizes.intervals):
            continue

        done = liquidate(case, outside)
        if isinstance(done, Done) and done.repaid == outside:
            assert isinstance(full, Done)
            assert closable(sizes)
            assert done.received <= full.received
