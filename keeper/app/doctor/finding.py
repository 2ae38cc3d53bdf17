"""What one check found, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from keeper.errors import KeeperError


class Level(StrEnum):
    """How bad it is: `FAIL` keeps a run from doing its work, `WARN` will sooner or later."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report; `hint` says what to do, empty where nothing needs doing."""

    check: str
    level: Level
    text: str
    hint: str = ""

    def row(self) -> dict[str, str]:
        """Render for JSON."""
        return {"check": self.check, "level": self.level.value, "text": self.text, "hint": self.hint}


def passed(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, Level.PASS, text)


def warned(check: str, text: str, hint: str) -> Finding:
    """It runs, but."""
    return Finding(check, Level.WARN, text, hint)


def failed(check: str, text: str, hint: str) -> Finding:
    """It will not do its work."""
    return Finding(check, Level.FAIL, text, hint)


def from_error(check: str, error: KeeperError, hint: str = "") -> Finding:
    """Turn a refusal into a finding: its message says what to do already."""
    return Finding(check, Level.FAIL, error.message, hint)
