"""How a trial's tables look: their frame, and amounts, healths and names as people read them."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.table import Table

from keeper.telemetry.table import Labels, amount_text, health_text
from keeper.types import Address, to_checksum
from keeper.units import WAD

Names: TypeAlias = Mapping[Address, str]
MOST_HEALTH: Final = 1_000
ABOVE: Final = f"> {MOST_HEALTH}"
WIDTH: Final = 200
"""Columns of the tables where the output is no terminal."""


def new_table(title: str, columns: Sequence[str], numbers: Sequence[str]) -> Table:
    """Make an empty table; the columns of numbers are on the right."""
    table = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, show_edge=False)

    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")

    return table


def name_text(account: Address | None, names: Names) -> str:
    """Call an account by its name, else by the ends of its address."""
    if account is None:
        return "-"

    text = to_checksum(account)
    return names.get(account, f"{text[:8]}…{text[-4:]}")


def symbol_text(token: str | None, labels: Labels) -> str:
    """Call a token as it calls itself."""
    label = labels.get(str(token))
    return str(token)[:8] if label is None else label.symbol


def units_text(amount: str | None, token: str | None, labels: Labels) -> str:
    """Spell base units as whole tokens, where the token says how."""
    label = labels.get(str(token))

    if amount is None:
        return "-"

    return amount if label is None or label.decimals is None else amount_text(int(amount), label.decimals)


def wad_text(health_wad: str | None) -> str:
    """Spell a health; what owes next to nothing is not told apart."""
    if health_wad is None:
        return "-"

    return ABOVE if int(health_wad) >= MOST_HEALTH * WAD else health_text(health_wad)[:6]


def factor_text(bps: int | None) -> str:
    """Spell a close factor."""
    return "-" if not bps else f"{bps // 100} %"


def dollars_text(amount: str | None) -> str:
    """Spell an amount of dollars with 8 decimals."""
    return "-" if amount is None else f"{int(amount) / 1e8:,.2f}"


def plain_text(number: object) -> str:
    """Spell a number."""
    return "-" if number is None else f"{int(str(number)):,}"
