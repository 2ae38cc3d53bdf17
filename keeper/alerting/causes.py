"""Why a position fell, and what governance changed: told by asking the market before about the world after, and back.

Between two blocks four things move: prices, time, parameters, and what the owner has. Each is put into the older market
alone, in this order, until the position falls there too.
"""

from dataclasses import dataclass
from enum import StrEnum

from keeper.margin.state import SEVERITY, state_of
from keeper.protocols.base import Adapter, M
from keeper.protocols.cures import Parameter
from keeper.types import Declined, HealthState, PositionKey


class Cause(StrEnum):
    """What moved."""

    INTEREST = "interest"
    PRICE = "price"
    PARAMETER = "parameter"
    OWNER = "owner"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """Governance changed a parameter between two blocks."""

    parameter: Parameter
    before: int
    after: int


def changed_parameters(adapter: Adapter[M], before: M, after: M) -> tuple[ParameterChange, ...]:
    """Compare what governance can change; what is new, or gone, counts as no change."""
    if adapter.cures is None:
        return ()

    was, now = adapter.cures.parameters(before), adapter.cures.parameters(after)
    return tuple(
        ParameterChange(parameter, was[parameter], value)
        for parameter, value in now.items()
        if parameter in was and was[parameter] != value
    )


@dataclass(frozen=True, slots=True)
class Fall:
    """A position that is in a worse state than before, with its margin call."""

    key: PositionKey
    state: HealthState
    margin_call_wad: int

    def happens(self, adapter: Adapter[M], market: M) -> bool:
        """Tell whether it is as bad in another market."""
        health = adapter.health.health(self.key, market)
        if isinstance(health, Declined):
            return False

        return SEVERITY[state_of(health, self.margin_call_wad)] >= SEVERITY[self.state]


def cause_of(fall: Fall, adapter: Adapter[M], before: M, after: M) -> Cause:
    """Name what made it fall between two markets of one deployment."""
    if adapter.cures is None:
        return Cause.UNKNOWN

    then = before.at(after.target)
    if fall.happens(adapter, then):
        return Cause.INTEREST

    exposures = adapter.cures.exposures(fall.key, after)
    if fall.happens(adapter, then.with_prices({one.price_id: one.price for one in exposures})):
        return Cause.PRICE

    undone = after
    for change in changed_parameters(adapter, before, after):
        undone = adapter.cures.with_parameter(change.parameter, change.before, undone)

    return Cause.OWNER if fall.happens(adapter, undone) else Cause.PARAMETER


def set_off(change: ParameterChange, fall: Fall, adapter: Adapter[M], after: M) -> bool:
    """Tell whether a position would not have fallen with the parameter as it was."""
    if adapter.cures is None:
        return False

    return not fall.happens(adapter, adapter.cures.with_parameter(change.parameter, change.before, after))
