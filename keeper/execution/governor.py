"""The governor: between plans and signatures, knowing only what was mined, what is in flight, and the operator.

What asks for a person or for time is a hold in the journal, so that a restart does not forget it; budgets and cooldowns
are computed from the bookings each time.
"""

from collections import deque
from typing import Final

import structlog

from keeper.errors import SigningKeyError
from keeper.execution.base import Outcome, SignedTx
from keeper.execution.limits import Subject
from keeper.execution.switch import Order, Switch, Word
from keeper.execution.thresholds import (
    MEMORY_S,
    Cause,
    Result,
    Thresholds,
    Trip,
    cooling_until,
    gas_spent_wei,
    tripped,
)
from keeper.journal.holds import Hold
from keeper.journal.store import Journal
from keeper.types import BlockHead

MINUTE_S: Final = 60
_BY_HAND: Final = "the switch file was taken away"

log = structlog.get_logger(__name__)


class Governor:
    """Says no. Invariant: what it says does not depend on what any plan promises, only on what was booked and sent.

    `killed` is why nothing may be signed at all, cancels included; None while it may.
    """

    def __init__(self, journal: Journal, thresholds: Thresholds, switch: Switch, *, started_at: int) -> None:
        """`started_at` is unix s; what other runs signed in the minute before counts for the rate."""
        self._journal = journal
        self._thresholds = thresholds
        self._switch = switch
        self._results: tuple[Result, ...] = ()
        self._is_stale = True
        self._in_flight_wei = 0
        self._sent: deque[int] = deque()
        # By the host's clock, which need not be the chain's: they count for a minute from the first head on.
        self._signed_before = journal.holds.signed_by_runs_since(started_at - MINUTE_S)
        self._now = started_at
        self._admitted_wei = 0
        self._unsent = 0
        self._short_of: tuple[str, ...] = ()
        self._saw_file = False
        self._heard = journal.holds.last_word()
        self.holds: tuple[Hold, ...] = ()
        self.killed: str | None = None
        self._listen(started_at)
        self._refresh(started_at)

    def retune(self, thresholds: Thresholds) -> None:
        """Measure by other limits from the next head on; holds that stand stay until they lift."""
        self._thresholds = thresholds
        self._is_stale = True

    @property
    def held(self) -> tuple[str, ...]:
        """Why nothing is planned for at present, one line each; what was refused for want of budget since the head."""
        return (*(str(hold) for hold in self.holds), *self._short_of)

    def refuse_killed(self) -> None:
        """Raise `SigningKeyError` where the operator's last word was to kill."""
        if self.killed is not None:
            raise SigningKeyError(f'{self.killed}; find out why, then "keeper resume"')

    def on_head(self, head: BlockHead) -> None:
        """Hear the operator, and look at what was booked up to this head: limits trip here."""
        self._now = now = head.timestamp
        self._admitted_wei = self._unsent = 0
        self._short_of = ()
        self._listen(now)
        if self._is_stale:
            self._results = self._journal.holds.results(now - MEMORY_S)
            self._is_stale = False

        self._in_flight_wei = self._journal.holds.worst_in_flight_wei()
        standing = {hold.cause for hold in self.holds}
        for trip in tripped(self._results, self._thresholds, now, self._journal.holds.counted_from()):
            if trip.cause not in standing:
                self._hold(trip, now)

        self._refresh(now)

    def refuses(self, subject: Subject, cost_wei: int, head: BlockHead) -> str | None:
        """Say why a transaction that can cost so much, in wei, may not be planned for now; None lets it go on.

        What goes on counts against the budget and the rate until the next head, when what became of it is known.
        """
        self._now = now = head.timestamp
        self._listen(now)
        if self.holds:
            return "; ".join(map(str, self.holds))

        until = cooling_until(self._results, subject, self._thresholds.cooldown_s)
        if now < until:
            return f"cooldown_s: it reverted, left alone until {until}"

        spent = gas_spent_wei(self._results, now) + self._in_flight_wei + self._admitted_wei
        budget, most = self._thresholds.gas_budget_wei, self._thresholds.max_per_minute
        if spent + cost_wei > budget:
            self._short_of = (f"gas_budget_per_day: {spent} wei spent or in flight, {cost_wei} more is over {budget}",)
            return self._short_of[0]

        if self._rate(now) + self._unsent >= most:
            self._short_of = (f"max_transactions_per_minute: {most} within the last minute",)
            return self._short_of[0]

        self._admitted_wei += cost_wei
        self._unsent += 1
        return None

    def note_sent(self, tx: SignedTx) -> None:
        """Count a transaction that is about to leave, whatever it is for."""
        self._sent.append(self._now)
        if tx.plan_id is not None:
            self._unsent = max(0, self._unsent - 1)

    def note_outcome(self, subject: Subject | None, outcome: Outcome) -> None:
        """Look at the bookings again at the next head: there is a new one."""
        del subject, outcome
        self._is_stale = True

    def note_orphan(self, tx_hash: bytes) -> None:
        """Look at the bookings again at the next head: one was taken back."""
        del tx_hash
        self._is_stale = True

    def _rate(self, now: int) -> int:
        self._sent.extendleft([now] * self._signed_before)
        self._signed_before = 0
        while self._sent and self._sent[0] <= now - MINUTE_S:
            self._sent.popleft()

        return len(self._sent)

    # The operator --------------------------------------------------------------------------------------------------

    def _listen(self, now: int) -> None:
        """Take in what the switch says, once for each word."""
        word = self._switch.read()
        if word is None:
            self._miss_file(now)
            return

        self._saw_file = True
        if word.id != self._heard:
            self._obey(word, now)
            self._journal.holds.hear(word.id)
            self._heard = word.id
            self._refresh(now)

    def _obey(self, word: Word, now: int) -> None:
        log.warning("operator_heard", order=word.order.value, reason=word.reason, until=word.until)
        match word.order:
            case Order.PAUSE:
                self._journal.holds.lift(now, "another pause", (Cause.PAUSED,))
                self._hold(Trip(Cause.PAUSED, word.reason, word.until), now)
            case Order.KILL:
                self._hold(Trip(Cause.KILLED, word.reason, None), now)
            case Order.RESUME:
                self._journal.holds.lift(now, f"the operator: {word.reason}")

    def _miss_file(self, now: int) -> None:
        """Lift a pause whose file this run saw and somebody took away; one that was never here stands."""
        if not self._saw_file:
            return

        self._saw_file = False
        if any(hold.cause is Cause.PAUSED for hold in self.holds):
            log.warning("operator_heard", order="resume", reason=_BY_HAND, until=None)
            self._journal.holds.lift(now, _BY_HAND, (Cause.PAUSED,))
            self._refresh(now)

    def _hold(self, trip: Trip, now: int) -> None:
        log.error("governor_held", cause=trip.cause.value, reason=trip.reason, until=trip.until)
        self._journal.holds.add(self._journal.run, trip, now)

    def _refresh(self, now: int) -> None:
        self.holds = self._journal.holds.active(now)
        kills = [hold for hold in self.holds if hold.cause is Cause.KILLED]
        self.killed = f"killed by the operator: {kills[0].reason}" if kills else None
