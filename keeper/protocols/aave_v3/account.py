"""What one account holds and owes in a pool, in scaled amounts, and its encoding for the store.

Reserves are named by their place in our own roster, which only grows; the pool's reserve ids may be reused.
"""

from dataclasses import dataclass, replace
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.aave.accounts import Codec
from keeper.protocols.aave.entries import Entries, with_entry


@dataclass(frozen=True, slots=True)
class Account:
    """One account's scaled balances and flags.

    `collateral` and `unsure` are bit masks over the roster: supplies the account uses as collateral, and reserves
    whose scaled balances were reconstructed under rules that may not have been in force. `stable_debt` marks debt at
    a stable rate, which no linear form describes.
    """

    supplied: Entries = ()
    borrowed: Entries = ()
    collateral: int = 0
    emode: int = 0
    unsure: int = 0
    stable_debt: bool = False

    @property
    def owes(self) -> bool:
        """Tell whether there is debt at a variable rate; nothing is decided about an account with any other."""
        return bool(self.borrowed)

    @property
    def in_doubt(self) -> bool:
        """Tell whether any balance is unsure."""
        return self.unsure != 0

    @property
    def owes_at_stable_rate(self) -> bool:
        """Tell whether any debt is at a rate of its own."""
        return self.stable_debt

    def uses_as_collateral(self, reserve: int) -> bool:
        """Tell whether the account lets this supply back its debts."""
        return bool(self.collateral >> reserve & 1)

    def with_scaled(self, reserve: int, scaled: int, *, is_debt: bool) -> "Account":
        """Replace one scaled balance."""
        if is_debt:
            return replace(self, borrowed=with_entry(self.borrowed, reserve, scaled))

        return replace(self, supplied=with_entry(self.supplied, reserve, scaled))

    def with_collateral(self, reserve: int, *, used: bool) -> "Account":
        """Set or clear one collateral flag."""
        bit = 1 << reserve
        return replace(self, collateral=self.collateral | bit if used else self.collateral & ~bit)


EMPTY: Final = Account()


# Store -------------------------------------------------------------------------------------------------------------

_MASK_BYTES: Final = 32
_AMOUNT_BYTES: Final = 16  # the tokens keep scaled balances in 120 or 128 bits
_HEAD_BYTES: Final = 3 + 2 * _MASK_BYTES


def encode_account(account: Account) -> bytes:
    """Pack an account: eMode, stable flag, number of supplies, the two masks, then 1 + 16 bytes per entry."""
    head = bytes([account.emode, account.stable_debt, len(account.supplied)])
    masks = account.collateral.to_bytes(_MASK_BYTES, "big") + account.unsure.to_bytes(_MASK_BYTES, "big")
    entries = (bytes([i]) + scaled.to_bytes(_AMOUNT_BYTES, "big") for i, scaled in account.supplied + account.borrowed)
    return head + masks + b"".join(entries)


def decode_account(data: bytes) -> Account:
    """Unpack `encode_account`; `DecodeError` for any other length."""
    size = 1 + _AMOUNT_BYTES
    body = data[_HEAD_BYTES:]
    if len(data) < _HEAD_BYTES or len(body) % size or data[2] * size > len(body):
        raise DecodeError("a saved account has another shape", length=len(data))

    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    entries = tuple((piece[0], int.from_bytes(piece[1:], "big")) for piece in pieces)
    return Account(
        supplied=entries[: data[2]],
        borrowed=entries[data[2] :],
        collateral=int.from_bytes(data[3 : 3 + _MASK_BYTES], "big"),
        emode=data[0],
        unsure=int.from_bytes(data[3 + _MASK_BYTES : _HEAD_BYTES], "big"),
        stable_debt=bool(data[1]),
    )


CODEC: Final = Codec(EMPTY, encode_account, decode_account)
