"""What a borrower can move in its market, and the one price it hangs on; a market's parameters never change.

Sources: Morpho.supplyCollateral, repay, withdrawCollateral.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from keeper.errors import StateError
from keeper.protocols.cures import Action, Exposure, Lever, Parameter
from keeper.protocols.morpho_blue import math
from keeper.protocols.morpho_blue.isolated import IsolatedMarket
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.types import PositionKey

_MOST_COLLATERAL: Final = 1 << 120
"""The contract keeps collateral in 128 bits."""


def levers(key: PositionKey, market: MorphoBlueMarket) -> Sequence[Lever]:
    """Collateral deposited, debt repaid by assets, collateral withdrawn."""
    isolated, owner = market.market_for(key), market.borrower(key)
    if isolated is None or owner.borrow_shares == 0:
        return ()

    params, now = isolated.params, isolated.now
    owed = math.borrowed(owner.borrow_shares, now)
    # The most assets that are worth no more shares than there are; down: the largest that still fits.
    most = ((owner.borrow_shares + 1) * (now.borrow_assets + math.VIRTUAL_ASSETS) - 1) // (
        now.borrow_shares + math.VIRTUAL_SHARES
    )
    return (
        Lever(Action.DEPOSIT, params.collateral_token, owner.collateral, _MOST_COLLATERAL),
        Lever(Action.REPAY, params.loan_token, owed, most),
        Lever(Action.WITHDRAW, params.collateral_token, owner.collateral, owner.collateral),
    )


def moved(key: PositionKey, lever: Lever, amount: int, market: MorphoBlueMarket) -> MorphoBlueMarket | None:
    """Supply collateral, repay or withdraw collateral, as Morpho does at the market's target."""
    isolated, owner = _market(key, market), market.borrower(key)
    match lever.action:
        case Action.DEPOSIT:
            owner = replace(owner, collateral=owner.collateral + amount)
        case Action.WITHDRAW:
            if amount > owner.collateral:
                return None

            owner = replace(owner, collateral=owner.collateral - amount)
        case Action.REPAY:
            now = isolated.now
            shares = math.to_shares_down(amount, now.borrow_assets, now.borrow_shares)
            if shares > owner.borrow_shares:
                return None

            left = math.after_repayment(now, math.Liquidation(0, amount, shares))
            owner = replace(owner, borrow_shares=owner.borrow_shares - shares)
            isolated = isolated.with_stored(left, market.target.timestamp)

    change = -amount if lever.action is Action.WITHDRAW else amount
    market = market.with_borrowers({key: owner}).with_isolated({isolated.params.id: isolated})
    return market.with_moved({lever.token: change})


def exposures(key: PositionKey, market: MorphoBlueMarket) -> Sequence[Exposure]:
    """The market's own price: collateral in loan token, in the oracle's scale, which depends on both decimals."""
    isolated = market.market_for(key)
    price = None if isolated is None else isolated.usable_price
    if isolated is None or price is None:
        return ()

    params = isolated.params
    return (Exposure(params.collateral_token, params.oracle, price, 0, params.loan_token),)


def parameters(market: MorphoBlueMarket) -> Mapping[Parameter, int]:
    """Nothing: nobody can change a market."""
    del market
    return {}


def with_parameter(parameter: Parameter, value: int, market: MorphoBlueMarket) -> MorphoBlueMarket:
    """Refuse: there is no parameter to change."""
    del market
    raise StateError("a market of Morpho never changes", name=parameter.name, value=value)


def _market(key: PositionKey, market: MorphoBlueMarket) -> IsolatedMarket:
    found = market.market_for(key)
    if found is None:
        raise StateError("a position in a market nobody owes in", key=key.hex())

    return found
