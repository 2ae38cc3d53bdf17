"""What the keeper's own passes have to tell: armed or not, held, stopped, lost, reorganised, earned for the first time.

Remembers only what it saw last; that nothing is said twice is the desk's business.
"""

from collections.abc import Iterator
from typing import Final

from keeper.alerting.alert import Alert, Event, Severity
from keeper.engine import PassSeen
from keeper.execution.base import Outcome, Status

_DEEP: Final = 2
"""Blocks that must leave the chain before anybody is told: one is daily bread."""
_DROPPED: Final = 5
"""Passes that must fail one after another."""


class KeeperEvents:
    """Turns passes into alerts."""

    def __init__(self, *, live: bool, has_profited: bool) -> None:
        self._live = live
        self._has_profited = has_profited
        self._stopped: dict[str, str] = {}
        self._held: frozenset[str] = frozenset()
        self._armed: bool | None = None
        self._dropped = 0

    def of(self, seen: PassSeen) -> Iterator[Alert]:
        """What a finished pass has to tell."""
        self._dropped = 0
        yield from self._reorg(seen)
        yield from self._deployments(seen)
        yield from self._holds(seen)
        yield from self._arming(seen)
        for outcome in seen.booked:
            yield from self._booking(outcome)

    def of_dropped(self, block: int) -> Iterator[Alert]:
        """What a pass that failed has to tell: nothing, until several did."""
        self._dropped += 1
        if self._dropped == _DROPPED:
            title = f"{_DROPPED} passes in a row failed, the last at block {block}"
            yield Alert(Event.NO_PASS, Severity.CRITICAL, "passes", title, "the nodes do not answer: keeper doctor")

    def _reorg(self, seen: PassSeen) -> Iterator[Alert]:
        ancestor, head = seen.event.reorged_to, seen.decision.head
        if ancestor is not None and head.number - ancestor > _DEEP:
            title = f"Reorg: blocks after {ancestor} left the chain"
            yield Alert(Event.REORG, Severity.WARNING, "chain", title, f"seen at block {head.number}")

    def _deployments(self, seen: PassSeen) -> Iterator[Alert]:
        for name, why in seen.stopped.items():
            if name not in self._stopped:
                yield Alert(Event.DEPLOYMENT_STOPPED, Severity.CRITICAL, name, f"Deployment stopped: {name}", why)

        for name in self._stopped.keys() - seen.stopped.keys():
            yield Alert(Event.DEPLOYMENT_BACK, Severity.WARNING, name, f"Deployment back: {name}")

        self._stopped = dict(seen.stopped)

    def _holds(self, seen: PassSeen) -> Iterator[Alert]:
        causes = {held.split(":", 1)[0]: held for held in seen.held}
        for cause in causes.keys() - self._held:
            title = f"Held: {cause}"
            yield Alert(Event.HELD, Severity.CRITICAL, cause, title, f"{causes[cause]}\nkeeper status, keeper resume")

        self._held = frozenset(causes)

    def _arming(self, seen: PassSeen) -> Iterator[Alert]:
        armed = seen.disarmed is None
        if not self._live or armed == self._armed:
            return

        self._armed = armed
        if seen.disarmed is None:
            yield Alert(Event.ARMED, Severity.WARNING, "keeper", f"Armed at block {seen.decision.head.number}")
        else:
            yield Alert(Event.DISARMED, Severity.CRITICAL, "keeper", "Disarmed: nothing is signed", seen.disarmed)

    def _booking(self, outcome: Outcome) -> Iterator[Alert]:
        tx = "0x" + outcome.tx_hash.hex()
        if outcome.status in (Status.REVERTED, Status.EXPIRED):
            why = "" if outcome.reason is None else outcome.reason
            title = f"Transaction lost: {outcome.status.value} in block {outcome.block_number}"
            yield Alert(Event.TRANSACTION_LOST, Severity.WARNING, outcome.status.value, title, f"{tx}\n{why}")

        if outcome.status is Status.LANDED and not self._has_profited:
            self._has_profited = True
            title = f"First liquidation landed in block {outcome.block_number}"
            yield Alert(Event.FIRST_PROFIT, Severity.WARNING, "journal", title, f"{tx}\nkeeper report")
