"""A glance as panels of text: what a dashboard draws, and nothing about how it is laid out.

Text comes from a journal that quotes tokens and errors: everything is put into cells as plain, cleaned text.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.table import Table
from rich.text import Text

from keeper.execution.thresholds import dollars
from keeper.telemetry.sanitise import line_text
from keeper.telemetry.table import STATUS_STYLES, Labels, amount_text, short_text, symbol_of, token_text
from keeper.watching.glance import Glance

_BARS: Final = " ▁▂▃▄▅▆▇█"
_LEAST: Final = {"position": 13, "status": 9, "state": 12, "reason": 12, "deployment": 10}
"""Columns that mean nothing when cut shorter, in characters."""
_SHARE: Final = {"numbers": 3, "why": 2, "debt → collateral": 2, "profit": 2}
"""Columns that share what is left over."""
_NO_LIMIT: Final = 2**62
_GWEI_DIGITS: Final = 9
_NATIVE_DIGITS: Final = 18


def heading(seen: Glance, age_s: float) -> Text:
    """One line: what runs, where it stands, and how long ago its last block was seen to change."""
    mode = Text(f" {seen.mode.upper() or '?'} ", style="bold white on red" if seen.mode == "live" else "black on cyan")
    age = Text(f" · {age_s:.0f} s ago", style="bold red" if age_s > 60 else "")  # five of Ethereum's slots
    block = seen.line.get("block")
    return Text.assemble(mode, f" keeper {seen.version} · block {'-' if block is None else f'{block:,}'}", age)


def heads(seen: Glance) -> Table:
    """What the last block showed, with the run of the blocks before it."""
    line, table = seen.line, _facts()
    table.add_row("base fee", f"{amount_text(int(line.get('base_fee_wei', 0)), _GWEI_DIGITS)} gwei")
    for name in ("positions", "suspects", "liquidatable", "offers", "planned", "sent"):
        table.add_row(name, f"{int(line.get(name, 0)):,}")

    table.add_row("liquidatable", sparkline([int(each.get("liquidatable", 0)) for each in reversed(seen.lines)]))
    table.add_row("planned", sparkline([int(each.get("planned", 0)) for each in reversed(seen.lines)]))
    for name, why in _mapping(line.get("stopped")).items():
        table.add_row(Text(line_text(name), style="bold red"), Text(f"stopped: {line_text(str(why))}"))

    return table


def money(seen: Glance) -> Table:
    """What the last day cost and brought, how plans ended, and what holds the next ones back."""
    used, table = seen.used, _facts()
    profit = -used.lost_usd
    table.add_row("profit today", Text(f"{dollars(profit)} USD", style="green" if profit >= 0 else "red"))
    table.add_row("drawdown", f"{dollars(used.drawdown_usd)} USD")
    table.add_row("gas today", f"{amount_text(used.gas_wei, _NATIVE_DIGITS)} native")
    for status, number in sorted(seen.ended_today.items()):
        table.add_row(status, Text(f"{number:,}", style=STATUS_STYLES.get(status, "")))

    table.add_row("in flight", f"{len(seen.flying):,}")
    for hold in seen.holds:
        until = "until lifted" if hold.until is None else f"until {datetime.fromtimestamp(hold.until, UTC):%H:%M} UTC"
        table.add_row(Text("HELD", style="bold red"), Text(f"{line_text(hold.reason)}, {until}"))

    if not seen.holds:
        table.add_row("governor", Text("nothing holds it back", style="green"))

    return table


def margin_calls(seen: Glance) -> Table:
    """The positions that are not healthy, the worst first."""
    table = _rows("state", "deployment", "position", "since block")
    for row in seen.margins:
        state = str(row["state"])
        table.add_row(
            Text(state, style=STATUS_STYLES.get(state, "")),
            *_place(row),
            Text(f"{row['since_block']}", justify="right"),
        )

    return table


def plans(seen: Glance, labels: Labels) -> Table:
    """What was planned last and how it stands."""
    table = _rows("status", "deployment", "position", "debt → collateral", "profit", "why")
    for row in seen.plans:
        status, token = str(row["status"]), row["profit_token"]
        amount = row["realised_profit"] or row["expected_profit"]
        profit = "-" if amount is None else token_text(int(str(amount)), token, labels)
        pair = f"{symbol_of(row['debt_token'], labels)} → {symbol_of(row['collateral_token'], labels)}"
        why = line_text(str(row["reason"] or ""))
        table.add_row(Text(status, style=STATUS_STYLES.get(status, "")), *_place(row), pair, profit, Text(why))

    return table


def declined(seen: Glance) -> Table:
    """Why the rest was left alone: the last block's counts, then what was declined last."""
    table = _rows("reason", "deployment", "position", "numbers")
    for reason, number in _mapping(seen.line.get("declined")).items():
        table.add_row(Text(f"{number} x {line_text(reason)}", style="bold"), "", "", "")

    for row in seen.declines:
        numbers = " ".join(f"{key}={value}" for key, value in _mapping(row["numbers"]).items())
        table.add_row(Text(line_text(str(row["reason"]))), *_place(row), Text(line_text(numbers)))

    return table


def in_flight(seen: Glance) -> Table:
    """What may still be mined."""
    table = _rows("nonce", "status", "deployment", "position", "fee", "last block")
    for row in seen.flying:
        fee = f"{amount_text(int(str(row['max_fee_wei'])), _GWEI_DIGITS)} gwei"
        status = str(row["status"])
        table.add_row(f"{row['nonce']}", Text(status, style=STATUS_STYLES.get(status, "")), *_place(row), fee,
                      _last_block(row))  # fmt: skip

    return table


def endpoints(told: Mapping[str, tuple[bool, int]] | None) -> Table:
    """How the nodes do, (resting, failures in a row) by place; None where the keeper has no page to ask."""
    table = _facts()
    if told is None:
        table.add_row("", Text("[monitor] listen shows them", style="dim"))

    for place, (resting, failures) in sorted((told or {}).items()):
        word = Text(f"rests after {failures} failures", style="yellow") if resting else Text("answers", style="green")
        table.add_row(f"rpc {place}", word)

    return table


def sparkline(values: Sequence[int]) -> Text:
    """Draw values as bars, the last ones that fit a panel."""
    shown = values[-48:]
    top = max(shown, default=0)
    bars = (_BARS[0 if value <= 0 else max(1, value * (len(_BARS) - 1) // top)] for value in shown)
    return Text("".join(bars), style="cyan")


def _last_block(row: Mapping[str, object]) -> str:
    """Name the last block a transaction is for; a cancel has none."""
    last = int(str(row["max_block"]))
    return "-" if last >= _NO_LIMIT else f"{last}"


def _facts() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _rows(*columns: str) -> Table:
    table = Table(box=None, expand=True, header_style="dim", padding=(0, 1), collapse_padding=True)
    for column in columns:
        table.add_column(
            column, no_wrap=True, overflow="ellipsis", min_width=_LEAST.get(column), ratio=_SHARE.get(column)
        )

    return table


def _place(row: Mapping[str, object]) -> tuple[Text, Text]:
    position = row.get("position")
    shown = "-" if position is None else short_text(str(position))
    return Text(line_text(str(row.get("deployment") or "-"))), Text(shown)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
