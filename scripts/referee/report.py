"""The keeper's own account of the run, as it prints it: one JSON object a line, or the run's one JSON document."""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from referee.errors import RefereeError
from referee.probe import Subject

LANDED = "landed"
REVERTED = "reverted"
POSITION = re.compile(r"0x(?:[0-9a-fA-F]{2})*[0-9a-fA-F]{40}(?![0-9a-fA-F])")


class _Row(msgspec.Struct):
    position: str | None
    deployment: str = ""
    status: str = "declined"
    adapter: str | None = None
    debt_token: str | None = None
    collateral_token: str | None = None
    repaid: str | None = None
    seized: str | None = None
    expected_profit: str | None = None
    settled_profit: str | None = None
    realised_profit: str | None = None
    profit_token: str | None = None
    gas_used: str | int | None = None
    tx_hash: str | None = None
    block: int | None = None
    reason: str | None = None


class _Document(msgspec.Struct):
    outcomes: list[msgspec.Raw]
    declined: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report; amounts in base units, None where the keeper gave none. Its position may be nobody's."""

    where: str
    subject: Subject
    status: str
    debt: str | None
    collateral: str | None
    repaid: int | None
    seized: int | None
    settled: int | None
    realised: int | None
    profit_token: str | None
    gas_used: int | None
    tx_hash: str | None
    block: int | None
    reason: str | None


def load(path: Path) -> list[Row]:
    """Read the report; raises RefereeError with the file, the line and the field."""
    try:
        text = path.read_bytes()
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise RefereeError(message) from error

    return [_row(raw, f"{path}:{number}") for number, raw in _items(text)]


def _items(text: bytes) -> list[tuple[int, bytes]]:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]

    try:
        document = msgspec.json.decode(text, type=_Document)
    except msgspec.DecodeError:
        return lines

    return list(enumerate([bytes(raw) for raw in document.outcomes + document.declined], 1))


def _row(raw: bytes, where: str) -> Row:
    try:
        row = msgspec.json.decode(raw, type=_Row)
        position = "" if row.position is None else POSITION.findall(row.position)[-1].lower()
        return Row(
            where=where,
            subject=Subject(row.deployment, position),
            status=row.status,
            debt=_lower(row.debt_token),
            collateral=_lower(row.collateral_token),
            repaid=_amount(row.repaid),
            seized=_amount(row.seized),
            settled=_amount(row.settled_profit),
            realised=_amount(row.realised_profit),
            profit_token=_lower(row.profit_token),
            gas_used=_amount(row.gas_used),
            tx_hash=_lower(row.tx_hash),
            block=row.block,
            reason=row.reason,
        )
    except (msgspec.DecodeError, ValueError) as error:
        message = f"{where}: {error}"
        raise RefereeError(message) from error
    except IndexError as error:
        message = f"{where}: position names no address"
        raise RefereeError(message) from error


def _amount(text: str | int | None) -> int | None:
    return None if text in (None, "") else int(text)


def _lower(text: str | None) -> str | None:
    return text.lower() if text else None
