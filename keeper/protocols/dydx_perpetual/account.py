"""How an account is kept and saved: its balance, and the index it was last settled at where it has a position.

The contract's index of an account without a position says nothing: nothing is settled until it has one, and then it
is brought up to date first.
"""

from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.dydx_perpetual import math
from keeper.protocols.dydx_perpetual.math import Balance, Index
from keeper.protocols.dydx_perpetual.trade import Account
from keeper.protocols.words import WORD

EMPTY: Final = Account()


def kept(balance: Balance, settled_at: Index) -> Account:
    """An account as it is kept."""
    return Account(balance, settled_at if balance.position.value else math.NEVER)


def encode_account(account: Account) -> bytes:
    """Write an account as the contract's own words: its balance, its index."""
    words = (math.word_of(account.balance), math.index_word(account.settled_at))
    return b"".join(number.to_bytes(WORD, "big") for number in words)


def decode_account(data: bytes) -> Account:
    """Read `encode_account` back; `DecodeError` for any other length."""
    if len(data) != 2 * WORD:
        raise DecodeError("a saved account has another shape", length=len(data))

    balance, index = (int.from_bytes(data[at : at + WORD], "big") for at in (0, WORD))
    return Account(math.balance_of(balance), math.index_of(index))
