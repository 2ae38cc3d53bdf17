"""Markets as they would be: another price, another parameter, more interest; to see whom that would set off."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from keeper.protocols.base import Adapter, M
from keeper.protocols.cures import Parameter
from keeper.types import Address, PositionKey, parse_address
from keeper.units import BPS, mul_div

PRICE: Final = "price"
TIME: Final = "time"
_SECONDS: Final = {"d": 86_400, "h": 3_600, "s": 1}
_SPELLED: Final = re.compile(r"([a-z_0-9]+)(?::(0x[0-9a-fA-F]{40}))?=([+-]?)(\d{1,30})(%|[dhs])?")


@dataclass(frozen=True, slots=True)
class Supposition:
    """One thing that would be otherwise.

    `what` is "price" (`value` in bps of what it is, `token` priced), "time" (`value` in seconds from now, rates and
    prices as they are), or a parameter of an adapter by its name (`value` is its new value).
    """

    what: str
    token: Address | None
    value: int


def parse_supposition(text: str) -> Supposition:
    """Read "price:0x...=-20%", "time=+30d" or "PARAMETER:0x...=7800"; `ValueError` says what is wrong."""
    match = _SPELLED.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} is none of "price:0x...=-20%", "time=+30d", "PARAMETER:0x...=VALUE"')

    what, word, sign, digits, unit = match.groups()
    token = None if word is None else parse_address(word)
    value = -int(digits) if sign == "-" else int(digits)
    if what == PRICE:
        if unit != "%" or not sign or token is None or value <= -100:
            raise ValueError(f'{text!r}: a price is of a token and moves by more than -100%: "price:0x...=-20%"')

        return Supposition(what, token, BPS + value * BPS // 100)  # exact: a percentage is a hundred bps

    if what == TIME:
        if unit not in _SECONDS or value <= 0:
            raise ValueError(f'{text!r}: time goes on by days, hours or seconds: "time=+30d"')

        return Supposition(what, None, value * _SECONDS[unit])

    if unit or sign:
        raise ValueError(f"{text!r}: a parameter has a plain value, in its own unit")

    return Supposition(what, token, value)


def suppose(adapter: Adapter[M], keys: Collection[PositionKey], market: M, supposed: Supposition) -> M | None:
    """The market as it would be; None where it has no such price or parameter. `keys` are who might hang on it."""
    if supposed.what == TIME:
        target = market.target
        pace_s = max(target.timestamp - market.head.timestamp, 1)
        then = target.timestamp + supposed.value
        number = target.number + supposed.value // pace_s  # down: whole blocks
        return market.at(replace(target, number=number, timestamp=then, expires_at=then))

    if adapter.cures is None:
        return None

    if supposed.what != PRICE:
        parameter = Parameter(supposed.what, supposed.token)
        known = parameter in adapter.cures.parameters(market)
        return adapter.cures.with_parameter(parameter, supposed.value, market) if known else None

    prices = {
        exposure.price_id: mul_div(exposure.price, supposed.value, BPS)  # down
        for key in keys
        for exposure in adapter.cures.exposures(key, market)
        if exposure.token == supposed.token
    }
    return market.with_prices(prices) if prices else None
