"""Health as two linear forms in floats, tilted so that no liquidatable position is ever missed.

Each asset has a slot by its offset; the slot behind them is the debt's, whose quantity is the principal.
"""

from collections.abc import Collection, Iterable
from typing import Final

import numpy as np

from keeper.protocols.base import Factors, HealthRow
from keeper.protocols.compound_v3.listing import MAX_ASSETS
from keeper.protocols.compound_v3.market import CompoundV3Market
from keeper.protocols.compound_v3.terms import BASE_INDEX_SCALE, FACTOR_SCALE
from keeper.types import PositionKey

DEBT_SLOT: Final = MAX_ASSETS
TILT: Final = 1e-12
"""Relative band over float64: a few dozen roundings of 2**-53 each stay far below it."""
SLACK: Final = 2.0
"""Price units (10**-8 of a dollar) an asset's two roundings may cost: less than one each. The debt's rounding down
makes nobody liquidatable, and its own unit is for what is worth less than a price unit."""


def rows(keys: Collection[PositionKey] | None, market: CompoundV3Market) -> Iterable[HealthRow]:
    """Linear forms of these accounts; one that owes nothing has nothing required."""
    for key, account in market.accounts(keys):
        if account.owes:
            yield HealthRow(key, account.held, ((DEBT_SLOT, -account.principal),))
        else:
            yield HealthRow(key, (), ())


def factors(market: CompoundV3Market) -> Factors:
    """Per-slot factors in the price's unit per base unit, at the indices of the target.

    Whoever holds an asset without a usable price is suspect unless the rest covers the debt, as for the contract. A
    market that cannot be decided as a whole suspects nobody: it is declined once.
    """
    count = MAX_ASSETS + 1
    cover, required, slack = np.zeros(count), np.zeros(count), np.full(count, SLACK)
    base_price = market.base_quoted.price
    if market.trouble or base_price is None:
        return Factors(cover, required, np.full(count, -1.0))

    for offset, asset in enumerate(market.assets):
        price, terms = asset.quoted.price, asset.terms
        if price is not None:
            cover[offset] = price / terms.scale * (terms.liquidate_collateral_factor / FACTOR_SCALE) * (1.0 - TILT)

    index = market.now.base_borrow_index / BASE_INDEX_SCALE
    required[DEBT_SLOT] = index * (base_price / market.listing.base_scale) * (1.0 + TILT)
    return Factors(cover, required, slack)


def always_confirm(market: CompoundV3Market) -> Collection[PositionKey]:
    """Accounts whose debt was found changed without an event, which the screen does not know."""
    return market.strays
