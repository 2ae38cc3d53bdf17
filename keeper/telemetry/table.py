"""Tables for people: outcomes, declines and positions, from the same rows that `--json` prints.

Text goes into cells as plain text, cleaned, so neither markup nor escapes in a token's name are obeyed. Amounts are
scaled for reading only; the exact base units are in the JSON.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keeper.telemetry.sanitise import line_text, symbol_text
from keeper.units import MAX_UINT256

Row = Mapping[str, object]
_SIGNIFICANT: Final = 6
STATUS_STYLES: Final = {
    "landed": "green",
    "planned": "cyan",
    "sent": "cyan",
    "signed": "cyan",
    "dry_run": "cyan",
    "reverted": "red",
    "refused": "red",
    "simulation_failed": "yellow",
    "expired": "yellow",
    "missed": "yellow",
    "liquidatable": "red",
    "underwater": "bold red",
    "margin_call": "yellow",
    "healthy": "green",
    "stopped": "bold red",
    "unknown": "yellow",
    "sale": "cyan",
    "trigger": "cyan",
}
_STANDING: Final = ("sale", "trigger")
"""States of what is no position, but can be taken."""


@dataclass(frozen=True, slots=True)
class TokenLabel:
    """How a token is shown: its cleaned symbol, and its decimals, None where the token did not say."""

    symbol: str
    decimals: int | None


Labels = Mapping[str, TokenLabel]
"""By checksummed address; a token that is not in it is shown by its short address and in base units."""


def outcomes_table(rows: Sequence[Row], labels: Labels) -> Table:
    """Show what was planned and how it ended: one row per plan, in `keeper report --json` terms."""
    table = _table(
        "Outcomes", ("position", "debt → collateral", "repaid", "seized", "profit", "gas", "block", "status")
    )
    for row in rows:
        debt, collateral = row.get("debt_token"), row.get("collateral_token")
        table.add_row(
            _position(row),
            Text(f"{symbol_of(debt, labels)} → {symbol_of(collateral, labels)}"),
            _amount(row.get("repaid"), debt, labels),
            _amount(row.get("seized"), collateral, labels),
            _profit(row, labels),
            _number(row.get("gas_used")),
            _number(row.get("block")),
            _status(row),
        )

    return table


def declined_table(rows: Sequence[Row]) -> Table:
    """Show every no: the position, the reason, the last block it was given at, and the numbers that decided."""
    table = _table("Declined", ("deployment", "position", "reason", "block", "numbers"))
    for row in rows:
        numbers = row.get("numbers")
        shown = " ".join(f"{key}={value}" for key, value in numbers.items()) if isinstance(numbers, Mapping) else ""
        table.add_row(
            _text(row.get("deployment")),
            _text(row.get("position")),
            _text(row.get("reason")),
            _number(row.get("block")),
            _text(shown),
        )

    return table


def positions_table(rows: Sequence[Row], labels: Labels) -> Table:
    """Show positions, the nearest to liquidation as given: health, state, what is held and owed."""
    table = _table("Positions", ("deployment", "position", "health", "state", "collateral", "debt"))
    for row in rows:
        state = str(row.get("state", ""))
        known = row.get("reason") is None
        table.add_row(
            _text(f"{row.get('deployment')} (twin)" if row.get("twin") else row.get("deployment")),
            _text(row.get("account", row.get("position"))),  # whole: it is what `keeper explain` wants
            _text(health_text(row.get("health_wad")) if known else "?"),
            Text(_state_text(row), style=STATUS_STYLES.get(state, "")),
            _holdings(row.get("collateral"), labels) if known else _text(_why(row)),
            _holdings(row.get("debt"), labels),
        )

    return table


def _state_text(row: Row) -> str:
    """Name the state; what stands for sale says with it when it will be worth buying."""
    state, note = str(row.get("state", "")), row.get("note")
    return line_text(f"{state}: {note}" if state in _STANDING and note else state, 160)


def _why(row: Row) -> str:
    """Say in a cell why nothing else is known of a position or a deployment."""
    numbers = row.get("numbers")
    shown = " ".join(str(value) for value in numbers.values()) if isinstance(numbers, Mapping) else ""
    return f"{row.get('reason')}: {shown}"


def print_tables(tables: Iterable[Table], stream: TextIO) -> None:
    """Print tables; as wide as the terminal, or wide enough for everything where there is none."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False, width=None if stream.isatty() else 160)
    for table in tables:
        console.print(table)


