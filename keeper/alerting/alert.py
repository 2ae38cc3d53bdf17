"""What people are told: few events, two severities, plain text that no token's name can turn into anything else."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keeper.telemetry.sanitise import line_text, symbol_text

BODY_CHARS: Final = 3_500
"""What the tightest of the usual channels takes whole (Telegram: 4,096 with the title)."""
_TITLE_CHARS: Final = 200
_MARKUP: Final = re.compile(r"[^A-Za-z0-9_\s.,:;%+\-/()='\"$]")
"""What chat programs read as markup, mentions or links to people; a letter it is not."""
_NAME: Final = re.compile(r"[^A-Za-z0-9_+$ -]")


class Severity(StrEnum):
    """A warning can be read tomorrow; what is critical cannot."""

    WARNING = "warning"
    CRITICAL = "critical"


class Event(StrEnum):
    """Everything people are told about."""

    MARGIN_CALL = "margin_call"
    """A watched account's position fell below its margin call."""
    LIQUIDATABLE = "liquidatable"
    """It can be liquidated, or is under water."""
    CURED = "cured"
    """It is above its margin call again, or gone."""
    MARKET_MOVED = "market_moved"
    """Many positions changed their state at once; watched or not."""
    PARAMETER_CHANGED = "parameter_changed"
    """Governance changed what decides health, and what that set off."""
    ARMED = "armed"
    """The keeper signs, or signs again."""
    DISARMED = "disarmed"
    """It stopped signing."""
    HELD = "held"
    """A limit of the governor holds plans back."""
    DEPLOYMENT_STOPPED = "deployment_stopped"
    """A deployment's state cannot be trusted; it is set aside."""
    DEPLOYMENT_BACK = "deployment_back"
    """It is."""
    REORG = "reorg"
    """More than one block left the chain."""
    TRANSACTION_LOST = "transaction_lost"
    """A transaction of ours was mined for nothing, or expired."""
    NO_PASS = "no_pass"
    """Blocks came and could not be processed."""
    FIRST_PROFIT = "first_profit"
    """The first liquidation this journal has ever booked."""
    TEST = "test"
    """Somebody asked for one."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to tell; `subject` is what it is about, so that the same is not said twice."""

    event: Event
    severity: Severity
    subject: str
    title: str
    body: str = ""


def harmless(alert: Alert) -> tuple[str, str]:
    """Give title and body as plain text: no controls, no markup, no mentions, and no more than channels take."""
    title = _MARKUP.sub("?", line_text(alert.title, _TITLE_CHARS))
    lines = [_MARKUP.sub("?", line_text(line)) for line in alert.body[: 2 * BODY_CHARS].split("\n")]
    body = "\n".join(lines)
    return title, body if len(body) <= BODY_CHARS else body[: BODY_CHARS - 4] + " ..."


def name_text(name: str) -> str:
    """Clean a token's name or an account's label for an alert: no dots either, which would make a link."""
    return _NAME.sub("_", symbol_text(name))
