"""What the keeper may lose before it stops: limits on what really happened, whatever a strategy believes; pure.

Input are mined transactions as they were booked; a quiet miss costs its gas and is no revert, and what a node or a
channel did never counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keeper.execution.base import Status
from keeper.execution.limits import Subject
from keeper.units import USD

DAY_S: Final = 86_400
MEMORY_S: Final = 7 * DAY_S
"""How far back a drawdown looks for its peak."""
_CENT: Final = USD // 100


class Cause(StrEnum):
    """Why nothing is planned for; the value is what journal and status show."""

    LOSS = "max_loss_per_day"
    DRAWDOWN = "max_drawdown"
    REVERTS = "max_consecutive_reverts"
    PAUSED = "operator_pause"
    KILLED = "operator_kill"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The numbers of the `[governor]` table: wei, dollars times 10**18, seconds."""

    gas_budget_wei: int
    max_loss_usd: int
    max_drawdown_usd: int
    max_reverts: int
    revert_hold_s: int
    max_per_minute: int
    cooldown_s: int


@dataclass(frozen=True, slots=True)
class Result:
    """One mined transaction of ours in its canonical block; `seq` orders bookings, `timestamp` is the block's (unix s).

    Dollars are times 10**18, at the price its plan was made at. `subject` is None for a cancel.
    """

    seq: int
    timestamp: int
    status: Status
    subject: Subject | None
    gas_wei: int
    earned_usd: int
    gas_usd: int


@dataclass(frozen=True, slots=True)
class Trip:
    """A limit that was passed: why in words, and when (unix s) it lifts by itself; None is never."""

    cause: Cause
    reason: str
    until: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far each limit is used: dollars times 10**18 (a negative loss is a gain), reverts in a row, gas of a day."""

    lost_usd: int
    drawdown_usd: int
    reverts: int
    gas_wei: int


def tripped(results: Sequence[Result], limits: Thresholds, now: int, counted_from: Mapping[Cause, int]) -> list[Trip]:
    """Find the limits that are passed at `now` (unix s).

    `results` are in the order of booking. `counted_from` is the last booking that counts no more for a cause: what it
    tripped over before.
    """
    used = standing(results, now, counted_from)
    found: list[Trip] = []
    if used.lost_usd > limits.max_loss_usd:
        reason = f"lost {dollars(used.lost_usd)} USD within a day, {dollars(limits.max_loss_usd)} allowed"
        found.append(Trip(Cause.LOSS, reason, now + DAY_S))

    if used.drawdown_usd > limits.max_drawdown_usd:
        reason = f"fell {dollars(used.drawdown_usd)} USD from the peak, {dollars(limits.max_drawdown_usd)} allowed"
        found.append(Trip(Cause.DRAWDOWN, reason, None))

    if used.reverts >= limits.max_reverts:
        reason = f"reverted in {used.reverts} blocks in a row, the limit is {limits.max_reverts}"
        found.append(Trip(Cause.REVERTS, reason, now + limits.revert_hold_s))

    return found


def standing(results: Sequence[Result], now: int, counted_from: Mapping[Cause, int]) -> Standing:
    """Measure how far each limit is used at `now` (unix s); see `tripped`."""

    def fresh(cause: Cause) -> list[Result]:
        return [result for result in results if result.seq > counted_from.get(cause, 0)]

    return Standing(
        lost_usd=-sum(_net_usd(result) for result in fresh(Cause.LOSS) if result.timestamp > now - DAY_S),
        drawdown_usd=_drawdown_usd(fresh(Cause.DRAWDOWN)),
        reverts=_trailing_reverts(fresh(Cause.REVERTS)),
        gas_wei=gas_spent_wei(results, now),
    )


def cooling_until(results: Iterable[Result], subject: Subject, cooldown_s: int) -> int:
    """Return until when (unix s) a position is left alone after its last revert; 0 where it never reverted."""
    reverted = (
        result.timestamp for result in results if result.subject == subject and result.status is Status.REVERTED
    )
    last = max(reverted, default=None)
    return 0 if last is None else last + cooldown_s


def gas_spent_wei(results: Iterable[Result], now: int) -> int:
    """Add up what gas cost in the last day, in wei, cancels included."""
    return sum(result.gas_wei for result in results if result.timestamp > now - DAY_S)


def dollars(usd: int) -> str:
    """Render dollars times 10**18 for people, to the cent, rounded down."""
    cents = abs(usd) // _CENT  # down: only shown
    return f"{'-' if usd < 0 else ''}{cents // 100:,}.{cents % 100:02}"


def _net_usd(result: Result) -> int:
    return result.earned_usd - result.gas_usd


def _drawdown_usd(results: Iterable[Result]) -> int:
    """Measure how far the running total is below its highest point, which is at least where it began."""
    total = peak = 0
    for result in results:
        total += _net_usd(result)
        peak = max(peak, total)

    return peak - total


def _trailing_reverts(results: Iterable[Result]) -> int:
    """Count blocks with a revert since something last landed; misses and cancels neither count nor end the row.

    Reverts of one block count once: plans that rest on one another fail together.
    """
    blocks: set[int] = set()
    for result in results:
        if result.status is Status.REVERTED:
            blocks.add(result.timestamp)
        elif result.status is Status.LANDED:
            blocks.clear()

    return len(blocks)
