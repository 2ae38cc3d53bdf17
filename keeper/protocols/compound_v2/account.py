"""What one account holds and owes, and its encoding for the store.

Markets are named by their place in our own roster. A debt is kept as the contract keeps it: a principal and the
market's index when it was last touched.
"""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

from keeper.errors import DecodeError
from keeper.tables.compact import pack_ints, unpack_ints

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


def encode_account(account: Account) -> bytes:
    """Pack an account: flags, the mask, how many holdings, these, and the debts."""
    flags = account.restricted | account.pool << 1 | account.mints << 2
    numbers = [flags, account.entered, len(account.held)]
    numbers += [number for entry in account.held for number in entry]
    numbers += [number for loan in account.borrowed for number in loan]
    return pack_ints(numbers)


def decode_account(data: bytes) -> Account:
    """Unpack `encode_account`; `DecodeError` for any other shape."""
    numbers = list(unpack_ints(data))
    debts_at = _HEAD + 2 * numbers[2] if len(numbers) >= _HEAD else 0
    if len(numbers) < max(debts_at, _HEAD) or (len(numbers) - debts_at) % _LOAN or numbers[0] > _ALL_FLAGS:
        raise DecodeError("a saved account has another shape", length=len(data))

    held, debts = numbers[_HEAD:debts_at], numbers[debts_at:]
    flags = numbers[0]
    return Account(
        held=tuple(zip(held[::2], held[1::2], strict=True)),
        borrowed=tuple(Loan(*debts[i : i + _LOAN]) for i in range(0, len(debts), _LOAN)),
        entered=numbers[1],
        restricted=bool(flags & 1),
        pool=bool(flags & 2),
        mints=bool(flags & 4),
    )


_HEAD: Final = 3
_LOAN: Final = len(Loan._fields)
_ALL_FLAGS: Final = 7
