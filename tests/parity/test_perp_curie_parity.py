"""The adapter against the protocol's own contracts, on random accounts, marks and times.

Each case is read at the head and liquidated on the deployed bytecode at a later time. What the adapter says of health
and price, what it says is gained, and what is left of account, pool and insurance fund must be the chain's numbers.
"""

import random
from collections import Counter

import pytest

from keeper.protocols.perp_curie import errors, math, takeover
from keeper.protocols.perp_curie.health import decide
from keeper.types import Declined, Offer, PositionKey, Reason
from tests.parity import perp_curie_cases as cases
from tests.parity.perp_curie_lab import Lab

BRANCHES = {
    "healthy", "half", "full", "small and whole", "underwater", "insurance fund short", "bad debt settled", "long",
    "short", "several markets", "collateral", "orders cancelled", "near one", "part", "more than may be",
    "exit refused", "mark moves on entry",
    "gain", "loss", "all of it", "market is the median", "mean is the median", "index is the median",
    "funding paid", "funding received", "insurance fee",
}  # fmt: skip
PER_EPOCH = 7


def check(lab, case):
    """Compare a case with what the adapter says, and name the branches it took."""
    key = PositionKey(bytes(case.trader))
    account = lab.read(case.trader)
    market = lab.market_with(account, case)
    standing = decide(key, market)
    offers = lab.adapter.offers.offers(key, market)
    ours = [one for one in offers if isinstance(one, Offer) and one.size_token == case.base]
    margin = ours[0].detail.deposit(abs(case.size)) if ours else 10**13
    lived = lab.live(case, margin, list(ours[0].prelude) if ours else [])
    assert (standing.account_value, standing.requirement) == (lived.value, lived.requirement)
    assert tuple(market.instruments[base].price for base in lab.bases) == lived.marks
    branches = situation(case, account, market, standing)
    if not standing.liquidatable:
        assert [one.reason for one in offers] == [Reason.HEALTHY]
        assert not lived.moved[1]
        assert errors.explain(lived.revert).split(" ")[0] in ("CH_EAV", "CH_CLWTISO")
        return branches | {"healthy"}

    if not ours:
        return branches | check_refused(case, lived, [one for one in offers if isinstance(one, Declined)])

    ((low, high),) = ours[0].sizes
    found = takeover.entered(key, case.base, market)
    allowed = abs(found.most)
    size = abs(case.size)
    if high < min(size, allowed):
        assert not lived.ok or lived.after["left"]
        name = errors.explain(lived.revert).split(" ")[0] if not lived.moved[1] else ""
        assert name in ("", "CH_IIC")
        return branches | {"insurance fund short" if name else "exit refused"}

    if size < low:
        return branches

    assert lived.ok, errors.explain(lived.revert)
    assert lived.after["left"] == 0
    settled = lab.adapter.offers.settle(ours[0], size, market)
    realised = lab.adapter.encoder.realised(ours[0], lived.logs)
    assert settled == realised
    moved = takeover.take_over(size, found)
    check_left(case, lived, moved, found)
    return branches | moved_branches(
        account, (moved, found.one), (size, allowed, realised), market.instruments[case.base].price
    )


def check_refused(case, lived, declined):
    """Nothing was offered for a liquidatable account: the contract refuses, too, or the exit does."""
    (said,) = [one for one in declined if one.numbers.get("base_token", "").lower()[2:] == case.base.hex()] or declined[
        :1
    ]
    if said.reason is Reason.NO_LIQUIDITY:
        assert errors.explain(lived.revert).startswith("CH_IIC")
        return {"insurance fund short"}

    if said.reason is Reason.NO_ROUTE:
        assert not lived.ok or lived.after["left"]
        return {"exit refused"}

    assert said.reason is Reason.NO_LEGAL_SIZE
    return set()


def check_left(case, lived, moved, found):
    """What is left of the account, the insurance fund and the pool."""
    key = PositionKey(bytes(case.trader))
    left = takeover.aftermath(key, moved, found)
    account, insurance = left.market.account(key), left.market.insurance
    holding = account.holding(case.base)
    assert (holding.size, holding.open_notional, holding.last_growth_x96) == lived.after["info"]
    assert (account.balance, account.owed) == (lived.after["balance"], lived.after["owed"])
    assert (insurance.balance, insurance.owed) == lived.after["fund"]
    pool = left.market.instruments[case.base].pool
    assert (pool.sqrt_price_x96, pool.tick, pool.liquidity) == lived.after["pool"]


def situation(case, account, market, standing):
    """Branches that show in the account and its markets."""
    one = market.instruments[case.base]
    spans, now = one.intervals, case.timestamp
    spot, mean = one._market_price(15, now), one._market_price(spans.mark_market_s, now)
    funding = [one.growth.premium_x96 - account.holding(case.base).last_growth_x96, account.holding(case.base).size]
    found = {
        "long": account.holding(case.base).size > 0,
        "short": account.holding(case.base).size < 0,
        "several markets": len(account.holdings) > 1,
        "collateral": bool(account.collaterals),
        "near one": case.theme == "near one",
        "underwater": standing.account_value < 0,
        "market is the median": one.price == spot != mean,
        "mean is the median": one.price == mean != spot,
        "index is the median": one.price not in (mean, spot),
        "funding paid": funding[0] * funding[1] > 0,
        "funding received": funding[0] * funding[1] < 0,
    }
    return {name for name, holds in found.items() if holds}


def moved_branches(account, moved, amounts, before):
    """Branches that show in what was moved."""
    (moved, one), (size, allowed, realised) = moved, amounts
    holding = account.holding(one.base)
    value = abs(math.position_value(holding.size, one.price))
    whole = allowed == abs(holding.size)
    found = {
        "half": not whole and not account.has_orders,
        "full": whole and value > math.MIN_PARTIAL_LIQUIDATE_POSITION_VALUE,
        "small and whole": whole and 0 < value <= math.MIN_PARTIAL_LIQUIDATE_POSITION_VALUE,
        "orders cancelled": account.has_orders,
        "part": size < allowed,
        "more than may be": size > allowed,
        "all of it": abs(moved.size) == abs(holding.size),
        "gain": realised.receives[0].amount > 0,
        "loss": realised.pays[0].amount > 0,
        "bad debt settled": abs(moved.size) == abs(holding.size)
        and len(account.holdings) == 1
        and moved.share == moved.penalty > 0,
        "insurance fee": moved.exit.insurance_fee > 0,
        "mark moves on entry": one.price != before,
    }
    return {name for name, holds in found.items() if holds}


def run(scene, count, seed):
    """Live and check so many cases; returns how often each branch was met."""
    rng = random.Random(seed)
    lab = Lab(scene, rng)
    met = Counter()
    for i in range(count):
        if i % PER_EPOCH == 0:
            lab.next_epoch()

        theme = cases.THEMES[i % len(cases.THEMES)]
        case = cases.draw(lab, rng, theme)
        try:
            met.update(check(lab, case))
        except AssertionError as error:
            error.add_note(f"case {i} of theme {theme}, seed {seed}: {case}, {lab.read(case.trader)}")
            raise

    print(f"\nPerp Curie: {count} cases, seed {seed}")
    for branch in sorted(BRANCHES | met.keys()):
        print(f"  {branch:24} {met[branch]:6}")

    return met


def test_random_takeovers_equal_the_contracts(scene, random_seed):
    met = run(scene, 112, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 1} == set()


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_a_thousand_random_takeovers_equal_the_contracts(scene, random_seed):
    met = run(scene, 1_008, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 3} == set()
