"""Alerts of positions and parameters in words: who, where, how bad, why, and what would cure it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from keeper.alerting.alert import Alert, Event, Severity, name_text
from keeper.alerting.causes import Cause, ParameterChange
from keeper.alerting.margins import Change
from keeper.margin.outlook import Outlook
from keeper.telemetry.margin import outlook_lines
from keeper.telemetry.table import Labels, health_text, symbol_of
from keeper.types import Address, HealthState, account_of, to_checksum

_EVENTS: Mapping[HealthState, tuple[Event, Severity]] = {
    HealthState.HEALTHY: (Event.CURED, Severity.WARNING),
    HealthState.MARGIN_CALL: (Event.MARGIN_CALL, Severity.WARNING),
    HealthState.LIQUIDATABLE: (Event.LIQUIDATABLE, Severity.CRITICAL),
    HealthState.UNDERWATER: (Event.LIQUIDATABLE, Severity.CRITICAL),
}
_WORDS: Mapping[HealthState, str] = {
    HealthState.HEALTHY: "Cured",
    HealthState.MARGIN_CALL: "Margin call",
    HealthState.LIQUIDATABLE: "Liquidatable",
    HealthState.UNDERWATER: "Under water",
}


def subject_of(change: Change) -> str:
    """Name a position: what makes two alerts of one event the same."""
    return f"{change.place[0]} 0x{change.place[1].hex()}"


def event_of(state: HealthState) -> Event:
    """Which event a position's new state is."""
    return _EVENTS[state][0]


def harmless_labels(labels: Labels) -> Labels:
    """Clean what tokens call themselves for alerts, where a name must be no link and no mention."""
    return {token: replace(label, symbol=name_text(label.symbol)) for token, label in labels.items()}


@dataclass(frozen=True, slots=True)
class Wording:
    """What tokens and accounts are called; both cleaned for alerts already."""

    tokens: Labels

    def fall(self, change: Change, label: str, outlook: Outlook | None, cause: Cause) -> Alert:
        """Tell of a watched account's position, with what would cure it where that is known."""
        event, severity = _EVENTS[change.after]
        who = self.account(change, label)
        health = "" if change.health is None else f", health {health_text(change.health.factor_wad)}"
        lines = [to_checksum(account_of(change.place[1]))]
        if outlook is not None:
            lines += outlook_lines(outlook, self.tokens)[1:]

        if cause is not Cause.UNKNOWN:
            lines.append(f"because of: {cause.value}")

        title = f"{_WORDS[change.after]}: {who}{health}"
        return Alert(event, severity, subject_of(change), title, "\n".join(lines))

    def account(self, change: Change, label: str) -> str:
        """Name an account and where its position is."""
        text = to_checksum(account_of(change.place[1]))
        name = f"{name_text(label)} ({text[:8]})" if label else text
        return f"{name} on {change.place[0]}"

    def parameter(
        self, deployment: str, change: ParameterChange, fallen: Sequence[Change], watched: Sequence[str]
    ) -> Alert:
        """Tell what governance changed, and what that set off."""
        token = change.parameter.token
        of = "" if token is None else f" of {symbol_of(to_checksum(token), self.tokens)}"
        name = change.parameter.name
        lines = [f"{len(fallen):,} positions fell with it" if fallen else "no position fell with it"]
        worst = sum(1 for one in fallen if one.after is not HealthState.MARGIN_CALL)
        if worst:
            lines.append(f"{worst:,} of them can be liquidated")

        lines += [f"watched: {who}" for who in watched]
        subject = f"{deployment} {name} {'' if token is None else token.hex()} {change.after}"
        severity = Severity.CRITICAL if worst and watched else Severity.WARNING
        title = f"{deployment}: {name}{of} changed from {change.before:,} to {change.after:,}"
        return Alert(Event.PARAMETER_CHANGED, severity, subject, title, "\n".join(lines))

    def token(self, token: Address) -> str:
        """Name a token."""
        return symbol_of(to_checksum(token), self.tokens)


def market_moved(changes: Sequence[Change], block: int) -> Alert:
    """Tell that many positions fell at once, in numbers alone."""
    calls = sum(1 for change in changes if change.after is HealthState.MARGIN_CALL)
    worse = len(changes) - calls
    severity = Severity.CRITICAL if worse else Severity.WARNING
    title = f"{len(changes):,} positions fell in block {block}: {calls:,} margin calls, {worse:,} liquidatable"
    return Alert(Event.MARKET_MOVED, severity, "positions", title, "see: keeper margin")
