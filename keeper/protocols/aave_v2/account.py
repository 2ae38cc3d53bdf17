"""What one account holds and owes in a pool, and its encoding for the store.

Supplies and variable debts are scaled amounts; a stable debt is a principal with a rate of its own. Reserves are
named by their place in our own roster.
"""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from keeper.errors import DecodeError
from keeper.protocols.aave.accounts import Codec
from keeper.protocols.aave.entries import Entries, with_entry


class StableDebt(NamedTuple):
    """A debt at a rate of its own: `principal` in token base units as of `since` (unix s), `rate` in ray a year."""

    reserve: int
    principal: int
    rate: int
    since: int


@dataclass(frozen=True, slots=True)
class Account:
    """One account's balances and flags.

    `collateral` is a bit mask over the roster: supplies the account uses as collateral. `unsure` marks balances that
    logs do not settle; such an account is reread before anything is decided about what it owes.
    """

    supplied: Entries = ()
    borrowed: Entries = ()
    stable: tuple[StableDebt, ...] = ()
    collateral: int = 0
    unsure: bool = False

    @property
    def owes(self) -> bool:
        """Tell whether there is any debt at all."""
        return bool(self.borrowed or self.stable)

    @property
    def in_doubt(self) -> bool:
        """Tell whether logs do not settle its balances."""
        return self.unsure

    @property
    def owes_at_stable_rate(self) -> bool:
        """Tell whether any debt is at a rate of its own."""
        return bool(self.stable)

    def uses_as_collateral(self, reserve: int) -> bool:
        """Tell whether the account lets this supply back its debts."""
        return bool(self.collateral >> reserve & 1)

    def debts(self) -> tuple[int, ...]:
        """Reserves it owes, at either rate, ascending."""
        return tuple(sorted({place for place, _ in self.borrowed} | {debt.reserve for debt in self.stable}))

    def stable_in(self, reserve: int) -> StableDebt | None:
        """Return the debt at a stable rate in one reserve."""
        return next((debt for debt in self.stable if debt.reserve == reserve), None)

    def with_supplied(self, reserve: int, scaled: int) -> "Account":
        """Replace one supply."""
        return replace(self, supplied=with_entry(self.supplied, reserve, scaled))

    def with_borrowed(self, reserve: int, scaled: int) -> "Account":
        """Replace one variable debt."""
        return replace(self, borrowed=with_entry(self.borrowed, reserve, scaled))

    def with_stable(self, debt: StableDebt) -> "Account":
        """Replace one stable debt; a principal of zero removes it."""
        others = tuple(other for other in self.stable if other.reserve != debt.reserve)
        return replace(self, stable=others if debt.principal == 0 else tuple(sorted((*others, debt))))

    def with_collateral(self, reserve: int, *, used: bool) -> "Account":
        """Set or clear one collateral flag."""
        bit = 1 << reserve
        return replace(self, collateral=self.collateral | bit if used else self.collateral & ~bit)


EMPTY: Final = Account()


# Store -------------------------------------------------------------------------------------------------------------

_MASK_BYTES: Final = 16  # the pool has room for 128 reserves
_AMOUNT_BYTES: Final = 32
_RATE_BYTES: Final = 16
_TIME_BYTES: Final = 5
_ENTRY_BYTES: Final = 1 + _AMOUNT_BYTES
_STABLE_BYTES: Final = _ENTRY_BYTES + _RATE_BYTES + _TIME_BYTES
_HEAD_BYTES: Final = 3 + _MASK_BYTES


def encode_account(account: Account) -> bytes:
    """Pack an account: whether unsure, number of supplies and variable debts, the mask, then the entries."""
    head = bytes([account.unsure, len(account.supplied), len(account.borrowed)])
    entries = (bytes([i]) + scaled.to_bytes(_AMOUNT_BYTES, "big") for i, scaled in account.supplied + account.borrowed)
    stable = (
        bytes([debt.reserve])
        + debt.principal.to_bytes(_AMOUNT_BYTES, "big")
        + debt.rate.to_bytes(_RATE_BYTES, "big")
        + debt.since.to_bytes(_TIME_BYTES, "big")
        for debt in account.stable
    )
    return head + account.collateral.to_bytes(_MASK_BYTES, "big") + b"".join((*entries, *stable))


def decode_account(data: bytes) -> Account:
    """Unpack `encode_account`; `DecodeError` for any other length."""
    if len(data) < _HEAD_BYTES:
        raise DecodeError("a saved account has another shape", length=len(data))

    unsure, n_supplied, n_borrowed = data[:3]
    stable_at = _HEAD_BYTES + (n_supplied + n_borrowed) * _ENTRY_BYTES
    if len(data) < stable_at or (len(data) - stable_at) % _STABLE_BYTES:
        raise DecodeError("a saved account has another shape", length=len(data))

    entries = tuple(
        (data[i], int.from_bytes(data[i + 1 : i + _ENTRY_BYTES], "big"))
        for i in range(_HEAD_BYTES, stable_at, _ENTRY_BYTES)
    )
    stable = tuple(_stable(data[i : i + _STABLE_BYTES]) for i in range(stable_at, len(data), _STABLE_BYTES))
    return Account(
        supplied=entries[:n_supplied],
        borrowed=entries[n_supplied:],
        stable=stable,
        collateral=int.from_bytes(data[3:_HEAD_BYTES], "big"),
        unsure=bool(unsure),
    )


def _stable(piece: bytes) -> StableDebt:
    rate_at, since_at = _ENTRY_BYTES, _ENTRY_BYTES + _RATE_BYTES
    numbers = (piece[1:rate_at], piece[rate_at:since_at], piece[since_at:])
    return StableDebt(piece[0], *(int.from_bytes(number, "big") for number in numbers))


CODEC: Final = Codec(EMPTY, encode_account, decode_account)
