"""What one account has: its deposit, what it is owed, its positions, its orders; and the encoding for the store."""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from keeper.errors import DecodeError
from keeper.protocols.perp_curie import math
from keeper.types import Address

_WORD: Final = 32
_ADDRESS: Final = 20


class Order(NamedTuple):
    """A maker's liquidity between two ticks, and the growths it was last settled at. OpenOrder.Info."""

    liquidity: int
    lower: int
    upper: int
    fee_growth_inside_x128: int
    premium_inside_x96: int
    premium_below_x96: int
    premium_div_inside_x96: int
    base_debt: int
    quote_debt: int


@dataclass(frozen=True, slots=True)
class Holding:
    """A taker's position in one market, and the maker's orders beside it; signed, long above zero.

    `last_growth_x96` is the funding growth it was last settled at. Source: AccountMarket.Info.
    """

    size: int = 0
    open_notional: int = 0
    last_growth_x96: int = 0
    orders: tuple[Order, ...] = ()

    @property
    def is_gone(self) -> bool:
        """Whether the contract would forget it: dust on both sides and no orders. _deregisterBaseToken."""
        return max(abs(self.size), abs(self.open_notional)) < math.DUST and not self.orders


@dataclass(frozen=True, slots=True)
class Account:
    """One trader or maker.

    `balance` is the deposit in base units of the settlement token, below zero where indebted; `owed` the profit or
    loss realized but not yet booked there, US dollars times 10**18. `collaterals` are other tokens, in base units.
    """

    balance: int = 0
    owed: int = 0
    collaterals: tuple[tuple[Address, int], ...] = ()
    holdings: tuple[tuple[Address, Holding], ...] = ()

    def holding(self, base: Address) -> Holding:
        """The position in a market, an empty one where there is none."""
        return next((holding for token, holding in self.holdings if token == base), Holding())

    def with_holding(self, base: Address, holding: Holding) -> "Account":
        """The same account with one position replaced, or dropped once the contract would forget it."""
        found = dict(self.holdings)
        found[base] = holding
        if holding.is_gone:
            del found[base]

        return replace(self, holdings=tuple(found.items()))

    def with_collateral(self, token: Address, change: int) -> "Account":
        """The same account with more of a collateral token, or less."""
        held = dict(self.collaterals)
        held[token] = held.get(token, 0) + change
        return replace(self, collaterals=tuple(item for item in held.items() if item[1]))

    @property
    def has_orders(self) -> bool:
        """Whether it provides liquidity anywhere."""
        return any(holding.orders for _, holding in self.holdings)


EMPTY: Final = Account()


def encode_account(account: Account) -> bytes:
    """Write an account down as a row of words and addresses."""
    parts = [_signed(account.balance), _signed(account.owed), _count(account.collaterals), _count(account.holdings)]
    for token, amount in account.collaterals:
        parts += [token, _signed(amount)]

    for base, holding in account.holdings:
        numbers = (holding.size, holding.open_notional, holding.last_growth_x96)
        parts += [base, *map(_signed, numbers), _count(holding.orders)]
        parts += [_unsigned(n) if i == 3 else _signed(n) for order in holding.orders for i, n in enumerate(order)]

    return b"".join(parts)


def decode_account(data: bytes) -> Account:
    """Read `encode_account` back; `DecodeError` for any other shape."""
    reader = _Reader(data)
    balance, owed = reader.signed(), reader.signed()
    collaterals, holdings = reader.count(), reader.count()
    held = tuple((reader.address(), reader.signed()) for _ in range(collaterals))
    positions: dict[Address, Holding] = {}
    for _ in range(holdings):
        base = reader.address()
        size, notional, growth = (reader.signed() for _ in range(3))
        orders = tuple(reader.order() for _ in range(reader.count()))
        positions[base] = Holding(size, notional, growth, orders)

    reader.finish()
    return Account(balance, owed, held, tuple(positions.items()))


class _Reader:
    """Words off the front of some bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def address(self) -> Address:
        return Address(self._take(_ADDRESS))

    def signed(self) -> int:
        return int.from_bytes(self._take(_WORD), "big", signed=True)

    def count(self) -> int:
        return int.from_bytes(self._take(2), "big")

    def order(self) -> Order:
        numbers = [int.from_bytes(self._take(_WORD), "big", signed=i != 3) for i in range(9)]
        return Order(*numbers)

    def finish(self) -> None:
        if self._at != len(self._data):
            raise DecodeError("a saved account has another shape", length=len(self._data))

    def _take(self, length: int) -> bytes:
        piece = self._data[self._at : self._at + length]
        self._at += length
        if len(piece) != length:
            raise DecodeError("a saved account ends too early", length=len(self._data))

        return piece


def _signed(value: int) -> bytes:
    return value.to_bytes(_WORD, "big", signed=True)


def _unsigned(value: int) -> bytes:
    return value.to_bytes(_WORD, "big")


def _count(items: tuple[object, ...]) -> bytes:
    return len(items).to_bytes(2, "big")
