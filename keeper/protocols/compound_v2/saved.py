"""How a deployment's state is written down: a row per account, one for the roster and one for the borrow indices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.base import Row
from keeper.protocols.compound_v2.account import EMPTY, Account, decode_account, encode_account
from keeper.protocols.compound_v2.roster import Roster
from keeper.types import Address, PositionKey

ROSTER_KEY: Final = b"roster"
INDICES_KEY: Final = b"indices"
_ADDRESS_BYTES: Final = 20
_INDEX_BYTES: Final = 32
_PLACE_BYTES: Final = 2


@dataclass(slots=True)
class Saved:
    """Everything that was saved."""

    roster: Roster = field(default_factory=lambda: Roster.of(()))
    indices: dict[int, int] = field(default_factory=dict)
    accounts: dict[PositionKey, Account] = field(default_factory=dict)


def roster_row(roster: Roster) -> Row:
    """Write the cTokens in their order."""
    return Row(ROSTER_KEY, b"".join(roster.tokens))


def indices_row(indices: Mapping[int, int]) -> Row:
    """Write the borrow index of each market, by place: a debt of the same second may still follow."""
    pieces = (
        place.to_bytes(_PLACE_BYTES, "big") + index.to_bytes(_INDEX_BYTES, "big")
        for place, index in sorted(indices.items())
    )
    return Row(INDICES_KEY, b"".join(pieces))


def account_row(key: PositionKey, account: Account) -> Row:
    """Write an account; one without anything is an empty row."""
    return Row(bytes(key), b"" if account == EMPTY else encode_account(account))


def decoded(rows: Iterable[Row]) -> Saved:
    """Read all rows back; `DecodeError` for any other shape."""
    saved = Saved()
    for row in rows:
        if row.key == ROSTER_KEY:
            saved.roster = _roster(row.value)
        elif row.key == INDICES_KEY:
            saved.indices = _indices(row.value)
        elif len(row.key) == _ADDRESS_BYTES:
            saved.accounts[PositionKey(row.key)] = decode_account(row.value) if row.value else EMPTY
        else:
            raise DecodeError(f"a saved row of unknown kind: {row.key.hex()}")

    return saved


def _roster(data: bytes) -> Roster:
    if len(data) % _ADDRESS_BYTES:
        raise DecodeError("the saved roster has another shape", length=len(data))

    return Roster.of(Address(data[i : i + _ADDRESS_BYTES]) for i in range(0, len(data), _ADDRESS_BYTES))


def _indices(data: bytes) -> dict[int, int]:
    size = _PLACE_BYTES + _INDEX_BYTES
    if len(data) % size:
        raise DecodeError("the saved borrow indices have another shape", length=len(data))

    pieces = (data[i : i + size] for i in range(0, len(data), size))
    return {int.from_bytes(p[:_PLACE_BYTES], "big"): int.from_bytes(p[_PLACE_BYTES:], "big") for p in pieces}
