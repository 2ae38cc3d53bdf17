"""The tables at the end of a trial, for people: every liquidation with its numbers, every no with its reason."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from keeper.sandbox.stage.results import DECLINED, LANDED, Evidence, account_of_row
from keeper.telemetry.sanitise import line_text
from keeper.telemetry.table import Labels, amount_text, health_text
from keeper.types import Address, to_checksum
from keeper.units import WAD

Row = Mapping[str, Any]
Names = Mapping[Address, str]
WIDTH: Final = 200
"""Columns of the tables where the output is no terminal."""


def outcomes_table(rows: Sequence[Row], labels: Labels, names: Names) -> Table:
    """Show every plan that was made, in the order of landing."""
    numbers = (
        "health",
        "after",
        "factor",
        "repaid",
        "seized",
        "expected",
        "settled",
        "realised",
        "USD",
        "gas",
        "block",
    )
    table = _table("Liquidations", ("position", "debt → collateral", *numbers, "status"), numbers)

    for row in rows:
        debt, collateral, profit = row["debt_token"], row["collateral_token"], row["profit_token"]
        table.add_row(
            _name(account_of_row(row), names),
            f"{_symbol(debt, labels)} → {_symbol(collateral, labels)}",
            _health(row.get("health_before")),
            _health(row.get("health_after")),
            _factor(row.get("close_factor_bps")),
            _amount(row["repaid"], debt, labels),
            _amount(row["seized"], collateral, labels),
            _amount(row["expected_profit"], profit, labels),
            _amount(row["settled_profit"], profit, labels),
            f"{_amount(row['realised_profit'], profit, labels)} {_symbol(profit, labels)}",
            _dollars(row.get("profit_usd")),
            _plain(row["gas_used"]),
            _plain(row["block"]),
            _status(row),
        )

    return table


def declined_table(rows: Sequence[Row], evidence: Evidence, names: Names) -> Table:
    """Show every account that could be liquidated and was not, with its lowest and last health and why."""
    table = _table("Declined", ("position", "lowest health", "last health", "why, and until which block"), ())
    landed = {account_of_row(row) for row in rows if row["status"] == LANDED}

    for account in evidence.liquidatable:
        if account in landed:
            continue

        reasons: dict[str, int] = {}

        for row in rows:
            if account_of_row(row) == account:
                reason = f"{row['status']} {row['reason']}" if row["status"] != DECLINED else str(row["reason"])
                reasons[reason] = max(reasons.get(reason, 0), row["block"] or 0)

        why = ", ".join(f"{reason} ({block})" for reason, block in sorted(reasons.items(), key=lambda item: item[1]))
        last = evidence.last[account]
        recovered = " (healthy again)" if last >= WAD else ""
        table.add_row(
            _name(account, names),
            _health(str(evidence.lowest[account])),
            f"{_health(str(last))}{recovered}",
            line_text(why or "never mentioned", 400),
        )

    return table


def show_result(document: Mapping[str, Any], tables: Iterable[Table], console: Console) -> None:
    """Print the tables, the referee's verdict in a few lines, and what did not add up."""
    for table in tables:
        console.print(table)

    outcomes, verdict = document["outcomes"], document["referee"]
    statuses = Counter(row["status"] for row in outcomes)
    earned = sum(int(row["profit_usd"]) for row in outcomes if row.get("profit_usd"))
    counted = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    console.print(f"keeper:  {counted or 'nothing'}; {earned / 1e8:,.2f} USD to the treasury, before gas")
    checked = verdict["checked"]
    console.print(
        f"referee: {verdict['verdict']}s; {checked['blocks']} blocks, {checked['borrowers']} borrowers, "
        f"{checked['liquidatable']} liquidatable, {checked['trials']:,} trials, "
        f"{len(verdict['missed'])} missed, {len(verdict['mismatches'])} mismatches",
        style="green" if verdict["verdict"] == "agree" else "bold red",
    )

    for fault in document["faults"]:
        console.print(f"books:   {line_text(fault, 300)}", style="bold red")

    for item in verdict["missed"]:
        profit = int(item["profit_base"]) / 1e8
        where = f"blocks {item['first_block']} to {item['last_block']}, waited {item['blocks_waited']}"
        said = line_text("; ".join(item["keeper_said"]), 300)
        console.print(f"missed:  {item['borrower']} {profit:,.2f} USD, {where}; the keeper said: {said}", style="red")

    for item in verdict["mismatches"]:
        text = f"{item['kind']}, {item['where']}: said {item['said']}, found {item['found']}"
        console.print(f"differs: {line_text(text, 400)}", style="red")

    spent = ", ".join(f"{name} {value:.1f} s" for name, value in document["seconds"].items())
    console.print(f"time:    {spent}", style="dim")


def _table(title: str, columns: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, show_edge=False)

    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")

    return table


def _name(account: Address | None, names: Names) -> str:
    if account is None:
        return "-"

    text = to_checksum(account)
    return names.get(account, f"{text[:8]}…{text[-4:]}")


def _symbol(token: str | None, labels: Labels) -> str:
    label = labels.get(str(token))
    return str(token)[:8] if label is None else label.symbol


def _amount(amount: str | None, token: str | None, labels: Labels) -> str:
    label = labels.get(str(token))

    if amount is None:
        return "-"

    return amount if label is None or label.decimals is None else amount_text(int(amount), label.decimals)


def _health(health_wad: str | None) -> str:
    return "-" if health_wad is None else health_text(health_wad)[:6]


def _factor(bps: int | None) -> str:
    return "-" if not bps else f"{bps // 100} %"


def _dollars(amount: str | None) -> str:
    return "-" if amount is None else f"{int(amount) / 1e8:,.2f}"


def _plain(number: object) -> str:
    return "-" if number is None else f"{int(str(number)):,}"


def _status(row: Row) -> Text:
    shown = row["status"] if row["reason"] is None else f"{row['status']}: {line_text(str(row['reason']), 60)}"
    return Text(shown, style="green" if row["status"] == LANDED else "yellow")
