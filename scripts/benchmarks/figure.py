"""One measured figure and whether it meets its goal."""

from dataclasses import dataclass


class DiffersError(Exception):
    """The two sides of a measurement did not give the same answer, so their times say nothing."""


def same(ours: object, theirs: object) -> None:
    """Insist on the same answer; `DiffersError` where it is another."""
    if ours != theirs:
        raise DiffersError(f"ours: {str(ours)[:200]}; theirs: {str(theirs)[:200]}")


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value; `goal` is None for a figure that is only shown.

    `at_most` turns the goal around: the value must not exceed it. `note` says what it was measured against, with
    versions and the absolute figures.
    """

    name: str
    value: float
    unit: str
    goal: float | None
    note: str
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether the goal is met; a figure without one has nothing to miss."""
        if self.goal is None:
            return True

        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def as_json(self) -> dict[str, object]:
        """What `--json` prints of it."""
        return {
            "figure": self.name,
            "value": self.value,
            "unit": self.unit,
            "goal": self.goal,
            "met": self.met,
            "at_most": self.at_most,
            "note": self.note,
        }

    @classmethod
    def from_json(cls, entry: dict[str, object]) -> "Figure":
        """Take back what `as_json` gave."""
        value, goal = entry["value"], entry["goal"]
        return cls(
            name=str(entry["figure"]),
            value=float(str(value)),
            unit=str(entry["unit"]),
            goal=None if goal is None else float(str(goal)),
            note=str(entry["note"]),
            at_most=bool(entry["at_most"]),
        )
