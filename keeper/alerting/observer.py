"""The observer that alerts hang on: after each pass, what changed is written down and told, in this order.

Nothing here waits: channels have threads of their own, and looking costs what `margins.MOST_DECIDED` allows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from keeper.alerting.alert import Alert
from keeper.alerting.causes import Cause, Fall, cause_of, changed_parameters, set_off
from keeper.alerting.desk import GROUPED, AlertDesk
from keeper.alerting.heartbeat import Heartbeat
from keeper.alerting.keeper_events import KeeperEvents
from keeper.alerting.margins import Change, MarginWatch
from keeper.alerting.watchlist import Watchlist
from keeper.alerting.wording import Wording, event_of, market_moved, subject_of
from keeper.chain.port import HeadEvent
from keeper.deployment import Deployment
from keeper.engine import PassSeen
from keeper.errors import ChainError
from keeper.margin.cure import Patient
from keeper.margin.outlook import Outlook, look
from keeper.margin.state import SEVERITY
from keeper.protocols.base import Market
from keeper.types import Address, HealthState, account_of

CROWD: Final = 20
"""Positions that must fall in one block before it is news by itself."""
_ATTRIBUTED: Final = 200
"""Falls of one block that are asked whether a parameter set them off."""


@dataclass(slots=True)
class Alerting:
    """Tells people. Invariant: every standing and every alert is in the journal before anybody is told."""

    deployments: Sequence[Deployment]
    margin_calls_wad: Mapping[str, int]
    watch: MarginWatch
    watchlist: Watchlist
    desk: AlertDesk
    events: KeeperEvents
    wording: Wording
    clock: Callable[[], float]
    heartbeat: Heartbeat | None = None
    is_new: bool = True
    """Whether nobody ever looked: then what is found stood there already, and is no news but for watched accounts."""
    _before: dict[str, Market] = field(default_factory=dict)
    _followed: frozenset[Address] = frozenset()

    def on_pass(self, seen: PassSeen) -> None:
        """Look at every position near its margin call, and tell what is new."""
        self.watchlist.refresh()
        accounts = frozenset(self.watchlist.accounts)
        changes = self.watch.look(seen.decision, accounts)
        standings = [(change.place, self.watch.standing(change.place)) for change in changes]
        fallen = [change for change in changes if SEVERITY[change.after] > SEVERITY[change.before]]
        alerts = [*self.events.of(seen), *self._parameters(fallen)]
        if len(fallen) >= CROWD and not self.is_new:
            alerts.append(market_moved(fallen, seen.decision.head.number))

        alerts += self._watched([*changes, *self._joined(accounts, changes)])
        self.desk.tell(alerts, int(self.clock()), standings)
        self._before = {one.name: one.market for one in self.deployments if one.market is not None}
        self._followed, self.is_new = accounts, False
        if self.heartbeat is not None:
            self.heartbeat.note()

    def on_dropped(self, event: HeadEvent, error: ChainError) -> None:
        """Tell, once several passes failed in a row."""
        del error
        self.desk.tell(self.events.of_dropped(event.head.number), int(self.clock()))

    def _watched(self, changes: Sequence[Change]) -> Iterator[Alert]:
        """What there is to say about watched accounts; who is worst off comes first."""
        own = [change for change in changes if account_of(change.place[1]) in self.watchlist.accounts]
        own.sort(key=lambda change: (-SEVERITY[change.after], change.place))
        in_detail = len(own) <= 2 * GROUPED  # more become one message of titles anyway
        for change in own:
            subject = subject_of(change)
            for state in HealthState:
                if event_of(state) is not event_of(change.after):
                    self.desk.forget(event_of(state), subject)

            outlook, cause = self._detail(change) if in_detail else (None, Cause.UNKNOWN)
            yield self.wording.fall(change, self.watchlist.accounts[account_of(change.place[1])], outlook, cause)

    def _detail(self, change: Change) -> tuple[Outlook | None, Cause]:
        name, key = change.place
        deployment = self._deployment(name)
        market, before = deployment.market, self._before.get(name)
        if market is None or change.health is None:
            return None, Cause.UNKNOWN

        found = look(Patient(deployment.adapter, key, market), self.margin_calls_wad[name])
        cause = Cause.UNKNOWN
        if before is not None and SEVERITY[change.after] > SEVERITY[change.before]:
            cause = cause_of(self._fall(change), deployment.adapter, before, market)

        return (found if isinstance(found, Outlook) else None), cause

    def _joined(self, accounts: frozenset[Address], changes: Sequence[Change]) -> Iterator[Change]:
        """Positions of accounts that are watched only now and stood badly before: news for whoever added them."""
        new, told = accounts - self._followed, {change.place for change in changes}
        if not new:
            return

        for place, standing in self.watch.standings():
            if account_of(place[1]) not in new or place in told:
                continue

            change = Change(place, HealthState.HEALTHY, standing.state, self.watch.health(place))
            if not self.desk.was_said(event_of(standing.state), subject_of(change)):
                yield change

    def _parameters(self, fallen: Sequence[Change]) -> Iterator[Alert]:
        for deployment in self.deployments:
            before, market = self._before.get(deployment.name), deployment.market
            if before is None or market is None or before is market:
                continue

            own = [change for change in fallen if change.place[0] == deployment.name][:_ATTRIBUTED]
            for parameter in changed_parameters(deployment.adapter, before, market):
                set_by = [
                    change for change in own if set_off(parameter, self._fall(change), deployment.adapter, market)
                ]
                watched = [
                    self.wording.account(change, self.watchlist.accounts[account_of(change.place[1])])
                    for change in set_by
                    if account_of(change.place[1]) in self.watchlist.accounts
                ]
                yield self.wording.parameter(deployment.name, parameter, set_by, watched)

    def _fall(self, change: Change) -> Fall:
        return Fall(change.place[1], change.after, self.margin_calls_wad[change.place[0]])

    def _deployment(self, name: str) -> Deployment:
        return next(one for one in self.deployments if one.name == name)
