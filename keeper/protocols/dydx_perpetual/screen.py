"""Health as two linear forms in floats, tilted so that no liquidatable account is ever missed.

With c the maintenance margin, p the price, G the index and F the margin an account would have at index zero, a long
of q can be liquidated where `c F + q (p - c G)` is below zero, and a short where `F - q (c p - G)` is, whatever the
sign of its margin. So there are four slots: F of longs, F of shorts, longs, shorts.
"""

from collections.abc import Collection, Iterable
from typing import Final

import numpy as np

from keeper.protocols.base import Factors, HealthRow
from keeper.protocols.dydx_perpetual.market import DydxPerpetualMarket, terms_of
from keeper.protocols.dydx_perpetual.trade import Account
from keeper.types import PositionKey
from keeper.units import WAD, div_trunc

TILT: Final = 1e-11
"""Relative band over float64, of margin, price and index each: a few roundings of 2**-53 each stay far below it."""
ENTRY_SLACK: Final = 4.0
"""Margin units, times what the maintenance margin makes of them: funding and F are each rounded by less than one."""
_LONG_MARGIN, _SHORT_MARGIN, _LONG, _SHORT = range(4)


def rows(keys: Collection[PositionKey] | None, market: DydxPerpetualMarket) -> Iterable[HealthRow]:
    """Linear forms of these accounts; one without a position or a debt has nothing required."""
    for key, account in market.accounts(keys):
        yield _row(key, account)


def factors(market: DydxPerpetualMarket) -> Factors:
    """Per-slot factors in margin units. A market that is set aside suspects nobody: it is declined once, as a whole."""
    if market.rules.trouble:
        return Factors(np.zeros(4), np.zeros(4), np.full(4, -1.0))

    terms = terms_of(market)
    share, price, index = terms.min_collateral / WAD, terms.price / WAD, terms.current.value.number / WAD
    band = TILT * (share + 1.0) * (price + abs(index))
    long, short = price - share * index, share * price - index
    return Factors(
        cover=np.array([share * (1.0 - TILT), 1.0 - TILT, long - band, 0.0]),
        required=np.array([share * (1.0 + TILT), 1.0 + TILT, 0.0, short + band]),
        slack=np.full(4, ENTRY_SLACK * max(share, 1.0)),
    )


def always_confirm(market: DydxPerpetualMarket) -> Collection[PositionKey]:
    """Nobody: every account is linear."""
    del market
    return ()


def _row(key: PositionKey, account: Account) -> HealthRow:
    margin, position = account.balance.margin.number, account.balance.position
    if position.value == 0:
        return HealthRow(key, (), ((_SHORT_MARGIN, -margin),) if margin < 0 else ())

    # One unit more is required than is: an account without a debt of its own would not be screened at all.
    fixed = margin + div_trunc(account.settled_at.value.number * position.number, WAD)
    slot = _LONG_MARGIN if position.is_positive else _SHORT_MARGIN
    cover, required = ((slot, max(fixed, 0)),), ((slot, max(-fixed, 0) + 1),)
    if position.is_positive:
        return HealthRow(key, (*cover, (_LONG, position.value)), required)

    return HealthRow(key, cover, (*required, (_SHORT, position.value)))
