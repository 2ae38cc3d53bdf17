"""The verdict as a person reads it, on standard error."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

LISTED = 20


def show(document: Mapping[str, Any], price_unit: int) -> None:
    """Print the counts, then every miss and mismatch, up to LISTED of each."""
    console = Console(stderr=True)
    agrees = document["verdict"] == "agree"
    table = Table(title=f"referee: {document['verdict']}", title_style="bold green" if agrees else "bold red")
    table.add_column("checked")
    table.add_column("count", justify="right")

    for name, count in document["checked"].items():
        table.add_row(name.replace("_", " "), str(count))

    console.print(table)
    _show_missed(console, document["missed"], price_unit)
    _show_mismatches(console, document["mismatches"])


def _show_missed(console: Console, missed: list[Mapping[str, Any]], price_unit: int) -> None:
    if not missed:
        return

    table = Table(title=f"missed or declined profit: {len(missed)}", title_style="bold red")

    for column in (
        "borrower",
        "blocks",
        "waited",
        "debt",
        "collateral",
        "repaid",
        "profit USD",
        "gas USD",
        "keeper said",
    ):
        table.add_column(column, overflow="fold")

    for item in missed[:LISTED]:
        table.add_row(
            item["borrower"],
            f"{item['first_block']} to {item['last_block']}",
            str(item["blocks_waited"]),
            item["debt_token"],
            item["collateral_token"],
            item["repaid"],
            _usd(item["profit_base"], price_unit),
            _usd(item["gas_base"], price_unit),
            "; ".join(item["keeper_said"]),
        )

    console.print(table)


def _show_mismatches(console: Console, mismatches: list[Mapping[str, str]]) -> None:
    if not mismatches:
        return

    table = Table(title=f"mismatches: {len(mismatches)}", title_style="bold red")

    for column in ("kind", "where", "said", "found"):
        table.add_column(column, overflow="fold")

    for item in mismatches[:LISTED]:
        table.add_row(item["kind"], item["where"], item["said"], item["found"])

    console.print(table)


def _usd(amount: str, price_unit: int) -> str:
    # Cents, rounded down: for the eye only.
    cents = int(amount) * 100 // price_unit
    return f"{cents // 100}.{cents % 100:02d}"
