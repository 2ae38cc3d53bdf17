"""What a trader can deposit, the price it hangs on, and what governance can change under it.

A debt is a position and its repayment a trade, so margin is the only cure named here. Source: P1Margin.deposit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from keeper.protocols.cures import Action, Exposure, Lever, Parameter
from keeper.protocols.dydx_perpetual import trade
from keeper.protocols.dydx_perpetual.account import kept
from keeper.protocols.dydx_perpetual.market import DydxPerpetualMarket, terms_of
from keeper.protocols.dydx_perpetual.trade import Refusal
from keeper.types import PositionKey

_MOST_MARGIN: Final = 1 << 112
_MAINTENANCE: Final = "min_collateral_wad"


def levers(key: PositionKey, market: DydxPerpetualMarket) -> Sequence[Lever]:
    """Deposits of margin, until the market is closed for good."""
    if market.rules.refuses == trade.FINAL_SETTLEMENT:
        return ()

    now = max(market.account(key).balance.margin.number, 0)
    return [Lever(Action.DEPOSIT, market.contracts.token, now, _MOST_MARGIN)]


def moved(key: PositionKey, lever: Lever, amount: int, market: DydxPerpetualMarket) -> DydxPerpetualMarket | None:
    """Settle funding and add to the margin, as the contract does."""
    del lever
    terms = terms_of(market)
    balance = trade.settled(market.account(key), terms)
    if isinstance(balance, Refusal):
        return None

    added = balance._replace(margin=balance.margin.plus(amount))
    return market.with_accounts({key: kept(added, terms.current)}, terms.current) if added.fits else None


def exposures(key: PositionKey, market: DydxPerpetualMarket) -> Sequence[Exposure]:
    """The oracle's price, where there is a position; how many decimals a position has the protocol never asks."""
    if market.account(key).balance.position.value == 0 or market.rules.price <= 0:
        return ()

    perpetual = market.contracts.perpetual
    return (Exposure(perpetual, perpetual, market.rules.price, 0),)


def parameters(market: DydxPerpetualMarket) -> Mapping[Parameter, int]:
    """The maintenance margin."""
    return {Parameter(_MAINTENANCE, None): market.rules.min_collateral}


def with_parameter(parameter: Parameter, value: int, market: DydxPerpetualMarket) -> DydxPerpetualMarket:
    """The deployment with another maintenance margin."""
    del parameter
    return replace(market, rules=replace(market.rules, min_collateral=value))
