"""One case, lived on the real contracts and predicted by the adapter: every number and every refusal compared.

Returned is the set of rule branches the case took, so that a run can show that each was met.
"""

from keeper.protocols.aave import math as shared
from keeper.protocols.aave.pair import SeizePair
from keeper.protocols.aave_v2 import abi, errors, math
from keeper.protocols.aave_v2.observation import read_accounts
from keeper.protocols.aave_v2.pair import terms_of
from keeper.protocols.words import encode
from keeper.types import Call, Declined, Offer, Reason
from keeper.units import MAX_UINT256
from tests.parity.aave_compare import check_moved, live, reread, weighed
from tests.parity.aave_v2_lab import account_data_call
from tests.parity.aave_v3_lab import KEY, USER

FAILED = "LP_LIQUIDATION_CALL_FAILED"
REFUSED_WITH = {
    Reason.HEALTHY: ("healthy", "LPCM_HEALTH_FACTOR_NOT_BELOW_THRESHOLD"),
    Reason.PAUSED: ("paused", "LP_IS_PAUSED"),
    Reason.RESERVE_INACTIVE: ("inactive", "VL_NO_ACTIVE_RESERVE"),
    Reason.NOT_COLLATERAL: ("not collateral", "LPCM_COLLATERAL_CANNOT_BE_LIQUIDATED"),
}
"""The branch a refusal counts as, and the pool's own name for it."""


def lived_through(lab, case):
    """Liquidate a case on the chain."""
    collateral, debt = (lab.base.reserves[place].asset for place in (case.collateral, case.debt))
    call = Call(lab.aave.pool, encode(abi.LIQUIDATION_CALL, collateral, debt, USER, case.cover, 0))
    accounts = read_accounts(lab.contracts, lab.base.roster, lab.ids, [KEY])
    return live(lab, case, call, account_data_call(lab), accounts)


def check(lab, case, lived):
    """Compare a case with what the adapter says, and name the branches it took."""
    found = weighed(lab, case, lived)
    if found is None:
        return {"unknown price"}

    market, health, verdict = found
    branches = situation(case, market, health)
    if isinstance(verdict, Declined) and verdict.reason in REFUSED_WITH:
        assert not lived.ok, verdict
        branch, name = REFUSED_WITH[verdict.reason]
        told = errors.explain(lived.revert)
        # The pool looks at the pair before the health, the adapter at the health before any pair.
        earlier = {"LP_IS_PAUSED", "VL_NO_ACTIVE_RESERVE"} if branch == "healthy" else set()
        assert told.partition(" ")[0] in {name} | earlier
        return branches | {branch}

    return branches | check_amounts(lab, case, lived, verdict, market)


def check_amounts(lab, case, lived, verdict, market):
    """The pair is open to liquidation: is this cover, and does it move what the adapter says?"""
    pair = SeizePair(market.pool, case.collateral, case.debt)
    terms = terms_of(KEY, pair, market)
    predicted = math.seize(case.cover, terms)
    sizes = verdict.sizes if isinstance(verdict, Offer) else ()
    is_size = any(low <= case.cover <= high for low, high in sizes)
    short = predicted.collateral > market.reserves[case.collateral].underlying
    if short or not math.burns(predicted, terms):
        assert not lived.ok
        assert not is_size
        told = errors.explain(lived.revert)
        assert told.startswith("LPCM_NOT_ENOUGH_LIQUIDITY_TO_LIQUIDATE" if short else FAILED), told
        over = shared.ray_div(math.variable_part(predicted.repaid, terms), terms.burn_index) > terms.scaled_debt
        return {"no liquidity"} if short else {"burns too much" if over else "burns nothing"}

    assert lived.ok, (errors.explain(lived.revert), predicted, terms)
    if predicted.repaid > 0:
        assert isinstance(verdict, Offer)
        # What is not named pays no less than taking all, or is more than the close factor allows.
        assert is_size or sizes[-1][1] == MAX_UINT256 or case.cover > predicted.repaid == sizes[-1][1]

    check_moved(lab, case, lived, (pair, predicted), market)
    preceded = lab.adapter.sync.preceding(market, lived.logs, market.target)
    assert preceded.account(KEY) == lived.account
    return amounts_branches(predicted, terms)


def situation(case, market, health):
    """Branches that show in the position itself."""
    debt = market.reserves[case.debt]
    stable = case.account.stable_in(case.debt) is not None
    variable = case.debt in dict(case.account.borrowed)
    found = {
        "stable debt": stable and not variable,
        "both rates": stable and variable,
        "frozen": bool(case.reserves[case.collateral].config >> 57 & 1),
        "same asset": case.collateral == case.debt,
        "two decimals": any(market.reserves[p].decimals == 2 for p in (case.collateral, case.debt)),
        "near one": abs(health.factor_wad - 10**18) <= 10**6,
        "debt of a wei or two": any(market.reserves[p].unit > 100 and s <= 2 for p, s in case.account.borrowed),
        "zero threshold": market.reserves[case.collateral].threshold == 0,
        "underwater": health.collateral_base < health.debt_base,
        "earns nothing": variable and debt.burn_index != debt.debt_index,
    }
    return {name for name, holds in found.items() if holds}


def amounts_branches(predicted, terms):
    """Branches that show in what was moved."""
    limit = math.max_liquidatable_debt(terms)
    capped = predicted.collateral == terms.collateral_balance
    found = {
        "half": predicted.repaid == limit,
        "part": predicted.repaid < limit and not capped,
        "all collateral": capped,
        "pays into both debts": 0 < terms.variable_debt < predicted.repaid,
        "pays stable debt": terms.variable_debt == 0,
        "pays variable debt": predicted.repaid <= terms.variable_debt,
    }
    return {name for name, holds in found.items() if holds}


def check_reads(lab, case):
    """Everything the adapter reads, asked in the case's own block, gives the market and the account of the case."""
    accounts = read_accounts(lab.contracts, lab.base.roster, lab.ids, [KEY])
    market, read, account = reread(lab, case, accounts)
    assert read.reserves == market.reserves
    assert (read.paused, read.base, read.flash_premium) == (market.paused, market.base, 9)
    assert account == case.account