def amount_text(amount: int, decimals: int) -> str:
    """Render base units as whole tokens for reading: six significant digits, rounded toward zero, thousands apart."""
    sign, digits = ("-" if amount < 0 else ""), f"{abs(amount):0{decimals + 1}d}"
    whole, rest = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    shown = _SIGNIFICANT - len(whole) if whole != "0" else len(rest) - len(rest.lstrip("0")) + _SIGNIFICANT
    fraction = rest[: max(0, shown)].rstrip("0")
    return f"{sign}{int(whole):,}.{fraction}" if fraction else f"{sign}{int(whole):,}"


def health_text(health_wad: object) -> str:
    """Render a health factor, given as an int or decimal text times 10**18; no debt (None) is infinitely healthy."""
    if health_wad is None:
        return "∞"

    try:
        wad = int(str(health_wad))
    except ValueError:
        return "?"

    return "∞" if wad >= 10**36 else amount_text(wad, 18)


def symbol_of(token: object, labels: Labels) -> str:
    """Name a token by its symbol, cleaned, or by its short address where it has none."""
    label = labels.get(str(token))
    return short_text(token) if label is None else symbol_text(label.symbol)


def token_text(amount: int, token: object, labels: Labels) -> str:
    """Render an amount with its token's name."""
    return f"{_amount(amount, token, labels).plain} {symbol_of(token, labels)}"


# Cells -------------------------------------------------------------------------------------------------------------


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        is_number = column in ("repaid", "seized", "profit", "gas", "block", "health")
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")

    return table


def _text(value: object) -> Text:
    return Text("" if value is None else line_text(str(value)))


def short_text(address: object) -> str:
    """Shorten an address or a key, cleaned, to its first eight and last four characters."""
    text = line_text(str(address))
    return f"{text[:8]}…{text[-4:]}" if len(text) > 16 else text


def _position(row: Row) -> Text:
    position = row.get("position")
    return Text("-" if position is None else short_text(position))


def _amount(amount: object, token: object, labels: Labels) -> Text:
    if amount is None:
        return Text("-")

    label = labels.get(str(token))
    if int(str(amount)) == MAX_UINT256:
        return Text("all")  # the protocols' word for the whole debt

    if label is None or label.decimals is None:
        return Text(f"{int(str(amount)):,}")

    return Text(amount_text(int(str(amount)), label.decimals))


def _profit(row: Row, labels: Labels) -> Text:
    """Realised profit once there is one, else the expected in brackets; red where settled and realised differ."""
    token = row.get("profit_token")
    realised, settled = row.get("realised_profit"), row.get("settled_profit")
    if realised is None:
        expected = _amount(row.get("expected_profit"), token, labels).plain
        return Text(f"({expected} {symbol_of(token, labels)})", style="dim")

    style = "green" if settled in (None, realised) else "bold red"
    return Text(f"{_amount(realised, token, labels).plain} {symbol_of(token, labels)}", style=style)


def _number(value: object) -> Text:
    return Text("-" if value is None else f"{int(str(value)):,}")


def _status(row: Row) -> Text:
    status = line_text(str(row.get("status", "")))
    reason = row.get("reason")
    # A reason that begins with the status itself says it once.
    why = "" if reason is None else line_text(str(reason).removeprefix(f"{status}: "), 120)
    shown = f"{status}: {why}" if why else status
    return Text(shown, style=STATUS_STYLES.get(status, ""))


def _holdings(holdings: object, labels: Labels) -> Text:
    lines = []
    for holding in holdings if isinstance(holdings, list | tuple) else ():
        if isinstance(holding, Mapping):
            token = holding.get("token")
            lines.append(f"{_amount(holding.get('amount'), token, labels).plain} {symbol_of(token, labels)}")

    return Text("\n".join(lines))
