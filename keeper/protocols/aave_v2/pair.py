"""One (collateral, debt) pair of one position: what a liquidation of it depends on.

Source: LendingPoolCollateralManager.liquidationCall.
"""

from keeper.errors import StateError
from keeper.protocols.aave.entries import amount_of
from keeper.protocols.aave.pair import SeizePair
from keeper.protocols.aave_v2 import math
from keeper.protocols.aave_v2.account import Account
from keeper.protocols.aave_v2.health import debt_of, supply_of
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.types import PositionKey


def terms_of(key: PositionKey, pair: SeizePair, market: AaveV2Market) -> math.Terms:
    """Gather what one liquidation depends on; both prices must be known (`StateError` otherwise)."""
    known = market.remembered.get((key, pair))
    if known is not None:
        return known

    terms = terms_between(market.account(key), (pair.collateral, pair.debt), market)
    if terms is None:
        raise StateError("a liquidation of a pair without a price", key=key.hex())

    market.remembered[key, pair] = terms
    return terms


def terms_between(account: Account, places: tuple[int, int], market: AaveV2Market) -> math.Terms | None:
    """Gather a pair's terms; None where a price is unknown."""
    collateral, debt = (market.reserves[place] for place in places)
    if collateral.price is None or debt.price is None:
        return None

    owed = debt_of(account, places[1], market)
    return math.Terms(
        collateral_price=collateral.price,
        collateral_unit=collateral.unit,
        collateral_balance=supply_of(account, places[0], market),
        liquidity_index=collateral.income,
        debt_price=debt.price,
        debt_unit=debt.unit,
        variable_debt=owed.variable,
        scaled_debt=amount_of(account.borrowed, places[1]),
        burn_index=debt.burn_index,
        stable_debt=owed.stable,
        bonus=collateral.bonus,
    )
