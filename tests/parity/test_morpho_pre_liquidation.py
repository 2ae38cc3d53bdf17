"""The adapter against pre-liquidation contracts on the real Morpho, on random calls.

The contracts are a twin, because no package registry carries Morpho's own; Morpho itself is the real one. What the
adapter says is legal must be accepted and move exactly what it says; what it leaves out must be refused, or differ
from a refusal by the few units it keeps clear of.
"""

import random
from collections import Counter

import pytest

from keeper.protocols.morpho_blue import errors, math, pre_liquidation
from keeper.protocols.morpho_blue.pre_offers import ROUNDINGS, PreSeizure, _room, standing_of
from keeper.types import Declined, Reason
from keeper.units import MAX_UINT256
from tests.parity import morpho_pre_lab as lab_of_cases
from tests.parity.morpho_pre_lab import PreLab, refused_by

BRANCHES = {
    "by seized", "by all shares", "by part of the shares", "below the zone", "above the zone", "own oracle",
    "more than the close factor", "close factor above one", "healthy", "liquidatable", "the most",
}  # fmt: skip


def check(lab, case):
    """Compare a case with what the adapter says, and name the branches it took."""
    lived = lab.live(case)
    market, adapter, key = lived.market, lab.adapter, case.key
    health, (verdict, *_) = adapter.health.health(key, market), adapter.offers.offers(key, market)
    standing = standing_of(key, case.terms, market)
    if standing is None:
        assert not lived.ok
        past = verdict.reason if isinstance(verdict, Declined) else None
        assert health.liquidatable is (past is not Reason.HEALTHY)
        return {refused_by(lived), "healthy" if past is Reason.HEALTHY else "liquidatable"}

    branches = {"own oracle"} if case.theme == "own oracle" else set()
    branches |= {"close factor above one"} if standing.zone.repayable_shares > case.borrower.borrow_shares else set()
    now, owner = market.isolated[case.params.id].now, case.borrower
    if health.factor_wad < 10**18:
        return branches | {"liquidatable"}  # past the market's own threshold, which its own liquidation takes care of

    assert health.liquidatable
    if case.repaid_shares and case.repaid_shares < owner.borrow_shares:
        return branches | check_part(case, lived, standing)

    size = MAX_UINT256 if case.repaid_shares else case.seized
    sizes = () if isinstance(verdict, Declined) else verdict.sizes
    if any(low <= size <= high for low, high in sizes):
        check_moved(lab, case, lived, verdict, size)
        return (
            branches
            | ({"by all shares"} if case.repaid_shares else {"by seized"})
            | ({"the most"} if size == sizes[0][1] else set())
        )

    shares = case.repaid_shares or pre_liquidation.repaid_shares_for(size, now, case.pre_price, standing.zone.incentive)
    seized = case.seized or pre_liquidation.seized_for(shares, now, case.pre_price, standing.zone.incentive)
    fits = shares <= min(standing.zone.repayable_shares, owner.borrow_shares) and 0 < seized <= owner.collateral
    if not fits:
        assert not lived.ok or seized == 0
        return branches | ({refused_by(lived)} if not lived.ok else {"nothing seized"})

    assert not lived.ok or _room(standing, size) < ROUNDINGS
    return branches | {"kept clear of"}


def check_part(case, lived, standing):
    """A part of the shares is only arithmetic: no size of ours names it."""
    now, owner = standing.isolated.now, case.borrower
    seized = pre_liquidation.seized_for(case.repaid_shares, now, case.pre_price, standing.zone.incentive)
    if case.repaid_shares > standing.zone.repayable_shares:
        assert not lived.ok
        assert errors.explain(lived.revert).startswith("PreLiquidationTooLarge")
        return {"more than the close factor"}

    if lived.ok:
        moved = math.liquidation(seized, case.repaid_shares, now)
        assert math.after_repayment(now, moved) == lived.totals
        assert lived.borrower.collateral == owner.collateral - seized
        return {"by part of the shares"}

    return {refused_by(lived)}


def check_moved(lab, case, lived, offer, size):
    """Settled, realised and what is left are the chain's."""
    assert lived.ok, errors.explain(lived.revert)
    adapter, market = lab.adapter, lived.market
    settled, realised = adapter.offers.settle(offer, size, market), adapter.encoder.realised(offer, lived.logs)
    assert settled.receives == realised.receives
    paid = [(payment.token, payment.amount, payment.spender) for payment in settled.pays]
    assert paid == [(payment.token, payment.amount, payment.spender) for payment in realised.pays]
    assert paid[0][2] == case.terms.contract
    assert isinstance(offer.detail, PreSeizure)
    (call,) = adapter.encoder.calls(offer, size, settled, market, b"")
    assert call.call.to == case.terms.contract
    words = (case.seized, case.repaid_shares)
    assert call.call.data[4 + 32 : 4 + 3 * 32] == b"".join(n.to_bytes(32, "big") for n in words)
    after = adapter.offers.after(offer, size, market)
    assert after.isolated[case.params.id].now == lived.totals
    assert after.borrower(case.key) == lived.borrower


def run(lab, count, seed):
    """Live and check so many cases; returns how often each branch was met."""
    rng = random.Random(seed)
    met = Counter()
    for i in range(count):
        theme = lab_of_cases.THEMES[i % len(lab_of_cases.THEMES)]
        own = rng.getrandbits(64)
        case = lab.draw(random.Random(own), theme)
        try:
            met.update(check(lab, case))
        except AssertionError as error:
            error.add_note(f"case {i} of theme {theme}, seed {seed}, own seed {own}: {case}")
            raise

    print(f"\npre-liquidation: {count} cases, seed {seed}")
    for branch in sorted(BRANCHES | met.keys()):
        print(f"  {branch:28} {met[branch]:6}")

    return met


def test_random_pre_liquidations_equal_the_contracts(scene, random_seed):
    met = run(PreLab(scene, random.Random(random_seed)), 220, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 2} == set()


@pytest.mark.full
@pytest.mark.timeout(1_800)
def test_many_random_pre_liquidations_equal_the_contracts(scene, random_seed):
    met = run(PreLab(scene, random.Random(random_seed)), 1_500, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 15} == set()
