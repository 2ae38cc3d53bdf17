"""The adapter against the protocol's own contract, on random liquidations.

Each case is read and liquidated on the deployed bytecode with its own totals, price, rate and borrower. What the
adapter says it moves, and what remains of market and borrower, must be the chain's own numbers.
"""

import pytest

from keeper.protocols.morpho_blue import errors, math
from keeper.protocols.morpho_blue.fold import Fold
from keeper.protocols.morpho_blue.offers import MarketSeizure
from keeper.protocols.morpho_blue.settle import liquidation_of
from keeper.types import Declined, Offer, Reason
from keeper.units import MAX_UINT256
from tests.parity import morpho_blue_cases as cases
from tests.parity.drawn import Suite, run
from tests.parity.morpho_blue_lab import Lab

BRANCHES = {
    "by seized", "by all shares", "by part of the shares", "bad debt", "full close", "all collateral", "after accrual",
    "no accrual", "fee", "no rate model", "rate that moves", "largest incentive", "healthy", "refused", "near one",
    "no legal size", "nothing seized", "last borrower",
}  # fmt: skip


def check(lab, case):
    """Compare a case with what the adapter says, and name the branches it took."""
    lived = lab.live(case)
    market, adapter, key = lived.market, lab.adapter, case.key
    isolated = market.isolated[case.params.id]
    health = adapter.health.health(key, market)
    branches = situation(case, health)
    (verdict,) = adapter.offers.offers(key, market)
    if isinstance(verdict, Declined) and verdict.reason is Reason.HEALTHY:
        assert not health.liquidatable
        assert (lived.ok, errors.explain(lived.revert)) == (False, "position is healthy")
        return branches | {"healthy"}

    assert health.liquidatable
    size, sizes = case.seized, verdict.sizes if isinstance(verdict, Offer) else ()
    if case.repaid_shares:
        return branches | check_shares(lab, case, lived, sizes)

    if not any(low <= size <= high for low, high in sizes):
        assert not lived.ok
        assert errors.explain(lived.revert).startswith("Panic(0x11)")
        return branches | {"refused" if sizes else "no legal size"}

    check_moved(lab, case, lived, verdict, size)
    moved = liquidation_of(case.borrower, size, isolated)
    return branches | moved_branches(case, moved) | {"by seized"}


def check_shares(lab, case, lived, sizes):
    """Shares were named: all of them is a size, a part is only arithmetic, more is refused."""
    owner, now = case.borrower, lived.market.isolated[case.params.id].now
    seized = math.seized_for(case.repaid_shares, now, case.price, case.params.lltv)
    if case.repaid_shares > owner.borrow_shares or seized > owner.collateral:
        assert not lived.ok
        assert errors.explain(lived.revert).startswith("Panic(0x11)")
        assert (MAX_UINT256, MAX_UINT256) not in sizes or case.repaid_shares > owner.borrow_shares
        return {"refused"}

    assert lived.ok, errors.explain(lived.revert)
    if case.repaid_shares < owner.borrow_shares:
        moved = math.liquidation(seized, case.repaid_shares, now)
        if seized == owner.collateral:
            moved = math.with_bad_debt(moved, owner.borrow_shares - case.repaid_shares, now)

        assert math.after_liquidation(now, moved) == lived.totals
        return moved_branches(case, moved) | {"by part of the shares"}

    if seized == 0:
        assert sizes == ()
        return {"nothing seized"}

    assert sizes[-1] == (MAX_UINT256, MAX_UINT256)
    (verdict,) = lab.adapter.offers.offers(case.key, lived.market)
    check_moved(lab, case, lived, verdict, MAX_UINT256)
    moved = liquidation_of(owner, MAX_UINT256, lived.market.isolated[case.params.id])
    return moved_branches(case, moved) | {"by all shares"}


def check_moved(lab, case, lived, offer, size):
    """Settled, realised and what is left are the chain's."""
    assert lived.ok, errors.explain(lived.revert)
    adapter, market = lab.adapter, lived.market
    settled, realised = adapter.offers.settle(offer, size, market), adapter.encoder.realised(offer, lived.logs)
    assert settled.receives == realised.receives
    assert [(p.token, p.amount, p.spender) for p in settled.pays] == [
        (p.token, p.amount, p.spender) for p in realised.pays
    ]
    (call,) = adapter.encoder.calls(offer, size, settled, market, b"")
    assert call.call.data[4 + 6 * 32 : 4 + 8 * 32] == b"".join(
        n.to_bytes(32, "big") for n in (case.seized, case.repaid_shares)
    )
    after = adapter.offers.after(offer, size, market)
    assert after.isolated[case.params.id].now == lived.totals
    assert after.borrower(case.key) == lived.borrower
    fold = Fold(lab.morpho, {case.params.id: case.totals}.get, market.borrower)
    fold.apply(lived.logs)
    told = fold.totals[case.params.id]
    assert fold.dated(case.params.id, told, case.timestamp) == math.Totals(
        lived.totals.supply_assets,
        lived.totals.supply_shares,
        lived.totals.borrow_assets,
        lived.totals.borrow_shares,
        lived.totals.last_update if case.params.id in fold.accrued else case.totals.last_update,
        lived.totals.fee,
    )
    assert fold.borrowers[case.key] == lived.borrower
    assert isinstance(offer.detail, MarketSeizure)


def situation(case, health):
    """Branches that show in the market and the position."""
    accrues = case.timestamp > case.totals.last_update and any(case.params.irm)
    found = {
        "after accrual": accrues,
        "no accrual": case.timestamp == case.totals.last_update,
        "fee": accrues and case.totals.fee > 0,
        "no rate model": not any(case.params.irm),
        "rate that moves": accrues and set(case.params.irm) == {0x64},
        "largest incentive": math.liquidation_incentive_factor(case.params.lltv) == 115 * 10**16,
        "near one": case.theme == "near one",
        "last borrower": case.totals.borrow_shares == case.borrower.borrow_shares,
        "underwater": health.collateral_base < health.debt_base,
    }
    return {name for name, holds in found.items() if holds}


def moved_branches(case, moved):
    """Branches that show in what was moved."""
    found = {
        "bad debt": moved.bad_debt_shares > 0,
        "full close": moved.repaid_shares == case.borrower.borrow_shares,
        "all collateral": moved.seized == case.borrower.collateral,
    }
    return {name for name, holds in found.items() if holds}


def drawn(scene, count, seed):
    """Live and check so many cases."""
    lab = Lab(scene)
    suite = Suite("Morpho Blue", tuple(cases.THEMES), BRANCHES)
    return run(suite, count, seed, lambda _, theme, rng: check(lab, cases.draw(lab, rng, theme)))


def test_random_liquidations_equal_the_contract(scene, random_seed):
    met = drawn(scene, 140, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 2} == set()


@pytest.mark.full
@pytest.mark.timeout(1_800)
def test_many_random_liquidations_equal_the_contract(scene, random_seed):
    met = drawn(scene, 1_400, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 10} == set()
