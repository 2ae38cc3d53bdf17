"""Kinds of account a market has, each living around one step of the path.

A range of health is the account's health right after its step. What a step can reach is bounded by how far it moves
the price (an account is healthy before it) and by what the market lends at the start.
"""

from dataclasses import dataclass
from typing import TypeAlias

Range: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Template:
    """`count` accounts of one kind."""

    kind: str
    count: int
    collateral: tuple[str, ...]
    debt: tuple[str, ...]
    dollars: Range
    """Of all debts together, at the account's step."""
    health: Range
    """Right after its step; at the start for those that stay healthy."""
    step: str | None
    emode: int = 0
