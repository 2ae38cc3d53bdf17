"""One booked transaction against its receipt: amounts by the protocol's event, profit by Transfer logs, gas, block."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from referee.chain import flows
from referee.manifest import Manifest
from referee.parts.base import Liquidation
from referee.report import LANDED, REVERTED, Row

UNSOLD = 10_000
"""The part of what was seized that may go to the treasury as it is, as a divisor."""


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

        # Of several that share a transaction one may have been left out.
        taken = any(it.subject == row.subject for it in liquidations)

        if row.status not in (LANDED, REVERTED) and taken:
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
    """One row books one transaction's liquidations of one position by one pair, however many there are, in sum."""
    remaining = list(liquidations)

    for row in landed:
        pair = (row.subject, row.debt, row.collateral)
        same = [it for it in remaining if (it.subject, it.debt, it.collateral) == pair]

        if not same:
            text = f"{row.subject.position}, debt {row.debt}, collateral {row.collateral}"
            yield Mismatch("liquidation", row.where, text, "no event of such a liquidation in the transaction")
            continue

        if sum((other.subject, other.debt, other.collateral) == pair for other in landed) > 1:
            same = same[:1]

        for it in same:
            remaining.remove(it)

        repaid, seized = _total(it.repaid for it in same), _total(it.seized for it in same)

        if repaid not in (None, row.repaid):
            yield Mismatch("repaid", row.where, str(row.repaid), str(repaid))

        if seized not in (None, row.seized):
            yield Mismatch("seized", row.where, str(row.seized), str(seized))

    for liquidation in remaining if landed else ():
        yield Mismatch("unbooked_liquidation", landed[0].where, "nothing", f"liquidated {liquidation.subject.position}")


def _total(amounts: Iterable[int | None]) -> int | None:
    """Return the sum, None where one amount is not known."""
    known = list(amounts)
    return None if None in known else sum(amount for amount in known if amount is not None)


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

    for row in landed:
        # Interest that grew until it landed may leave a little of what was seized unsold: it is not profit, nor lost.
        left = received.get(row.collateral or "", 0)
        if row.collateral != row.profit_token and 0 < left * UNSOLD <= (row.seized or 0):
            received.pop(row.collateral or "")

    for token in dict.fromkeys([*said, *received]):
        if said.get(token, 0) != received.get(token, 0):
            yield Mismatch(
                "realised_profit", landed[0].where, f"{said.get(token, 0)} of {token}", str(received.get(token, 0))
            )
