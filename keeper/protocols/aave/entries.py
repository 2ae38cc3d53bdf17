"""Scaled amounts by reserve, as an account keeps them."""

from typing import TypeAlias

Entries: TypeAlias = tuple[tuple[int, int], ...]
"""(reserve, scaled amount) pairs, ascending by reserve, none of them zero."""


def amount_of(entries: Entries, reserve: int) -> int:
    """Return the scaled amount in one reserve, 0 where there is none."""
    for index, scaled in entries:
        if index == reserve:
            return scaled

    return 0


def with_entry(entries: Entries, reserve: int, scaled: int) -> Entries:
    """Replace the amount in one reserve; zero removes it."""
    others = tuple(entry for entry in entries if entry[0] != reserve)
    return others if scaled == 0 else tuple(sorted((*others, (reserve, scaled))))
