"""One case lived on the chain and said by the adapter: every number equal, or refused for the same reason."""

from keeper.protocols.aave.pair import SeizePair
from keeper.protocols.aave_v3 import abi, errors, math
from keeper.protocols.aave_v3.observation import read_accounts
from keeper.protocols.aave_v3.pair import seizure, terms_of
from keeper.protocols.words import encode
from keeper.types import Call, Declined, Offer, Reason
from keeper.units import MAX_UINT256
from tests.parity.aave_compare import check_moved, live, reread, weighed
from tests.parity.aave_v3_lab import KEY, USER, account_data_call

DEFICIT_CREATED = bytes.fromhex("2bccfb3fad376d59d7accf970515eb77b2f27b082c90ed0fb15583dd5a942699")
TRANSFER = bytes.fromhex("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
REFUSED_WITH = {
    Reason.HEALTHY: ("healthy", "HealthFactorNotBelowThreshold"),
    Reason.PAUSED: ("paused", "ReservePaused"),
    Reason.RESERVE_INACTIVE: ("inactive", "ReserveInactive"),
    Reason.GRACE_PERIOD: ("grace", "LiquidationGraceSentinelCheckFailed"),
    Reason.SENTINEL: ("sentinel", "PriceOracleSentinelCheckFailed"),
    Reason.NOT_COLLATERAL: ("not collateral", "CollateralCannotBeLiquidated"),
}
"""The branch a refusal counts as, and the pool's own name for it."""


def liquidation(lab, case) -> Call:
    collateral, debt = (lab.base.reserves[place].asset for place in (case.collateral, case.debt))
    return Call(lab.aave.pool, encode(abi.LIQUIDATION_CALL, collateral, debt, USER, case.cover, 0))


def lived_through(lab, case):
    """Liquidate a case on the chain."""
    accounts = read_accounts(lab.contracts, lab.base.roster, lab.ids, [KEY])
    return live(lab, case, liquidation(lab, case), account_data_call(lab), accounts)


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
        assert told.startswith(name) or (
            branch == "healthy" and any(told.startswith(n) for b, n in REFUSED_WITH.values() if b != "not collateral")
        )
        return branches | {branch}

    return branches | check_amounts(lab, case, lived, verdict, market)


def check_amounts(lab, case, lived, verdict, market):
    """The pair is open to liquidation: is this cover, and does it move what the adapter says?"""
    rules = market.rules
    pair = SeizePair(market.pool, case.collateral, case.debt)
    terms = terms_of(KEY, pair, market)
    predicted = seizure(case.cover, terms, market)
    refusal = None
    if math.leaves_dust(predicted, terms, rules):
        refusal = "MustNotLeaveDust"
    elif not math.burns_something(predicted, terms, rules):
        refusal = "InvalidBurnAmount"
    elif predicted.collateral > market.reserves[case.collateral].available:
        refusal = ""

    sizes = verdict.sizes if isinstance(verdict, Offer) else ()
    is_size = any(low <= case.cover <= high for low, high in sizes)
    if refusal is not None:
        assert not lived.ok
        assert errors.explain(lived.revert).startswith(refusal)
        if refusal == "":
            assert not lived.revert[:4] or lived.revert[:4] not in errors.CUSTOM
            return {"no liquidity"}

        assert not is_size
        return {"dust refused" if refusal == "MustNotLeaveDust" else "burns nothing"}

    assert lived.ok, (errors.explain(lived.revert), predicted, terms)
    if predicted.repaid > 0:
        assert isinstance(verdict, Offer)
        # What is not named pays no less than a close in full, or is more than the close factor allows.
        assert is_size or sizes[-1][1] == MAX_UINT256 or case.cover > predicted.repaid == sizes[-1][1]

    check_moved(lab, case, lived, (pair, predicted), market)
    check_fee(lab, case, lived, predicted, terms, rules)
    return amounts_branches(case, lived, predicted, terms, rules)


def check_fee(lab, case, lived, predicted, terms, rules):
    """The treasury got the fee, or what was left of the balance where rounding left a unit less."""
    a_token = lab.base.reserves[case.collateral].a_token
    to_treasury = [
        int.from_bytes(log.data, "big")
        for log in lived.logs
        if log.address == a_token and log.topics[0] == TRANSFER and log.topics[1][12:] == USER and any(log.topics[2])
    ]
    index = terms.liquidity_index
    left = terms.scaled_collateral - math.scaled_collateral_taken(predicted.collateral, index, rules)
    capped = math.scaled_collateral_taken(predicted.fee, index, rules) > left
    assert sum(to_treasury) == (math.collateral_balance(left, index, rules) if capped else predicted.fee)


def situation(case, market, health):
    """Branches that show in the position itself."""
    config = case.reserves[case.collateral].config
    found = {
        "eMode": case.account.emode in (1, 2),
        "eMode price": case.category_price is not None,
        "frozen": bool(config >> 57 & 1),
        "same asset": case.collateral == case.debt,
        "two decimals": any(market.reserves[p].decimals == 2 for p in (case.collateral, case.debt)),
        "near one": abs(health.factor_wad - 10**18) <= 10**6,
        "debt of a wei or two": any(market.reserves[p].unit > 100 and s <= 2 for p, s in case.account.borrowed),
        "no protocol fee": market.reserves[case.collateral].protocol_fee == 0,
        "zero threshold": market.reserves[case.collateral].threshold == 0,
        "underwater": health.collateral_base < health.debt_base,
        "sentinel below 0.95": not case.sequencer_up and health.factor_wad < 95 * 10**16,
    }
    return {name for name, holds in found.items() if holds}


def amounts_branches(case, lived, predicted, terms, rules):
    """Branches that show in what was moved."""
    limit = math.max_liquidatable_debt(terms, rules)
    taken = predicted.collateral + predicted.fee
    deficits = [log for log in lived.logs if log.topics[0] == DEFICIT_CREATED]
    found = {
        "half of total": rules.size_rules and predicted.repaid == limit < terms.debt_balance,
        "half of the debt": not rules.size_rules and predicted.repaid == limit < terms.debt_balance,
        "whole debt": predicted.repaid == terms.debt_balance,
        "whole debt of a small position": rules.size_rules
        and limit == terms.debt_balance > terms.total_debt_base * terms.debt_unit // (2 * terms.debt_price)
        and terms.health_factor > 95 * 10**16
        and case.cover >= limit,
        "part": predicted.repaid < limit and taken < terms.collateral_balance,
        "all collateral": taken == terms.collateral_balance,
        "bad debt": bool(deficits),
        "bad debt in other reserves": len({log.topics[2] for log in deficits}) > 1,
    }
    return {name for name, holds in found.items() if holds}


def check_reads(lab, case):
    """Everything the adapter reads, asked in the case's own block, gives the market and the account of the case."""
    accounts = read_accounts(lab.contracts, lab.base.roster, lab.ids, [KEY])
    market, read, account = reread(lab, case, accounts)
    assert read.reserves == market.reserves
    assert (read.emodes, read.liquidations_allowed) == (market.emodes, market.liquidations_allowed)
    assert account == case.account
