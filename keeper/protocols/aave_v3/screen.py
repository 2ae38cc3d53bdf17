"""Health as two linear forms in floats, tilted so that no liquidatable position is ever missed.

Quantities are scaled balances; a slot's factor is price times index times threshold per scaled unit, and a slot is a
(category, reserve) pair so that eMode costs nothing. What integers truncate is bounded per entry, see `factors`.
"""

from collections.abc import Collection, Iterable
from typing import Final

import numpy as np

from keeper.protocols.aave.roster import MAX_RESERVES
from keeper.protocols.aave_v3.account import Account
from keeper.protocols.aave_v3.health import price_of, threshold_of
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.aave_v3.reserve import EMode, Reserve
from keeper.protocols.aave_v3.rules import Rules
from keeper.protocols.base import Factors, HealthRow
from keeper.types import PositionKey
from keeper.units import BPS, RAY

TILT: Final = 1e-12
"""Relative band over float64: a few hundred roundings of 2**-53 each stay far below it."""
FORMS: Final = ("cover", "required", "slack")


def rows(keys: Collection[PositionKey] | None, market: AaveV3Market) -> Iterable[HealthRow]:
    """Linear forms of these accounts; supplies that back nothing are left out."""
    for key, account in market.accounts(keys):
        first = _first_slot(account, market)
        cover = tuple((first + i, scaled) for i, scaled in account.supplied if account.uses_as_collateral(i))
        yield HealthRow(key, cover, tuple((first + i, scaled) for i, scaled in account.borrowed))


def _first_slot(account: Account, market: AaveV3Market) -> int:
    return account.emode * MAX_RESERVES if account.emode in market.emodes else 0


def factors(market: AaveV3Market) -> Factors:
    """Per-slot factors in base currency per scaled unit, and the slack of one entry.

    With v = price / unit (base currency per token base unit) an entry's integer value differs from the linear one by
    less than v + 1: at most one base unit of the token when its balance is rounded, at most one of the base currency
    when it is valued. Before 3.5 health also floors the average threshold to whole bps, which costs up to 1 bps of
    every collateral's value (so threshold - 1) and half a base unit, which the debt entry's v + 1 has spare because
    its balance is only rounded by half. A slot without a price is suspect by itself.
    """
    slots = np.zeros((1 + max(market.emodes, default=0), len(FORMS), MAX_RESERVES))
    for i, reserve in enumerate(market.reserves):
        slots[:, :, i] = _entry(reserve, None, market.rules)

    for emode in market.emodes.values():
        for i, reserve in enumerate(market.reserves):
            if emode.covers(reserve, market.rules):
                slots[emode.id, :, i] = _entry(reserve, emode, market.rules)

    cover, required, slack = (slots[:, form, :].reshape(-1) for form in range(len(FORMS)))
    return Factors(cover, required, slack)


def _entry(reserve: Reserve, emode: EMode | None, rules: Rules) -> tuple[float, float, float]:
    """Cover, required and slack of one reserve for accounts in one category."""
    price = price_of(reserve, emode, rules)
    if price is None:
        return 0.0, 0.0, np.inf

    per_unit = price / reserve.unit
    required = per_unit * (reserve.debt_index / RAY) * (1.0 + TILT)
    threshold = threshold_of(reserve, emode, rules)
    if threshold is None:
        return 0.0, required, per_unit + 1.0

    kept = threshold if rules.directed_rounding else threshold - 1
    return per_unit * (reserve.income / RAY) * kept / BPS * (1.0 - TILT), required, per_unit + 1.0


def always_confirm(market: AaveV3Market) -> Collection[PositionKey]:
    """Positions that no linear form describes."""
    return market.set_aside
