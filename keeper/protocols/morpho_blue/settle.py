"""What taking an offer moves, exactly, and the market the next offer of the same block will see.

Source: Morpho.liquidate.
"""

from dataclasses import replace
from typing import Final

from keeper.errors import StateError
from keeper.protocols.morpho_blue import math, pre_offers
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.morpho_blue.isolated import IsolatedMarket
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.math import Liquidation
from keeper.protocols.morpho_blue.offers import MarketSeizure, detail_of, priced
from keeper.protocols.morpho_blue.pre_offers import PreSeizure
from keeper.types import Offer, Payment, PositionKey, Settlement, TokenAmount
from keeper.units import BPS, MAX_UINT256, bps_up

PRICE_DRIFT_BPS: Final = 1
"""What a price that moves with time, such as a vault share's, may add to a payment before the plan expires."""


def settle(offer: Offer, size: int, market: MorphoBlueMarket) -> Settlement:
    """Work out exactly what the contract moves at the market's target."""
    detail, key = detail_of(offer)
    now = _liquidate(detail, key, size, market)
    spender = detail.terms.contract if isinstance(detail, PreSeizure) else detail.morpho
    payment = Payment(offer.pay_token, now.repaid_assets, _at_most(key, size, now, market), spender)
    return Settlement((payment,), (TokenAmount(offer.receive_token, now.seized),))


def _liquidate(
    detail: MarketSeizure | PreSeizure, key: PositionKey, size: int, market: MorphoBlueMarket
) -> Liquidation:
    """Liquidate by a legal size: collateral to seize, or all shares for `MAX_UINT256`."""
    if isinstance(detail, PreSeizure):
        return pre_offers.liquidate(detail, key, size, market)

    return liquidation_of(market.borrower(key), size, priced(key, market))


def liquidation_of(owner: Borrower, size: int, isolated: IsolatedMarket) -> Liquidation:
    """Work a liquidation out; `StateError` for a size the contract would refuse."""
    price, now, lltv = isolated.usable_price, isolated.now, isolated.params.lltv
    if price is None:
        raise StateError("a liquidation in a market without a price", market=isolated.params.id.hex())

    if size == MAX_UINT256:
        seized, shares = math.seized_for(owner.borrow_shares, now, price, lltv), owner.borrow_shares
    else:
        seized, shares = size, math.repaid_shares_for(size, now, price, lltv)

    if seized > owner.collateral or shares > owner.borrow_shares:
        raise StateError("a liquidation of more than there is", seized=seized, repaid_shares=shares)

    moved = math.liquidation(seized, shares, now)
    if seized < owner.collateral:
        return moved

    return math.with_bad_debt(moved, owner.borrow_shares - shares, now)


def _at_most(key: PositionKey, size: int, now: Liquidation, market: MorphoBlueMarket) -> int:
    """Bound a payment until the plan expires.

    All shares cost more as interest accrues; the growth is counted twice, since a rate may rise before we land. A
    given collateral costs what its price says then, but for roundings of a share's worth on either side.
    """
    if size != MAX_UINT256:
        return bps_up(now.repaid_assets, BPS + PRICE_DRIFT_BPS) + 1

    target = replace(market.target, timestamp=max(market.target.timestamp, market.target.expires_at))
    later = priced(key, market.at(target)).now
    bound = math.to_assets_up(now.repaid_shares, later.borrow_assets, later.borrow_shares)
    return now.repaid_assets + 2 * max(bound - now.repaid_assets, 0)


def after(offer: Offer, size: int, market: MorphoBlueMarket) -> MorphoBlueMarket:
    """Apply a liquidation: the borrower, the market's totals with bad debt written off, and what Morpho holds."""
    detail, key = detail_of(offer)
    owner, isolated = market.borrower(key), priced(key, market)
    moved = _liquidate(detail, key, size, market)
    left = Borrower(
        owner.borrow_shares - moved.repaid_shares - moved.bad_debt_shares,
        owner.collateral - moved.seized,
    )
    totals = math.after_liquidation(isolated.now, moved)
    changed = isolated.with_stored(totals, market.target.timestamp)
    market = market.with_borrowers({key: left}).with_isolated({isolated.params.id: changed})
    return market.with_moved({offer.receive_token: -moved.seized}).with_moved({offer.pay_token: moved.repaid_assets})
