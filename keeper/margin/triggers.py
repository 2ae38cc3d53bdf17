"""What would make a position fall: the price of each thing it holds or owes, one at a time, and interest alone."""

from dataclasses import dataclass, replace
from typing import Final

from keeper.margin.cure import Patient
from keeper.margin.search import greatest, least
from keeper.protocols.base import M
from keeper.protocols.cures import Exposure, Parameter
from keeper.types import BlockTarget, Declined
from keeper.units import BPS, YEAR_S, div_trunc

_FURTHEST: Final = 2**20
"""How many times its price something is looked for at; what a million times does not move has no trigger."""
_MOST_RAISED: Final = 6
"""How many times itself a parameter is looked for at: more than governance has ever raised one at once, and within
the 16 bits that Aave keeps basis points in."""
_UNITS: Final = ("_bps", "_wad", "_ppm")
"""How the name of a parameter that is a quantity ends; flags and sets have no unit."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """At `price`, in the protocol's own number, the position can be liquidated; one unit nearer to now it cannot."""

    exposure: Exposure
    price: int

    @property
    def move_bps(self) -> int:
        """How far that is from the price now, in bps of it, toward zero; below zero where it must fall."""
        return div_trunc((self.price - self.exposure.price) * BPS, self.exposure.price)


def triggers(patient: Patient[M]) -> tuple[Trigger, ...]:
    """The price at which each exposure alone makes the position liquidatable, all else as it is.

    Empty for one that is liquidatable already. A price that moves cover and debt alike may have no trigger.
    """
    if _falls(patient, patient.market):
        return ()

    found = (_trigger(patient, exposure) for exposure in patient.cures.exposures(patient.key, patient.market))
    return tuple(trigger for trigger in found if trigger is not None)


def falls_at(patient: Patient[M], within_s: int = YEAR_S) -> int | None:
    """When interest alone makes it liquidatable, in unix s, to the block; None where it does not within that time.

    Rates and prices as they are now.
    """
    head, target = patient.market.head, patient.market.target
    pace_s = max(target.timestamp - head.timestamp, 1)
    if _falls(patient, patient.market):
        return target.timestamp

    def then(blocks: int) -> BlockTarget:
        timestamp = target.timestamp + blocks * pace_s
        return replace(target, number=target.number + blocks, timestamp=timestamp, expires_at=timestamp)

    blocks = least(lambda ahead: _falls(patient, patient.market.at(then(ahead))), 1, within_s // pace_s)
    return None if blocks is None else then(blocks).timestamp


@dataclass(frozen=True, slots=True)
class Limit:
    """At `value` of a parameter the position can be liquidated; `now` is what it is."""

    parameter: Parameter
    now: int
    value: int


def limits(patient: Patient[M]) -> tuple[Limit, ...]:
    """How far governance would have to move each quantity, one at a time, before the position can be liquidated."""
    if _falls(patient, patient.market):
        return ()

    found = (
        _limit(patient, parameter, now)
        for parameter, now in patient.cures.parameters(patient.market).items()
        if now > 0 and parameter.name.endswith(_UNITS)
    )
    return tuple(limit for limit in found if limit is not None)


def _limit(patient: Patient[M], parameter: Parameter, now: int) -> Limit | None:
    def falls(value: int) -> bool:
        return _falls(patient, patient.cures.with_parameter(parameter, value, patient.market))

    if falls(0):
        return Limit(parameter, now, greatest(falls, now) or 0)

    most = now * (_MOST_RAISED - 1)
    more = least(lambda by: falls(now + by), 1, most) if falls(now + most) else None
    return None if more is None else Limit(parameter, now, now + more)


def _trigger(patient: Patient[M], exposure: Exposure) -> Trigger | None:
    def falls(price: int) -> bool:
        return _falls(patient, patient.market.with_prices({exposure.price_id: price}))

    price = greatest(falls, exposure.price)
    if price is not None:
        return Trigger(exposure, price)

    risen = least(
        lambda more: falls(exposure.price + more), exposure.price // BPS, exposure.price * _FURTHEST - exposure.price
    )
    return None if risen is None else Trigger(exposure, exposure.price + risen)


def _falls(patient: Patient[M], market: M) -> bool:
    health = patient.adapter.health.health(patient.key, market)
    return not isinstance(health, Declined) and health.liquidatable
