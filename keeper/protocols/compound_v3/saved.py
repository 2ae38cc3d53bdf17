"""How a deployment's state is written down: a row per account, and one for the assets their offsets stand for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.base import Row
from keeper.protocols.compound_v3.account import EMPTY, Account, decode_account, encode_account
from keeper.types import Address, PositionKey

ASSETS_KEY: Final = b"assets"
_ADDRESS_BYTES: Final = 20


@dataclass(slots=True)
class Saved:
    """Everything that was saved."""

    assets: tuple[Address, ...] = ()
    accounts: dict[PositionKey, Account] = field(default_factory=dict)


def assets_row(assets: Sequence[Address]) -> Row:
    """Write the assets in the order of their offsets."""
    return Row(ASSETS_KEY, b"".join(assets))


def account_row(key: PositionKey, account: Account) -> Row:
    """Write an account; one without anything is an empty row."""
    return Row(bytes(key), b"" if account == EMPTY else encode_account(account))


def decoded(rows: Iterable[Row]) -> Saved:
    """Read all rows back; `DecodeError` for any other shape."""
    saved = Saved()
    for row in rows:
        if row.key == ASSETS_KEY:
            saved.assets = _assets(row.value)
        elif len(row.key) == _ADDRESS_BYTES:
            saved.accounts[PositionKey(row.key)] = decode_account(row.value) if row.value else EMPTY
        else:
            raise DecodeError(f"a saved row of unknown kind: {row.key.hex()}")

    return saved


def _assets(data: bytes) -> tuple[Address, ...]:
    if len(data) % _ADDRESS_BYTES:
        raise DecodeError("the saved assets have another shape", length=len(data))

    return tuple(Address(data[i : i + _ADDRESS_BYTES]) for i in range(0, len(data), _ADDRESS_BYTES))
