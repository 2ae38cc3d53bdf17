"""Health as two linear forms in floats, tilted so that no liquidatable account is ever missed.

Slot 0 counts what does not move with any price; every market and collateral has one more. A long adds to what covers,
a short to what is required; funding moves both by the market's growth. Accounts with orders are not linear.
"""

from collections.abc import Collection, Iterable
from typing import Final

import numpy as np

from keeper.protocols.base import Factors, HealthRow
from keeper.protocols.perp_curie import math
from keeper.protocols.perp_curie.account import Account
from keeper.protocols.perp_curie.instrument import Instrument
from keeper.protocols.perp_curie.market import PerpCurieMarket
from keeper.types import PositionKey
from keeper.units import WAD, div_trunc

TILT: Final = 1e-11
"""Relative band over float64, of price and growth each: a few roundings of 2**-53 each stay far below it."""
ENTRY_SLACK: Final = 8.0
"""US dollars times 10**18, that is units of 10**-18: values, funding and shares are each rounded by less than one."""
NEVER: Final = 1e60
"""More than any account is worth: whoever is in a market that is set aside is suspected by nobody."""
_GROWTH_UNIT: Final = math.Q96 * math.FUNDING_PERIOD_S


def rows(keys: Collection[PositionKey] | None, market: PerpCurieMarket) -> Iterable[HealthRow]:
    """Linear forms of these accounts; one without a position, or with orders, has nothing required."""
    for key, account in market.accounts(keys):
        yield _row(key, account, market)


def factors(market: PerpCurieMarket) -> Factors:
    """Per-slot factors: US dollars times 10**18 per unit of the base token or the collateral."""
    count = 1 + len(market.places)
    cover, required, slack = np.zeros(count), np.zeros(count), np.full(count, ENTRY_SLACK)
    cover[0] = required[0] = 1.0
    # An account's value is rounded down to the settlement token's units once.
    slack[0] += 10.0 ** (18 - market.contracts.decimals)
    for base, place in market.places.items():
        one = market.instruments.get(base)
        if one is not None:
            cover[place + 1], required[place + 1] = _factors(one, market.rules.mm_ratio)
            continue

        known = market.collaterals.get(base)
        if known is not None:
            unit = (
                0.0 if known.price is None else known.price / 10**known.price_decimals * 10.0 ** (18 - known.decimals)
            )
            cover[place + 1] = NEVER if known.price is None else unit * (known.ratio / math.RATIO) * (1.0 - TILT)
            slack[place + 1] += max(unit, 1.0) if known.decimals > 18 else 0.0

    return Factors(cover, required, slack)


def always_confirm(market: PerpCurieMarket) -> Collection[PositionKey]:
    """Accounts with orders, but for those in a market that is set aside: as many as there are makers."""
    return [key for key in sorted(market.makers) if not _set_aside(market.account(key), market)]


def _factors(one: Instrument, mm_ratio: int) -> tuple[float, float]:
    """What a unit long covers and a unit short requires, at the time the market was projected to."""
    if one.trouble:
        return NEVER, -NEVER

    price, growth = one.price / WAD, one.growth.premium_x96 / _GROWTH_UNIT
    band = TILT * (2.0 * price + abs(growth))
    share = mm_ratio / math.RATIO
    return price * (1.0 - share) - growth - band, price * (1.0 + share) - growth + band


def _row(key: PositionKey, account: Account, market: PerpCurieMarket) -> HealthRow:
    positions = [(base, holding) for base, holding in account.holdings if base in market.places]
    if not positions or account.has_orders:
        return HealthRow(key, (), ())

    fixed = math.parse_settlement(account.balance, market.contracts.decimals) + account.owed
    cover, required = [], []
    for base, holding in positions:
        slot = market.places[base] + 1
        fixed += holding.open_notional + div_trunc(holding.size * holding.last_growth_x96, _GROWTH_UNIT)
        if holding.size > 0:
            cover.append((slot, holding.size))
        elif holding.size < 0:
            required.append((slot, -holding.size))

    cover += [(market.places[token] + 1, amount) for token, amount in account.collaterals if token in market.places]
    # One unit more is required than is: an account without a debt of its own would not be screened at all.
    return HealthRow(key, ((0, max(fixed, 0)), *cover), ((0, max(-fixed, 0) + 1), *required))


def _set_aside(account: Account, market: PerpCurieMarket) -> bool:
    found = [market.instruments.get(base) for base, _ in account.holdings]
    return any(one is None or one.trouble for one in found)
