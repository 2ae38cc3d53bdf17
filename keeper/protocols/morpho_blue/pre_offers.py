"""Offers of positions that opted in, between the contract's threshold and the market's: sizes, and what they move.

A size is collateral to seize, as in Morpho's own liquidation; `MAX_UINT256` repays all shares where the close factor
allows it. Source: PreLiquidation.preLiquidate, Morpho.repay, Morpho.withdrawCollateral.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keeper.errors import StateError
from keeper.protocols.bounds import first_true, last_true
from keeper.protocols.morpho_blue import math, pre_liquidation
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.morpho_blue.isolated import IsolatedMarket
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.math import Liquidation
from keeper.protocols.morpho_blue.pre_liquidation import PreLiquidation, Zone, zone_of
from keeper.types import Offer, OfferKind, PositionKey
from keeper.units import MAX_UINT256

ROUNDINGS: Final = 8
"""Loan token units that the roundings of one pre-liquidation can take from a borrower's health, each at most one."""


@dataclass(frozen=True, slots=True)
class PreSeizure:
    """An offer's detail: the contract with its terms, and all shares of the borrower, which `MAX_UINT256` repays."""

    terms: PreLiquidation
    borrow_shares: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything a pre-liquidation of one position by one contract depends on."""

    owner: Borrower
    isolated: IsolatedMarket
    market_price: int
    price: int
    zone: Zone


def standing_of(key: PositionKey, terms: PreLiquidation, market: MorphoBlueMarket) -> Standing | None:
    """Weigh a position for one contract; None where a price is unknown or it is not between the thresholds."""
    owner, isolated = market.borrower(key), market.market_for(key)
    if isolated is None or owner.borrow_shares == 0 or isolated.usable_price is None:
        return None

    price = market.pre_price(terms, isolated)
    if price is None:
        return None

    lltv = isolated.params.lltv
    zone = zone_of(owner.collateral, owner.borrow_shares, isolated.now, price, (terms, lltv))
    return None if zone is None else Standing(owner, isolated, isolated.usable_price, price, zone)


def pre_offers(key: PositionKey, market: MorphoBlueMarket) -> Sequence[Offer]:
    """Offer a position to every contract it authorised that may take a part of it now."""
    found = ((terms, standing_of(key, terms, market)) for terms in market.opted.get(key, ()))
    sized = [(terms, standing, legal_sizes(standing)) for terms, standing in found if standing is not None]
    return [
        Offer(
            deployment=market.deployment,
            kind=OfferKind.SEIZE,
            key=key,
            pay_token=standing.isolated.params.loan_token,
            receive_token=standing.isolated.params.collateral_token,
            size_token=standing.isolated.params.collateral_token,
            sizes=sizes,
            detail=PreSeizure(terms, standing.owner.borrow_shares),
            calls_back=True,
        )
        for terms, standing, sizes in sized
        if sizes
    ]


def legal_sizes(standing: Standing) -> tuple[tuple[int, int], ...]:
    """Collateral amounts within the close factor that leave the position healthy on Morpho; all shares where allowed.

    Health after a seizure is a straight line in its size but for roundings, so that two ends that stay clear of
    these enclose legal sizes only.
    """
    owner, repayable = standing.owner, standing.zone.repayable_shares
    whole: tuple[tuple[int, int], ...] = ()
    if repayable >= owner.borrow_shares and _seized(standing, owner.borrow_shares) <= owner.collateral:
        whole = ((MAX_UINT256, MAX_UINT256),)

    most = min(owner.collateral, _seized(standing, min(repayable, owner.borrow_shares)))

    def keeps_healthy(size: int) -> bool:
        return _room(standing, size) >= ROUNDINGS

    if most == 0:
        return whole

    if keeps_healthy(most):
        return ((first_true(1, most, keeps_healthy), most), *whole)

    last = last_true(1, most, keeps_healthy)
    return ((1, last), *whole) if last else whole


def _seized(standing: Standing, shares: int) -> int:
    return pre_liquidation.seized_for(shares, standing.isolated.now, standing.price, standing.zone.incentive)


def _room(standing: Standing, size: int) -> int:
    """How much more than it owes a position may owe on Morpho once this much of its collateral was seized."""
    moved, owner = liquidation_of(size, standing), standing.owner
    left = math.after_repayment(standing.isolated.now, moved)
    value = math.collateral_value(owner.collateral - moved.seized, standing.market_price)
    owed = math.borrowed(owner.borrow_shares - moved.repaid_shares, left)
    return math.max_borrow(value or 0, standing.isolated.params.lltv) - owed


def liquidation_of(size: int, standing: Standing) -> Liquidation:
    """Work a pre-liquidation out; `StateError` for a size the contracts would refuse."""
    now, owner, incentive = standing.isolated.now, standing.owner, standing.zone.incentive
    if size == MAX_UINT256:
        seized, shares = _seized(standing, owner.borrow_shares), owner.borrow_shares
    else:
        seized, shares = size, pre_liquidation.repaid_shares_for(size, now, standing.price, incentive)

    if seized > owner.collateral or shares > min(owner.borrow_shares, standing.zone.repayable_shares):
        raise StateError("a pre-liquidation of more than is allowed", seized=seized, repaid_shares=shares)

    return math.liquidation(seized, shares, now)


def liquidate(detail: PreSeizure, key: PositionKey, size: int, market: MorphoBlueMarket) -> Liquidation:
    """Liquidate early by a legal size; `StateError` where the position is not between the thresholds."""
    standing = standing_of(key, detail.terms, market)
    if standing is None:
        raise StateError("a pre-liquidation of a position outside its thresholds", key=key.hex())

    return liquidation_of(size, standing)
