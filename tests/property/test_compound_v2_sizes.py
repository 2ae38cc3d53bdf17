"""Legal sizes on Compound V2 against trying every single repayment, by the contracts' rules in fractions."""

from fractions import Fraction
from math import floor

from hypothesis import event, given
from hypothesis import strategies as st

from keeper.protocols.compound_v2 import math
from keeper.protocols.compound_v2.math import Split, Terms, Totals
from keeper.protocols.compound_v2.sizes import legal_sizes
from keeper.units import WAD

SHARES = st.sampled_from([0, 0, WAD * 28 // 1_000, WAD // 7, WAD // 2])


def down(number):
    return floor(Fraction(number))


def liquidate(terms, repay):
    """What the contracts move as (redeemed, received); None where the liquidation or the redemption is refused."""
    t = terms.collateral
    seized = down(Fraction(terms.ratio * repay, WAD))
    if not 0 < repay <= terms.max_repay or seized > terms.tokens:
        return None

    burned = down(Fraction(seized * terms.share, WAD))
    rest = seized - burned
    split = terms.kept
    if split.of_bonus:
        bonus = down(Fraction(rest * (split.incentive - WAD), split.incentive))
        kept = down(Fraction(bonus * split.percent, WAD))
    else:
        kept = down(Fraction(rest * split.percent, split.incentive))

    rate = down(Fraction((t.cash + t.borrows - t.reserves) * WAD, t.supply))
    reserves = t.reserves + down(Fraction(rate * burned, WAD))
    # Repaid into the same market, cash and debts move against each other.
    after = down(Fraction((t.cash + t.borrows - reserves) * WAD, t.supply - burned))
    redeemed = down(Fraction(after * (rest - kept), WAD))
    if redeemed > t.cash + (repay if terms.same else 0):
        return None

    return redeemed, redeemed - down(Fraction(redeemed * terms.redeem_fee, WAD))


@st.composite
def terms(draw, amounts, ratios):
    supply = draw(amounts) + 1_000
    reserves = draw(st.integers(0, 50))
    cash = draw(st.one_of(amounts, st.integers(0, 60)))
    incentive = draw(st.sampled_from([WAD, WAD * 108 // 100, WAD * 3 // 2]))
    # The share of the repaid part, or of the bonus: neither takes more than there is.
    percent = draw(st.sampled_from([0, WAD // 20, WAD // 3]))
    return Terms(
        ratio=draw(ratios),
        max_repay=draw(amounts),
        tokens=min(draw(amounts), supply - 1),
        share=draw(SHARES),
        kept=Split(percent, incentive, of_bonus=draw(st.booleans())),
        redeem_fee=draw(st.sampled_from([0, 0, WAD // 100])),
        collateral=Totals(cash, draw(amounts) + reserves, reserves, supply, WAD, 0),
        same=draw(st.booleans()),
    )


def spare(pair):
    """Where a share burns, the rate moves in steps: what is within two units of a bound is not named."""
    return 2 if pair.share else 0


COARSE = terms(st.integers(0, 200), st.sampled_from([0, WAD // 9, WAD // 2, WAD, 3 * WAD // 2, 7 * WAD]))
REAL = terms(st.integers(10**6, 10**24), st.integers(WAD // 10**6, 10**6 * WAD))


@given(COARSE)
def test_every_size_is_accepted_and_gives_something(pair):
    for low, high in legal_sizes(pair).intervals:
        assert 0 < low <= high
        for size in range(low, high + 1):
            done = liquidate(pair, size)
            assert done is not None
            assert done[1] > 0


@given(COARSE)
def test_every_accepted_repayment_is_a_size_or_gives_nothing(pair):
    """Or counts on the cash it is itself: roundings would make holes in the set of those."""
    sizes = legal_sizes(pair)
    event(f"{len(sizes.intervals)} intervals, short {sizes.short_of_liquidity}")
    for repay in range(pair.max_repay + 2):
        done = liquidate(pair, repay)
        if done is None or done[1] <= spare(pair) or any(low <= repay <= high for low, high in sizes.intervals):
            continue

        assert pair.same or pair.share
        assert done[0] > pair.collateral.cash - spare(pair)


@given(REAL)
def test_the_ends_of_real_sizes_are_accepted_and_what_lies_above_is_not(pair):
    for low, high in legal_sizes(pair).intervals:
        for size in {low, (low + high) // 2, high}:
            done = liquidate(pair, size)
            assert done is not None
            assert done[1] > 0

        above = liquidate(pair, high + 1)
        assert above is None or above[0] > pair.collateral.cash - spare(pair)
        below = liquidate(pair, low - 1)
        assert below is None or below[1] <= spare(pair)


@given(COARSE)
def test_too_little_cash_is_told(pair):
    """Where more could be repaid if the market had more cash, the offer says so."""
    sizes = legal_sizes(pair)
    most = sizes.intervals[-1][1] if sizes.intervals else 0
    allowed = [
        repay
        for repay in range(most + 1, pair.max_repay + 1)
        if pair.ratio and math.seize_tokens(repay, pair.ratio) <= pair.tokens
    ]
    poor = [repay for repay in allowed if math.move(repay, pair).redeemed > pair.collateral.cash - spare(pair)]
    assert sizes.short_of_liquidity == bool(poor)


@given(REAL, st.integers(0, 10**6))
def test_what_is_moved_equals_the_rules_in_fractions(pair, share):
    repay = min(max(pair.max_repay * share // 10**6, 1), math.largest_repay(pair.tokens, pair.ratio))
    done = liquidate(pair, repay)
    moved = math.move(repay, pair)
    assert done is None or done == (moved.redeemed, moved.received)
    assert moved.seized == moved.burned + moved.kept + moved.ours
