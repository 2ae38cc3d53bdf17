"""What people see at the end of a trial: every liquidation with its numbers, every no with its reason, the verdict."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keeper.sandbox.stage.results import DECLINED, LANDED, Evidence, Row, account_of_row, rows_of
from keeper.sandbox.stage.tables import (
    Names,
    dollars_text,
    factor_text,
    name_text,
    new_table,
    plain_text,
    symbol_text,
    units_text,
    wad_text,
)
from keeper.telemetry.plurals import counted
from keeper.telemetry.sanitise import line_text
from keeper.telemetry.table import Labels
from keeper.units import WAD

NUMBERS = ("health", "after", "factor", "repaid", "seized", "expected", "settled", "realised", "USD", "gas", "block")


def outcomes_table(rows: Sequence[Row], labels: Labels, names: Names) -> Table:
    """Show every plan that was made, in the order of landing."""
    table = new_table("Liquidations", ("protocol", "position", "debt → collateral", *NUMBERS, "status"), NUMBERS)

    for row in rows:
        debt, collateral, profit = row["debt_token"], row["collateral_token"], row["profit_token"]
        table.add_row(
            row["deployment"],
            name_text(account_of_row(row), names),
            f"{symbol_text(debt, labels)} → {symbol_text(collateral, labels)}",
            wad_text(row.get("health_before")),
            wad_text(row.get("health_after")),
            factor_text(row.get("close_factor_bps")),
            units_text(row["repaid"], debt, labels),
            units_text(row["seized"], collateral, labels),
            units_text(row["expected_profit"], profit, labels),
            units_text(row["settled_profit"], profit, labels),
            f"{units_text(row['realised_profit'], profit, labels)} {symbol_text(profit, labels)}",
            dollars_text(row.get("profit_usd")),
            plain_text(row["gas_used"]),
            plain_text(row["block"]),
            _status(row),
        )

    return table


def declined_table(rows: Sequence[Row], evidence: Iterable[Evidence], names: Names) -> Table:
    """Show every account that could be liquidated and was not, with its lowest and last health and why."""
    columns = ("protocol", "position", "lowest health", "last health", "why, and until which block")
    table = new_table("Declined", columns, ())

    for found in evidence:
        own = rows_of(found.ward, rows)
        landed = {account_of_row(row) for row in own if row["status"] == LANDED}

        for account in found.liquidatable:
            if account in landed:
                continue

            last = found.last[account]
            recovered = " (healthy again)" if last >= WAD else ""
            table.add_row(
                found.ward.name,
                name_text(account, names),
                wad_text(str(found.lowest[account])),
                f"{wad_text(str(last))}{recovered}",
                line_text(_why(row for row in own if account_of_row(row) == account), 400),
            )

    return table


def show_result(document: Mapping[str, Any], tables: Iterable[Table], console: Console) -> None:
    """Print the tables, the referee's verdict in a few lines, and what did not add up."""
    for table in tables:
        console.print(table)

    outcomes, verdict = document["outcomes"], document["referee"]
    statuses = Counter(row["status"] for row in outcomes)
    earned = sum(int(row["profit_usd"]) for row in outcomes if row.get("profit_usd"))
    said = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    console.print(f"keeper:  {said or 'nothing'}; {earned / 1e8:,.2f} USD to the treasury, before gas")
    checked = verdict["checked"]
    console.print(
        f"referee: {verdict['verdict']}s; {counted(checked['blocks'], 'block')}, "
        f"{counted(checked['borrowers'], 'borrower')}, {checked['liquidatable']} liquidatable, "
        f"{counted(checked['trials'], 'trial')}, {len(verdict['missed'])} missed, "
        f"{counted(len(verdict['mismatches']), 'mismatch', 'es')}",
        style="green" if verdict["verdict"] == "agree" else "bold red",
    )

    for fault in document["faults"]:
        console.print(f"books:   {line_text(fault, 300)}", style="bold red")

    for item in verdict["missed"]:
        profit = int(item["profit_base"]) / 1e8
        where = f"blocks {item['first_block']} to {item['last_block']}, waited {item['blocks_waited']}"
        words = line_text("; ".join(item["keeper_said"]), 300)
        console.print(
            f"missed:  {item['deployment']} {item['borrower']} {profit:,.2f} USD, {where}; the keeper said: {words}",
            style="red",
        )

    for item in verdict["mismatches"]:
        text = f"{item['kind']}, {item['where']}: said {item['said']}, found {item['found']}"
        console.print(f"differs: {line_text(text, 400)}", style="red")

    if document["late_blocks"]:
        late = counted(document["late_blocks"], "block")
        console.print(f"late:    {late} took the keeper longer than a slot, and were waited for", style="yellow")

    spent = ", ".join(f"{name} {value:.1f} s" for name, value in document["seconds"].items())
    console.print(f"time:    {spent}", style="dim")


def _why(rows: Iterable[Row]) -> str:
    reasons: dict[str, int] = {}

    for row in rows:
        reason = f"{row['status']} {row['reason']}" if row["status"] != DECLINED else str(row["reason"])
        reasons[reason] = max(reasons.get(reason, 0), row["block"] or 0)

    told = (f"{reason} ({block})" for reason, block in sorted(reasons.items(), key=lambda item: item[1]))
    return ", ".join(told) or "never mentioned"


def _status(row: Row) -> Text:
    shown = row["status"] if row["reason"] is None else f"{row['status']}: {line_text(str(row['reason']), 60)}"
    return Text(shown, style="green" if row["status"] == LANDED else "yellow")
