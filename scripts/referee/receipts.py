"""One booked transaction against its receipt: amounts by the protocol's event, profit by Transfer logs, gas, block."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from referee.chain import flows
from referee.manifest import Manifest
from referee.parts.base import Liquidation
from referee.report import LANDED, REVERTED, Row


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A thing the report and the chain disagree on, or that the report leaves out; deployment: empty for the run's."""

    kind: str
    where: str
    said: str
    found: str
    deployment: str = ""


def check_transaction(
    receipt: Mapping[str, Any] | None,
    rows: Sequence[Row],
    liquidations: Sequence[Liquidation],
    manifest: Manifest,
) -> Iterator[Mismatch]:
    """Yield every difference between the rows that name one transaction and what it did."""
    if receipt is None:
        # Expired and replaced transactions have no receipt, and none is claimed.
        yield from (
            Mismatch("not_on_chain", row.where, row.status, "no receipt")
            for row in rows
            if row.status in (LANDED, REVERTED)
        )
        return

    landed = [row for row in rows if row.status == LANDED]
    yield from _check_status(receipt, rows, liquidations)
    yield from _check_gas(receipt, rows)
    yield from _check_amounts(landed, liquidations)
    yield from _check_profit(receipt, landed, manifest)


def _check_status(
    receipt: Mapping[str, Any], rows: Sequence[Row], liquidations: Sequence[Liquidation]
) -> Iterator[Mismatch]:
    kept = receipt["status"] == "0x1"
    block = int(receipt["blockNumber"], 16)

    for row in rows:
        if row.status == LANDED and not kept:
            yield Mismatch("status", row.where, row.status, "reverted")

        if row.status == REVERTED and kept and liquidations:
            yield Mismatch("status", row.where, row.status, "liquidated")

        if row.status not in (LANDED, REVERTED) and liquidations:
            yield Mismatch("status", row.where, row.status, f"liquidated in block {block}")

        if row.status in (LANDED, REVERTED) and row.block != block:
            yield Mismatch("block", row.where, str(row.block), str(block))


def _check_gas(receipt: Mapping[str, Any], rows: Sequence[Row]) -> Iterator[Mismatch]:
    used = int(receipt["gasUsed"], 16)
    booked = [row for row in rows if row.status in (LANDED, REVERTED)]
    said = [row.gas_used for row in booked]

    # A transaction of several liquidations may be booked whole in each row or shared out among them.
    if booked and any(gas != used for gas in said) and sum(gas or 0 for gas in said) != used:
        yield Mismatch("gas_used", booked[0].where, ", ".join(map(str, said)), str(used))


def _check_amounts(landed: Sequence[Row], liquidations: Sequence[Liquidation]) -> Iterator[Mismatch]:
    remaining = list(liquidations)

    for row in landed:
        same = [
            it for it in remaining if (it.subject, it.debt, it.collateral) == (row.subject, row.debt, row.collateral)
        ]

        if not same:
            pair = f"{row.subject.position}, debt {row.debt}, collateral {row.collateral}"
            yield Mismatch("liquidation", row.where, pair, "no event of such a liquidation in the transaction")
            continue

        remaining.remove(same[0])

        if same[0].repaid not in (None, row.repaid):
            yield Mismatch("repaid", row.where, str(row.repaid), str(same[0].repaid))

        if same[0].seized not in (None, row.seized):
            yield Mismatch("seized", row.where, str(row.seized), str(same[0].seized))

    for liquidation in remaining if landed else ():
        yield Mismatch("unbooked_liquidation", landed[0].where, "nothing", f"liquidated {liquidation.subject.position}")


def _check_profit(receipt: Mapping[str, Any], landed: Sequence[Row], manifest: Manifest) -> Iterator[Mismatch]:
    said: dict[str, int] = {}

    for row in landed:
        if row.settled is None or row.settled != row.realised:
            yield Mismatch("settled_profit", row.where, str(row.settled), f"realised {row.realised}")

        if row.profit_token is None or row.realised is None:
            yield Mismatch("realised_profit", row.where, "nothing", "a landed row names its profit and its token")
            continue

        said[row.profit_token] = said.get(row.profit_token, 0) + row.realised

    if not landed:
        return

    received = flows(receipt["logs"], manifest.treasury)

    for token in dict.fromkeys([*said, *received]):
        if said.get(token, 0) != received.get(token, 0):
            yield Mismatch(
                "realised_profit", landed[0].where, f"{said.get(token, 0)} of {token}", str(received.get(token, 0))
            )
