"""What becomes of an alert: said once, grouped, held through the night, counted against the hour, written down first.

No clock and no thread of its own: whoever calls says what time it is, so that a test never waits.
"""

import queue
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

from keeper.alerting.alert import Alert, Event, Severity, harmless
from keeper.alerting.channel import Message
from keeper.journal.margins import MarginLedger, Notice, Place, Standing

GROUPED: Final = 5
"""More alerts of one event than this in one block are one message."""
STALE_S: Final = 86_400
"""What nobody was told within a day is not told any more."""
_DAY_MINUTES: Final = 1_440
_HOUR_S: Final = 3_600
_LISTED: Final = 15


class Held(Protocol):
    """Times of day in which warnings wait."""

    def hold(self, minute: int) -> bool:
        """Tell whether a minute of the day, UTC, is inside."""
        ...


class Recipient(Protocol):
    """Whoever takes messages without ever making anybody wait."""

    def offer(self, message: Message) -> bool:
        """Take a message; False where there is no room."""
        ...


Mail: TypeAlias = "tuple[Sequence[Recipient], queue.SimpleQueue[Message]]"
"""Whoever takes messages, and where they put what they have delivered."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How often people are told; see `[alerts]`."""

    max_per_hour: int
    repeat_after_s: int
    quiet: Held | None = None


class AlertDesk:
    """Invariant: what was not told is in the journal and in `held`; nothing is told that is not in the journal."""

    def __init__(self, ledger: MarginLedger, run: int, manners: Manners, mail: Mail, now: int) -> None:
        """`now` in unix s; what an earlier run could not tell is told by this one."""
        recipients, self._taken = mail
        self._ledger = ledger
        self._run = run
        self._manners = manners
        self._recipients = tuple(recipients)
        self._said = ledger.last_said()
        self._sent: dict[Severity, deque[int]] = {severity: deque() for severity in Severity}
        self._held: dict[int, Notice] = dict(ledger.untold(now - STALE_S)) if recipients else {}

    def tell(
        self, alerts: Iterable[Alert], now: int, changes: Sequence[tuple[Place, Standing | None]] = ()
    ) -> list[Alert]:
        """Write down what is new, with the standings it comes from, and send what may be sent now; what was new."""
        fresh = [alert for alert in alerts if self._is_news(alert, now)]
        grouped = _grouped(fresh)
        notices = [_notice(alert, now) for alert in grouped]
        if changes or notices:
            numbers = self._ledger.record(self._run, changes, notices)
            self._held |= dict(zip(numbers, notices, strict=True))
            self._said |= {(alert.event.value, alert.subject): now for alert in (*fresh, *grouped)}

        self.tick(now)
        return grouped

    def tick(self, now: int) -> None:
        """Send what waits and may go now, and note what was taken."""
        self._note_taken(now)
        if not self._recipients:
            self._held.clear()  # nobody to tell: the journal is where it stays
            return

        for severity in (Severity.CRITICAL, Severity.WARNING):
            self._send(severity, now)

    def forget(self, event: Event, subject: str) -> None:
        """Let the same be said again, because in between it was not so."""
        self._said.pop((event.value, subject), None)

    def was_said(self, event: Event, subject: str) -> bool:
        """Tell whether it was ever said and not forgotten since."""
        return (event.value, subject) in self._said

    def was_said_of(self, event: str) -> bool:
        """Tell whether it was ever said of anything."""
        return any(said == event for said, _ in self._said)

    def _is_news(self, alert: Alert, now: int) -> bool:
        last = self._said.get((alert.event.value, alert.subject))
        return last is None or now - last >= self._manners.repeat_after_s

    def _send(self, severity: Severity, now: int) -> None:
        waiting = {number: notice for number, notice in self._held.items() if notice.severity == severity.value}
        if not waiting or (severity is Severity.WARNING and self._is_quiet(now)):
            return

        sent = self._sent[severity]
        while sent and sent[0] <= now - _HOUR_S:
            sent.popleft()

        # The last place in the hour is for a summary of everything that has none.
        room = self._manners.max_per_hour - len(sent)
        alone = len(waiting) if len(waiting) < room else max(room - 1, 0)
        late = [number for number, notice in waiting.items() if now - notice.at > _HOUR_S]
        if late and len(waiting) > 1:
            alone = 0

        for number in list(waiting)[:alone]:
            notice = self._held.pop(number)
            sent.append(now)
            self._offer(Message(severity, notice.title, notice.body, (number,)))

        rest = list(waiting)[alone:]
        if rest and room > 0:
            sent.append(now)
            self._offer(_summary(severity, {number: self._held.pop(number) for number in rest}))

    def _is_quiet(self, now: int) -> bool:
        quiet = self._manners.quiet
        return quiet is not None and quiet.hold(now // 60 % _DAY_MINUTES)

    def _offer(self, message: Message) -> None:
        for recipient in self._recipients:
            recipient.offer(message)

    def _note_taken(self, now: int) -> None:
        numbers: list[int] = []
        while not self._taken.empty():
            numbers += self._taken.get().numbers

        if numbers:
            self._ledger.told(numbers, now)


def _notice(alert: Alert, now: int) -> Notice:
    title, body = harmless(alert)
    return Notice(alert.severity.value, alert.event.value, alert.subject, title, body, now)


def _grouped(alerts: Sequence[Alert]) -> list[Alert]:
    """Make one message of many of a kind; who is worst off is named first, as they came."""
    found: list[Alert] = []
    kinds = Counter(alert.event for alert in alerts)
    for event in dict.fromkeys(alert.event for alert in alerts):
        own = [alert for alert in alerts if alert.event is event]
        if kinds[event] <= GROUPED:
            found += own
            continue

        first, rest = own[:_LISTED], len(own) - _LISTED
        lines = [alert.title for alert in first] + ([f"and {rest:,} more: keeper margin"] if rest > 0 else [])
        title = f"{len(own):,} alerts: {event.value}"
        found.append(replace(own[0], subject=f"group of {event.value}", title=title, body="\n".join(lines)))

    return found


def _summary(severity: Severity, waiting: dict[int, Notice]) -> Message:
    """Tell of everything that waited in one message."""
    if len(waiting) == 1:
        (only,) = waiting.values()
        return Message(severity, only.title, only.body, tuple(waiting))

    first, rest = list(waiting.values())[:_LISTED], len(waiting) - _LISTED
    lines = [notice.title for notice in first] + ([f"and {rest:,} more"] if rest > 0 else [])
    title = f"{len(waiting):,} alerts that waited ({severity.value})"
    return Message(severity, title, "\n".join(lines), tuple(waiting))
