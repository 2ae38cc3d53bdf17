"""Exact health of an account, by what an absorption in the target block would find.

The contract's own view answers by the indices as stored; an absorption accrues first, and only that counts.
Source: Comet.isLiquidatable.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.protocols.compound_v3 import math
from keeper.protocols.compound_v3.account import Account
from keeper.protocols.compound_v3.market import PRICE_UNIT, CompoundV3Market
from keeper.protocols.compound_v3.terms import RevertError
from keeper.types import Declined, Health, Position, PositionKey, Reason, TokenAmount, to_checksum
from keeper.units import MAX_UINT256, WAD, mul_div


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account owes and what counts against that, in the price's unit.

    `cover` counts each collateral at its liquidation factor's share, and stops where that is enough if a price after
    that is unknown; `worth` counts whole values of what was counted.
    """

    liquidatable: bool
    debt: int
    cover: int
    worth: int

    @property
    def factor_wad(self) -> int:
        """Cover over debt, rounded down: below one exactly where the account may be absorbed."""
        return mul_div(self.cover, WAD, self.debt) if self.debt else MAX_UINT256


def stand(key: PositionKey, market: CompoundV3Market) -> Standing | Declined:
    """Weigh an account that owes; `Declined` where a price that the contract would read is bad."""
    account = market.account(key)
    if market.trouble:
        return Declined(market.deployment, key, Reason.QUARANTINED, {"why": market.trouble})

    troubled = [at for at, _ in account.held if at >= len(market.assets) or market.assets[at].trouble]
    if troubled:
        return _troubled(key, troubled, market)

    try:
        return _weigh(account, market)
    except RevertError as error:
        reason = Reason.UNKNOWN_PRICE if error.name == "BadPrice" else Reason.QUARANTINED
        return Declined(market.deployment, key, reason, {"why": error.message})


def _weigh(account: Account, market: CompoundV3Market) -> Standing:
    collateral = market.collateral_of(account)
    debt = math.debt_value(account.principal, market.now, market.base)
    liquidatable = math.is_liquidatable(account.principal, collateral, market.now, market.base)
    cover = worth = 0
    for held in collateral:
        try:
            cover += math.cover(held, held.terms.liquidate_collateral_factor)
            worth += math.collateral_value(held)
        except RevertError:
            # The contract does not ask once the debt is covered: it was, or the line above had raised.
            break

    return Standing(liquidatable, debt, cover, worth)


def _troubled(key: PositionKey, offsets: Sequence[int], market: CompoundV3Market) -> Declined:
    known = [market.assets[at] for at in offsets if at < len(market.assets)]
    if not known:
        return Declined(market.deployment, key, Reason.QUARANTINED, {"why": "it holds an asset that is not listed"})

    numbers = {"asset": to_checksum(known[0].listed.asset), "why": known[0].trouble}
    return Declined(market.deployment, key, Reason.QUARANTINED, numbers)


def health(key: PositionKey, market: CompoundV3Market) -> Health | Declined:
    """Decide one position exactly; values are in dollars, or the market's price token, times 10**8."""
    if not market.account(key).owes:
        return Health(key, MAX_UINT256, liquidatable=False, collateral_base=0, debt_base=0, base_unit=PRICE_UNIT)

    standing = stand(key, market)
    if isinstance(standing, Declined):
        return standing

    return Health(
        key=key,
        factor_wad=standing.factor_wad,
        liquidatable=standing.liquidatable,
        collateral_base=standing.worth,
        debt_base=standing.debt,
        base_unit=PRICE_UNIT,
        base_token=market.price_token,
    )


def position(key: PositionKey, market: CompoundV3Market) -> Position:
    """List what an account holds and owes at the market's target; a supply of the base token backs no debt."""
    account = market.account(key)
    balance = math.present_value(account.principal, market.now)
    held = tuple(
        TokenAmount(market.assets[offset].listed.asset, amount)
        for offset, amount in account.held
        if offset < len(market.assets)
    )
    debt = (TokenAmount(market.listing.base_token, -balance),) if balance < 0 else ()
    return Position(key, held, debt, f"supplies {balance} of the base token" if balance > 0 else "")
