"""Health as two linear forms in floats, tilted so that no vault that can be liquidated is ever missed.

Quantities are collateral and normalised debt; each collateral type has one slot for both. The Vat compares two whole
products and divides nothing, so that only float64 itself is to be allowed for.
"""

from collections.abc import Collection, Iterable
from typing import Final

import numpy as np

from keeper.protocols.base import Factors, HealthRow
from keeper.protocols.maker.health import trouble_of
from keeper.protocols.maker.market import MakerMarket
from keeper.types import PositionKey
from keeper.units import RAY, WAD

TILT: Final = 1e-12
"""Relative band over float64: a few roundings of 2**-53 each stay far below it."""


def rows(keys: Collection[PositionKey] | None, market: MakerMarket) -> Iterable[HealthRow]:
    """Linear forms of these vaults; one that owes nothing has nothing required."""
    for key, urn in market.urns(keys):
        ilk = market.ilk_for(key)
        if ilk is None or urn.art == 0:
            yield HealthRow(key, (), ())
            continue

        place = ilk.listing.place
        cover = ((place, urn.ink),) if urn.ink else ()
        yield HealthRow(key, cover, ((place, urn.art),))


def factors(market: MakerMarket) -> Factors:
    """Per-slot factors: DAI that may be owed per unit of collateral, and DAI owed per unit of normalised debt.

    A collateral type that is set aside suspects nobody: it is declined once, as a whole.
    """
    count = 1 + max((ilk.listing.place for ilk in market.ilks.values()), default=-1)
    cover, required, slack = np.zeros(count), np.zeros(count), np.full(count, -1.0)
    for ilk in market.ilks.values():
        spot = ilk.lowest_spot
        if trouble_of(ilk) or spot is None:
            continue

        place = ilk.listing.place
        slack[place] = 0.0
        cover[place] = spot / RAY / WAD * (1.0 - TILT)
        required[place] = ilk.rate_now / RAY / WAD * (1.0 + TILT)

    return Factors(cover, required, slack)


def always_confirm(market: MakerMarket) -> Collection[PositionKey]:
    """Nobody: every vault is linear."""
    del market
    return ()
