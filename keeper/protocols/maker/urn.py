"""A vault, and what names a vault or an auction; and how both are written down."""

from dataclasses import dataclass
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.words import WORD
from keeper.types import Address, PositionKey, account_of

_ID_BYTES: Final = 8
_ILK_BYTES: Final = WORD - _ID_BYTES
KEY_BYTES: Final = WORD + 20


@dataclass(frozen=True, slots=True)
class Urn:
    """A vault: `ink` is its collateral, `art` its debt before interest; both wad."""

    ink: int = 0
    art: int = 0


EMPTY: Final = Urn()


def urn_key(ilk: bytes, owner: Address) -> PositionKey:
    """Name a vault: its collateral type, then its address."""
    return PositionKey(ilk + owner)


def auction_key(ilk: bytes, number: int, owner: Address) -> PositionKey:
    """Name an auction by its number, in the end of the collateral type that no name reaches, and whose vault it was."""
    return PositionKey(ilk[:_ILK_BYTES] + number.to_bytes(_ID_BYTES, "big") + owner)


def ilk_of(key: PositionKey) -> bytes:
    """The collateral type of a vault or an auction."""
    return key[:_ILK_BYTES] + bytes(_ID_BYTES)


def number_of(key: PositionKey) -> int:
    """The number of an auction, 0 for a vault."""
    return int.from_bytes(key[_ILK_BYTES:WORD], "big")


def owner_of(key: PositionKey) -> Address:
    """The vault."""
    return account_of(key)


def has_room(ilk: bytes) -> bool:
    """Whether a collateral type's name leaves room for the number of an auction behind it."""
    return ilk[_ILK_BYTES:] == bytes(_ID_BYTES)


def encode_urn(urn: Urn) -> bytes:
    """Pack a vault: two words."""
    return urn.ink.to_bytes(WORD, "big") + urn.art.to_bytes(WORD, "big")


def decode_urn(data: bytes) -> Urn:
    """Unpack `encode_urn`; `DecodeError` for any other length."""
    if len(data) != 2 * WORD:
        raise DecodeError("a saved vault has another shape", length=len(data))

    return Urn(int.from_bytes(data[:WORD], "big"), int.from_bytes(data[WORD:], "big"))
