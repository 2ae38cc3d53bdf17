"""What taking an offer moves, exactly, and the market the next offer of the same block will see.

Source: Comet.buyCollateral. The amounts depend on prices alone; an absorption moves none of ours.
"""

from dataclasses import replace

from keeper.protocols.compound_v3 import math
from keeper.protocols.compound_v3.market import CompoundV3Market
from keeper.protocols.compound_v3.purchase import purchase_of, stage
from keeper.types import Offer, Payment, Settlement, TokenAmount


def settle(offer: Offer, size: int, market: CompoundV3Market) -> Settlement:
    """Work out what a purchase of `size` base tokens moves; the contract pulls what it is told to, no more."""
    got = received(offer, size, stage(offer, market))
    return Settlement(
        (Payment(offer.pay_token, size, size, market.listing.comet),), (TokenAmount(offer.receive_token, got),)
    )


def received(offer: Offer, size: int, market: CompoundV3Market) -> int:
    """What one purchase hands over, rounded down; `RevertError` for more than there is."""
    detail, _ = purchase_of(offer)
    asset = market.assets[detail.offset]
    quoted = math.quote_collateral(size, asset.terms, market.base, market.listing.store_front_price_factor)
    return math.bought(quoted, 0, asset.stock)


def after(offer: Offer, size: int, market: CompoundV3Market) -> CompoundV3Market:
    """Apply the absorption and a purchase: reserves grow by what is paid, and the stock shrinks.

    A purchase stores no accrual.
    """
    detail, _ = purchase_of(offer)
    market = stage(offer, market)
    sold = market.assets[detail.offset].sold(received(offer, size, market))
    return replace(market, balance=market.balance + size).with_assets({detail.offset: sold})
