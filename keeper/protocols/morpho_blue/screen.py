"""Health as two linear forms in floats, tilted so that no liquidatable position is ever missed.

Quantities are collateral and borrow shares; each market has one slot for both.
"""

from collections.abc import Collection, Iterable
from typing import Final

import numpy as np

from keeper.protocols.base import Factors, HealthRow
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.math import ORACLE_PRICE_SCALE, VIRTUAL_ASSETS, VIRTUAL_SHARES
from keeper.protocols.morpho_blue.params import market_of
from keeper.types import PositionKey
from keeper.units import WAD

TILT: Final = 1e-12
"""Relative band over float64: a few roundings of 2**-53 each stay far below it."""
ENTRY_SLACK: Final = 2.0
"""Loan token base units. Collateral's value and then its share are rounded down, which costs less than two; the debt
is rounded up, by less than one. A position has at least the debt entry, and both where it has collateral."""
LAST_SLOT: Final = 2**15 - 1
"""Markets beyond it share this slot, where everybody is a suspect: whoever makes markets cannot use places up."""


def rows(keys: Collection[PositionKey] | None, market: MorphoBlueMarket) -> Iterable[HealthRow]:
    """Linear forms of these borrowers; one who owes nothing has nothing required."""
    for key, owner in market.borrowers(keys):
        place = market.roster.places.get(market_of(key))
        if place is None or owner.borrow_shares == 0:
            yield HealthRow(key, (), ())
            continue

        slot = min(place, LAST_SLOT)
        cover = ((slot, owner.collateral),) if owner.collateral else ()
        yield HealthRow(key, cover, ((slot, owner.borrow_shares),))


def factors(market: MorphoBlueMarket) -> Factors:
    """Per-slot factors in the market's own loan token, per unit of collateral and per share.

    A market that is set aside suspects nobody: it is declined once, as a whole.
    """
    count = min(len(market.roster.places), LAST_SLOT + 1)
    cover, required, slack = np.zeros(count), np.zeros(count), np.full(count, -1.0)
    for i, isolated in market.isolated.items():
        place, price = market.roster.places[i], isolated.usable_price
        if price is None or place >= LAST_SLOT:
            continue

        now = isolated.now
        slack[place] = ENTRY_SLACK
        cover[place] = price / ORACLE_PRICE_SCALE * (isolated.params.lltv / WAD) * (1.0 - TILT)
        per_share = (now.borrow_assets + VIRTUAL_ASSETS) / (now.borrow_shares + VIRTUAL_SHARES)
        required[place] = per_share * (1.0 + TILT)

    if count > LAST_SLOT:
        slack[LAST_SLOT] = np.inf

    return Factors(cover, required, slack)


def always_confirm(market: MorphoBlueMarket) -> Collection[PositionKey]:
    """Those that opted in to pre-liquidation: the screen looks at the market's own threshold."""
    return [key for key in market.opted if market.borrower(key).borrow_shares]
