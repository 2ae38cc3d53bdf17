"""Exact health of a borrower, in the contract's integers. Values are in base units of the market's loan token.

Source: Morpho._isHealthy.
"""

from dataclasses import dataclass

from keeper.protocols.morpho_blue import math
from keeper.protocols.morpho_blue.isolated import IsolatedMarket
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.params import market_of
from keeper.protocols.morpho_blue.pre_offers import standing_of
from keeper.types import Declined, Health, Position, PositionKey, Reason, TokenAmount, to_checksum
from keeper.units import MAX_UINT256, WAD, mul_div


@dataclass(frozen=True, slots=True)
class Standing:
    """What a borrower's collateral is worth, how much it may owe and what it owes, in the loan token."""

    collateral_value: int
    max_borrow: int
    borrowed: int

    @property
    def liquidatable(self) -> bool:
        """Whether more is owed than may be."""
        return self.max_borrow < self.borrowed


def quarantined(key: PositionKey | None, market: IsolatedMarket, deployment: str, why: str) -> Declined:
    """Say that a market cannot be decided, and why."""
    numbers: dict[str, int | str] = {
        "market": "0x" + market.params.id.hex(),
        "oracle": to_checksum(market.params.oracle),
        "why": why,
    }
    return Declined(deployment, key, Reason.QUARANTINED, numbers)


def decide(key: PositionKey, market: MorphoBlueMarket) -> Standing | Declined:
    """Weigh a borrower, or decline with what is wrong with its market."""
    owner = market.borrower(key)
    isolated = market.market_for(key)
    if isolated is None:
        if owner.borrow_shares == 0:
            return Standing(0, 0, 0)

        return Declined(market.deployment, key, Reason.QUARANTINED, {"why": "its market is not known"})

    price = isolated.usable_price
    if price is None:
        if owner.borrow_shares == 0:
            return Standing(0, 0, 0)

        return quarantined(key, isolated, market.deployment, isolated.trouble)

    value = math.collateral_value(owner.collateral, price)
    if value is None:
        return quarantined(key, isolated, market.deployment, "its price is more than the contract can count with")

    most = math.max_borrow(value, isolated.params.lltv)
    return Standing(value, most, math.borrowed(owner.borrow_shares, isolated.now))


def health(key: PositionKey, market: MorphoBlueMarket) -> Health | Declined:
    """Decide one position exactly; `Declined` where its market is set aside.

    A position that opted in to pre-liquidation can be liquidated while its health is still above one.
    Collateral that backs no debt in a market set aside, or that nobody borrows from, is not valued.
    """
    found = decide(key, market)
    if isinstance(found, Declined):
        return found

    params = market.roster.params.get(market_of(key))
    early = not found.liquidatable and any(
        standing_of(key, terms, market) is not None for terms in market.opted.get(key, ())
    )
    return Health(
        key=key,
        factor_wad=mul_div(found.max_borrow, WAD, found.borrowed) if found.borrowed else MAX_UINT256,
        liquidatable=found.liquidatable or early,
        collateral_base=found.collateral_value,
        debt_base=found.borrowed,
        base_unit=1,
        base_token=None if params is None else params.loan_token,
    )


def position(key: PositionKey, market: MorphoBlueMarket) -> Position:
    """List what an account has pledged and owes in a market, at the market's target."""
    owner, isolated = market.borrower(key), market.market_for(key)
    params = market.roster.params.get(market_of(key))
    if params is None:
        return Position(key, (), ())

    pledged = (TokenAmount(params.collateral_token, owner.collateral),) if owner.collateral else ()
    owed = 0 if isolated is None else math.borrowed(owner.borrow_shares, isolated.now)
    debt = (TokenAmount(params.loan_token, owed),) if owed else ()
    notes = [] if isolated is None or not isolated.trouble else [isolated.trouble]
    notes += ["opted in to pre-liquidation"] if key in market.opted else []
    return Position(key, pledged, debt, ", ".join(notes))
