"""What one account owes and has pledged in one market, and its encoding for the store."""

from dataclasses import dataclass
from typing import Final

from keeper.errors import DecodeError

_AMOUNT_BYTES: Final = 16  # the contract keeps both in 128 bits


@dataclass(frozen=True, slots=True)
class Borrower:
    """Debt in borrow shares, collateral in base units of its token."""

    borrow_shares: int = 0
    collateral: int = 0


EMPTY: Final = Borrower()


def encode_borrower(borrower: Borrower) -> bytes:
    """Pack a borrower: 16 bytes of shares, 16 of collateral."""
    return b"".join(n.to_bytes(_AMOUNT_BYTES, "big") for n in (borrower.borrow_shares, borrower.collateral))


def decode_borrower(data: bytes) -> Borrower:
    """Unpack `encode_borrower`; `DecodeError` for any other length."""
    if len(data) != 2 * _AMOUNT_BYTES:
        raise DecodeError("a saved borrower has another shape", length=len(data))

    return Borrower(int.from_bytes(data[:_AMOUNT_BYTES], "big"), int.from_bytes(data[_AMOUNT_BYTES:], "big"))
