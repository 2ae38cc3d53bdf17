"""What one account holds and owes, and its encoding for the store.

Collateral assets are named by the market's own offsets. What is supplied or owed of the base token is one signed
principal, as the contract keeps it.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, TypeAlias

from keeper.errors import DecodeError
from keeper.tables.compact import pack_ints, unpack_ints

Entries: TypeAlias = tuple[tuple[int, int], ...]
"""(offset, amount) pairs, ascending by offset, none of them zero."""


class Doubt(IntEnum):
    """What logs did not settle of an account and must be read."""

    NOTHING = 0
    PRINCIPAL = 1
    """events tell balances, rounded, and not the principal behind them"""
    ALL = 2
    """its collateral too"""


@dataclass(frozen=True, slots=True)
class Account:
    """One account: `principal` in base units, negative for a debt, and its collateral."""

    principal: int = 0
    held: Entries = ()
    doubt: Doubt = Doubt.NOTHING

    @property
    def owes(self) -> bool:
        """Tell whether there is a debt."""
        return self.principal < 0

    @property
    def may_change_silently(self) -> bool:
        """Tell whether a transfer of base tokens could change its debt without an event: none is supplied to take."""
        return self.principal < 0 or (self.principal == 0 and bool(self.held))

    def amount_of(self, offset: int) -> int:
        """Return what it holds of one collateral, 0 where nothing."""
        return next((amount for at, amount in self.held if at == offset), 0)

    def with_held(self, offset: int, amount: int) -> "Account":
        """Replace one collateral; zero removes it."""
        others = tuple(entry for entry in self.held if entry[0] != offset)
        return replace(self, held=others if amount == 0 else tuple(sorted((*others, (offset, amount)))))

    def doubted(self, doubt: Doubt) -> "Account":
        """Add a doubt; a greater one stays."""
        return self if doubt <= self.doubt else replace(self, doubt=doubt)


EMPTY: Final = Account()


# Store -------------------------------------------------------------------------------------------------------------

_HEAD: Final = 2


def encode_account(account: Account) -> bytes:
    """Pack an account: sign and doubt, the principal's magnitude, then its collateral."""
    numbers = [account.doubt << 1 | (account.principal < 0), abs(account.principal)]
    numbers += [number for entry in account.held for number in entry]
    return pack_ints(numbers)


def decode_account(data: bytes) -> Account:
    """Unpack `encode_account`; `DecodeError` for any other shape."""
    numbers = list(unpack_ints(data))
    if len(numbers) < _HEAD or len(numbers) % 2 or numbers[0] > (Doubt.ALL << 1 | 1):
        raise DecodeError("a saved account has another shape", length=len(data))

    flags, magnitude = numbers[:_HEAD]
    held = tuple(zip(numbers[_HEAD::2], numbers[_HEAD + 1 :: 2], strict=True))
    return Account(-magnitude if flags & 1 else magnitude, held, Doubt(flags >> 1))
