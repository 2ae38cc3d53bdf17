"""What one account holds and owes, and its encoding for the store.

Markets are named by their place in our own roster. A debt is kept as the contract keeps it: a principal and the
market's index when it was last touched.
"""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

from keeper.errors import DecodeError

Entries: TypeAlias = tuple[tuple[int, int], ...]
"""(place, cTokens) pairs, ascending by place, none of them zero."""


class Loan(NamedTuple):
    """A debt in one market: `principal` in token base units as of the borrow index `interest_index` (wad)."""

    place: int
    principal: int
    interest_index: int


@dataclass(frozen=True, slots=True)
class Account:
    """One account's cTokens, debts and flags.

    `entered` is a bit mask over the roster: markets whose cTokens back its debts. `restricted`: only chosen
    liquidators may liquidate it. `pool`: it chose a pool with rules of its own. `mints`: it may owe VAI.
    """

    held: Entries = ()
    borrowed: tuple[Loan, ...] = ()
    entered: int = 0
    restricted: bool = False
    pool: bool = False
    mints: bool = False

    @property
    def owes(self) -> bool:
        """Tell whether there is any debt at all."""
        return bool(self.borrowed) or self.mints

    def has_entered(self, place: int) -> bool:
        """Tell whether the account is a member of a market."""
        return bool(self.entered >> place & 1)

    def tokens_in(self, place: int) -> int:
        """Return the cTokens of one market, 0 where there are none."""
        return next((tokens for at, tokens in self.held if at == place), 0)

    def loan_in(self, place: int) -> Loan | None:
        """Return the debt in one market."""
        return next((loan for loan in self.borrowed if loan.place == place), None)

    def with_tokens(self, place: int, tokens: int) -> "Account":
        """Replace the cTokens of one market; zero removes them."""
        others = tuple(entry for entry in self.held if entry[0] != place)
        return replace(self, held=others if tokens == 0 else tuple(sorted((*others, (place, tokens)))))

    def with_loan(self, loan: Loan) -> "Account":
        """Replace the debt in one market; a principal of zero removes it."""
        others = tuple(other for other in self.borrowed if other.place != loan.place)
        return replace(self, borrowed=others if loan.principal == 0 else tuple(sorted((*others, loan))))

    def with_entered(self, place: int, *, entered: bool) -> "Account":
        """Enter one market, or leave it."""
        bit = 1 << place
        return replace(self, entered=self.entered | bit if entered else self.entered & ~bit)


EMPTY: Final = Account()


# Store -------------------------------------------------------------------------------------------------------------

_PLACE_BYTES: Final = 2
_AMOUNT_BYTES: Final = 32
_ENTRY_BYTES: Final = _PLACE_BYTES + _AMOUNT_BYTES
_LOAN_BYTES: Final = _ENTRY_BYTES + _AMOUNT_BYTES
_HEAD_BYTES: Final = 1 + 2 * _PLACE_BYTES


def encode_account(account: Account) -> bytes:
    """Pack an account: flags, number of holdings and of debts, these, and the mask in what bytes it takes."""
    flags = account.restricted | account.pool << 1 | account.mints << 2
    counts = (len(account.held), len(account.borrowed))
    held = (_place(place) + tokens.to_bytes(_AMOUNT_BYTES, "big") for place, tokens in account.held)
    loans = (
        _place(loan.place) + b"".join(n.to_bytes(_AMOUNT_BYTES, "big") for n in (loan.principal, loan.interest_index))
        for loan in account.borrowed
    )
    mask = account.entered.to_bytes((account.entered.bit_length() + 7) // 8, "big")  # up: whole bytes
    return bytes([flags]) + b"".join((*map(_place, counts), *held, *loans, mask))


def decode_account(data: bytes) -> Account:
    """Unpack `encode_account`; `DecodeError` where it is cut short."""
    n_held, n_loans = (_number(data, 1 + i * _PLACE_BYTES, _PLACE_BYTES) for i in range(2))
    loans_at = _HEAD_BYTES + n_held * _ENTRY_BYTES
    mask_at = loans_at + n_loans * _LOAN_BYTES
    held = tuple(
        (_number(data, i, _PLACE_BYTES), _number(data, i + _PLACE_BYTES, _AMOUNT_BYTES))
        for i in range(_HEAD_BYTES, loans_at, _ENTRY_BYTES)
    )
    borrowed = tuple(
        Loan(
            _number(data, i, _PLACE_BYTES),
            _number(data, i + _PLACE_BYTES, _AMOUNT_BYTES),
            _number(data, i + _ENTRY_BYTES, _AMOUNT_BYTES),
        )
        for i in range(loans_at, mask_at, _LOAN_BYTES)
    )
    flags = data[0]
    return Account(
        held=held,
        borrowed=borrowed,
        entered=int.from_bytes(data[mask_at:], "big"),
        restricted=bool(flags & 1),
        pool=bool(flags & 2),
        mints=bool(flags & 4),
    )


def _place(number: int) -> bytes:
    return number.to_bytes(_PLACE_BYTES, "big")


def _number(data: bytes, start: int, size: int) -> int:
    piece = data[start : start + size]
    if len(piece) != size:
        raise DecodeError("a saved account has another shape", length=len(data))

    return int.from_bytes(piece, "big")
