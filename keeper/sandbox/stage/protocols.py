"""One line per deployment at the end of a trial: how many landed, whether the books agree, and the referee's word."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from keeper.sandbox.stage.results import LANDED, Evidence, Row, rows_of
from keeper.sandbox.stage.tables import new_table

AGREE = "agree"


def summaries(evidence: Sequence[Evidence], rows: Sequence[Row], verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Sum up each deployment."""
    return [_summary(found, rows_of(found.ward, rows), verdict["deployments"]) for found in evidence]


def protocols_table(summed: Sequence[Mapping[str, Any]]) -> Table:
    """Show the sums."""
    columns = ("protocol", "liquidatable", "landed", "settled = realised", "expected = realised", "else explained")
    table = new_table("Protocols", (*columns, "other outcomes", "referee"), columns[1:])

    for one in summed:
        referee = one["referee"]
        enough = one["landed"] >= one["least_landed"]
        agrees = referee["verdict"] == AGREE
        found = "" if agrees else f": {referee['missed']} missed, {referee['mismatches']} mismatches"
        table.add_row(
            one["name"],
            str(one["liquidatable"]),
            Text(str(one["landed"]), style="green" if enough else "bold red"),
            _share(one["settled_equals_realised"], one["landed"]),
            str(one["expected_equals_realised"]),
            str(one["difference_explained"]),
            ", ".join(f"{count} {status}" for status, count in one["other"].items()) or "-",
            Text(f"{referee['verdict']}s{found}", style="green" if agrees else "bold red"),
        )

    return table


def _summary(found: Evidence, rows: Sequence[Row], verdicts: Mapping[str, Any]) -> dict[str, Any]:
    landed = [row for row in rows if row["status"] == LANDED]
    met = [row for row in landed if row["expected_profit"] == row["realised_profit"]]
    other: dict[str, int] = {}

    for row in rows:
        if row["tx_hash"] is not None and row["status"] != LANDED:
            other[row["status"]] = other.get(row["status"], 0) + 1

    return {
        "name": found.ward.name,
        "accounts": len(found.ward.names),
        "liquidatable": len(found.liquidatable),
        "landed": len(landed),
        "least_landed": found.ward.least_landed,
        "settled_equals_realised": sum(row["settled_profit"] == row["realised_profit"] for row in landed),
        "expected_equals_realised": len(met),
        "difference_explained": sum(bool(row["reason"]) for row in landed if row not in met),
        "other": other,
        "referee": verdicts[found.ward.name],
    }


def _share(count: int, whole: int) -> Text:
    return Text(f"{count} of {whole}", style="green" if count == whole else "bold red")
