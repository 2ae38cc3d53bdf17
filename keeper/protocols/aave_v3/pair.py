"""One (collateral, debt) pair of one position: what a liquidation of it depends on, and what it seizes.

Source: LiquidationLogic.executeLiquidationCall.
"""

from keeper.errors import StateError
from keeper.protocols.aave.entries import amount_of
from keeper.protocols.aave.pair import SeizePair
from keeper.protocols.aave_v3 import math
from keeper.protocols.aave_v3.account import Account
from keeper.protocols.aave_v3.health import Totals, decide
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.types import Declined, PositionKey


def terms_of(key: PositionKey, pair: SeizePair, market: AaveV3Market) -> math.Terms:
    """Gather what one liquidation depends on; the position must have a health (`StateError` otherwise)."""
    known = market.remembered.get((key, pair))
    if known is not None:
        return known

    found = decide(key, market)
    if isinstance(found, Declined):
        raise StateError(f"a liquidation of a position without a health: {found.reason}", key=key.hex())

    terms = terms_between(market.account(key), (pair.collateral, pair.debt), found, market)
    if terms is None:
        raise StateError("a liquidation of a pair without a price", key=key.hex())

    market.remembered[key, pair] = terms
    return terms


def seizure(cover: int, terms: math.Terms, market: AaveV3Market) -> math.Seizure:
    """Seize for a repayment of at most `cover`, which the close factor may lower."""
    return math.seize(min(cover, math.max_liquidatable_debt(terms, market.rules)), terms, market.rules)


def terms_between(account: Account, places: tuple[int, int], found: Totals, market: AaveV3Market) -> math.Terms | None:
    """Gather a pair's terms; None where a price is unknown."""
    rules = market.rules
    collateral, debt = (market.reserves[place] for place in places)
    emode = market.emode_of(account)
    bonus, collateral_price, debt_price = collateral.bonus, collateral.price, debt.price
    if emode is not None:
        covered = emode.covers(collateral, rules)
        bonus = emode.bonus if covered else bonus
        if emode.price_source is not None:
            # Up to 3.1 a category's price replaces the debt's without asking whether the debt is in the category.
            collateral_price = emode.price if covered else collateral_price
            debt_price = emode.price

    if collateral_price is None or debt_price is None:
        return None

    scaled_collateral, scaled_debt = amount_of(account.supplied, places[0]), amount_of(account.borrowed, places[1])
    return math.Terms(
        collateral_price=collateral_price,
        collateral_unit=collateral.unit,
        collateral_balance=math.collateral_balance(scaled_collateral, collateral.income, rules),
        scaled_collateral=scaled_collateral,
        liquidity_index=collateral.income,
        debt_price=debt_price,
        debt_unit=debt.unit,
        debt_balance=math.debt_balance(scaled_debt, debt.debt_index, rules),
        borrow_index=debt.debt_index,
        bonus=bonus,
        protocol_fee=collateral.protocol_fee,
        total_collateral_base=found.collateral_base,
        total_debt_base=found.debt_base,
        health_factor=found.factor_wad,
    )
