"""Exact health of an account, in the contracts' integers. Values are in base units of the settlement token.

Source: P1Settlement._isCollateralized, on the margin that funding leaves at the target.
"""

from typing import NamedTuple

from keeper.protocols.dydx_perpetual import math, trade
from keeper.protocols.dydx_perpetual.market import DydxPerpetualMarket, terms_of
from keeper.protocols.dydx_perpetual.math import Balance
from keeper.protocols.dydx_perpetual.trade import Refusal
from keeper.types import Declined, Health, Position, PositionKey, Reason, TokenAmount
from keeper.units import MAX_UINT256, WAD, div_up


class Standing(NamedTuple):
    """An account once funding is settled; what it has and owes, margin units times 10**18."""

    balance: Balance
    positive: int
    negative: int
    liquidatable: bool

    @property
    def underwater(self) -> bool:
        """Whether it owes more than it has."""
        return self.positive < self.negative


def set_aside(key: PositionKey | None, market: DydxPerpetualMarket, why: str) -> Declined:
    """Say that the market cannot be decided, and why."""
    return Declined(market.deployment, key, Reason.QUARANTINED, {"why": why})


def decide(key: PositionKey, market: DydxPerpetualMarket) -> Standing | Declined:
    """Weigh an account, or decline with what keeps it from being weighed."""
    if market.rules.trouble:
        return set_aside(key, market, market.rules.trouble)

    terms = terms_of(market)
    balance = trade.settled(market.account(key), terms)
    if isinstance(balance, Refusal):
        return set_aside(key, market, balance.words)

    positive, negative = math.positive_and_negative(balance, terms.price)
    healthy = math.is_collateralized(balance, terms.price, terms.min_collateral)
    return Standing(balance, positive, negative, not healthy)


def health(key: PositionKey, market: DydxPerpetualMarket) -> Health | Declined:
    """Decide one account exactly; `Declined` while the market has no price.

    The factor is what it has over what it owes and the margin that wants, rounded down; MAX_UINT256 where it owes
    nothing.
    """
    found = decide(key, market)
    if isinstance(found, Declined):
        return found

    wanted = found.negative * market.rules.min_collateral
    return Health(
        key=key,
        factor_wad=found.positive * WAD * WAD // wanted if wanted else MAX_UINT256,  # down
        liquidatable=found.liquidatable,
        collateral_base=found.positive // WAD,  # down
        debt_base=div_up(found.negative, WAD),
        base_unit=1,
        base_token=market.contracts.token,
    )


def position(key: PositionKey, market: DydxPerpetualMarket) -> Position:
    """List margin and position, funding settled: a long as collateral, a short as debt, by the perpetual's address."""
    contracts = market.contracts
    settled = trade.settled(market.account(key), terms_of(market))
    balance = market.account(key).balance if isinstance(settled, Refusal) else settled
    parts = ((contracts.token, balance.margin.number), (contracts.perpetual, balance.position.number))
    held = tuple(TokenAmount(token, amount) for token, amount in parts if amount > 0)
    owed = tuple(TokenAmount(token, -amount) for token, amount in parts if amount < 0)
    return Position(key, held, owed, "takes positions over" if key == market.taker_key else "")
