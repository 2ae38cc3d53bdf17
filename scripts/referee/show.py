"""The verdict as a person reads it, on standard error."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from referee.parts.base import USD_UNIT

LISTED = 20


def show(document: Mapping[str, Any]) -> None:
    """Print the counts, then every miss and mismatch, up to LISTED of each."""
    console = Console(stderr=True)
    agrees = document["verdict"] == "agree"
    table = Table(title=f"referee: {document['verdict']}", title_style="bold green" if agrees else "bold red")
    table.add_column("checked")
    table.add_column("count", justify="right")

    for name, count in document["checked"].items():
        table.add_row(name.replace("_", " "), str(count))

    console.print(table)
    _show_deployments(console, document["deployments"])
    _show_missed(console, document["missed"])
    _show_mismatches(console, document["mismatches"])


def _show_deployments(console: Console, deployments: Mapping[str, Mapping[str, Any]]) -> None:
    columns = ("verdict", "borrowers", "liquidatable", "profitable", "missed", "mismatches")
    table = Table()
    table.add_column("deployment")

    for column in columns:
        table.add_column(column, justify="right")

    for name, found in deployments.items():
        table.add_row(name, *(str(found[column]) for column in columns))

    console.print(table)


def _show_missed(console: Console, missed: list[Mapping[str, Any]]) -> None:
    if not missed:
        return

    table = Table(title=f"missed or declined profit: {len(missed)}", title_style="bold red")

    for column in (
        "deployment",
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
            item["deployment"],
            item["borrower"],
            f"{item['first_block']} to {item['last_block']}",
            str(item["blocks_waited"]),
            item["debt_token"],
            item["collateral_token"],
            item["repaid"],
            _usd(item["profit_base"]),
            _usd(item["gas_base"]),
            "; ".join(item["keeper_said"]),
        )

    console.print(table)


def _show_mismatches(console: Console, mismatches: list[Mapping[str, str]]) -> None:
    if not mismatches:
        return

    table = Table(title=f"mismatches: {len(mismatches)}", title_style="bold red")

    for column in ("deployment", "kind", "where", "said", "found"):
        table.add_column(column, overflow="fold")

    for item in mismatches[:LISTED]:
        table.add_row(item["deployment"] or "-", item["kind"], item["where"], item["said"], item["found"])

    console.print(table)


def _usd(amount: str) -> str:
    # Cents, rounded down: for the eye only.
    cents = int(amount) * 100 // USD_UNIT
    return f"{cents // 100}.{cents % 100:02d}"
