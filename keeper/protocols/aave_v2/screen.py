"""Health as two linear forms in floats, tilted so that no liquidatable position is ever missed.

Quantities are scaled balances; a slot is a reserve and its factor is price times index times threshold per scaled
unit. Debts at stable rates grow each by a rate of its own and fit no slot: who owes one is always decided exactly.
"""

from collections.abc import Collection, Iterable
from typing import Final

import numpy as np

from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.base import Factors, HealthRow
from keeper.types import PositionKey
from keeper.units import BPS, RAY

TILT: Final = 1e-12
"""Relative band over float64: a few hundred roundings of 2**-53 each stay far below it."""


def rows(keys: Collection[PositionKey] | None, market: AaveV2Market) -> Iterable[HealthRow]:
    """Linear forms of these accounts; supplies that back nothing are left out, and debts at stable rates."""
    for key, account in market.accounts(keys):
        cover = tuple(entry for entry in account.supplied if account.uses_as_collateral(entry[0]))
        yield HealthRow(key, cover, account.borrowed)


def factors(market: AaveV2Market) -> Factors:
    """Per-slot factors in base currency per scaled unit, and the slack of one entry.

    With v = price / unit (base currency per token base unit) an entry's integer value differs from the linear one by
    less than v/2 + 1: half a base unit of the token when its balance is rounded, at most one of the base currency
    when it is valued. Health also floors the average threshold to whole bps, which costs up to 1 bps of every
    collateral's value (so threshold - 1) and half a base unit of the base currency, which v + 1 per entry has spare
    wherever v is at least one, and which is added where it is not. A slot without a price is suspect by itself.
    """
    count = len(market.reserves)
    cover, required, slack = np.zeros(count), np.zeros(count), np.zeros(count)
    for i, reserve in enumerate(market.reserves):
        if reserve.price is None:
            slack[i] = np.inf
            continue

        per_unit = reserve.price / reserve.unit
        slack[i] = per_unit + 2.0
        required[i] = per_unit * (reserve.debt_index / RAY) * (1.0 + TILT)
        # A supply without a threshold counts for nothing; one with a basis point keeps none of it.
        kept = max(reserve.threshold - 1, 0)
        cover[i] = per_unit * (reserve.income / RAY) * kept / BPS * (1.0 - TILT)

    return Factors(cover, required, slack)


def always_confirm(market: AaveV2Market) -> Collection[PositionKey]:
    """Positions that no linear form describes."""
    return market.set_aside
