"""The calldata of Probe.sol and the state overrides under which a node runs it.

The compiled code lies beside its source in probe.hex; a test compiles the source again and compares.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eth_utils.crypto import keccak

from referee.abi import WORD, as_int, as_list, encode, selector, word

ADDRESS = "0x" + keccak(text="an account that only a referee would use")[12:].hex()
# More than any position, less than half of the range: adding to it in a token or a pool cannot overflow.
FUNDS = 1 << 126
MAX_SIZE = (1 << 256) - 1
NOBODY = "0x" + "00" * 20
# The pools a sale goes through, one or two; none where there is nothing to sell.
Hops = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing to try: a borrower, the debt repaid and the collateral taken for it."""

    borrower: str
    collateral: str
    debt: str


@dataclass(frozen=True, slots=True)
class Sale:
    """An amount of a token sold through one pool, or two; base units."""

    token: str
    amount: int
    hops: Hops


@dataclass(frozen=True, slots=True)
class Tried:
    """What one size did: base units repaid and seized, or the first word of the revert."""

    size: int
    repaid: int
    seized: int
    reason: bytes


@cache
def code() -> str:
    """Return the probe's runtime code as the node wants it."""
    return "0x" + Path(__file__).with_name("probe.hex").read_text().strip()


def encode_trials(lender: str, trials: Sequence[tuple[Pair, int]]) -> bytes:
    """Encode one call that tries every (pair, size) and undoes each."""
    head = selector("trials(address,(address,address,address,uint256)[])")
    body = b"".join(_trial(pair, size) for pair, size in trials)
    return head + word(lender) + word(2 * WORD) + word(len(trials)) + body


def decode_trials(data: bytes, trials: Sequence[tuple[Pair, int]]) -> list[Tried]:
    """Return the results in the order tried."""
    return [
        Tried(size, as_int(data, 2 + 3 * i), as_int(data, 3 + 3 * i), _reason(data, 4 + 3 * i))
        for i, (_, size) in enumerate(trials)
    ]


def encode_sales(sales: Iterable[Sale]) -> bytes:
    """Encode one call that makes every sale and undoes each."""
    listed = [word(sale.token) + word(sale.amount) + _hops(sale.hops) for sale in sales]
    head = selector("sales((address,uint256,address,address)[])")
    return head + word(WORD) + word(len(listed)) + b"".join(listed)


def decode_sales(data: bytes) -> list[int]:
    """Return base units received, 0 where a sale reverted."""
    return as_list(data)


def encode_conclude(lender: str, trial: tuple[Pair, int], loan: int, hops: Hops, home: Hops) -> bytes:
    """Encode the call that borrows, liquidates, sells and repays; home: the pools that the profit is sold through."""
    signature = "conclude(address,(address,address,address,uint256),uint256,(address,address,address,address))"
    return selector(signature) + word(lender) + _trial(*trial) + word(loan) + _hops(hops) + _hops(home)


def encode_balance(account: str) -> bytes:
    """Encode a token's balanceOf."""
    return encode("balanceOf(address)", account)


def _trial(pair: Pair, size: int) -> bytes:
    return word(pair.collateral) + word(pair.debt) + word(pair.borrower) + word(size)


def _hops(hops: Hops) -> bytes:
    first, second = (*hops, NOBODY, NOBODY)[:2]
    return word(first) + word(second)


def _reason(data: bytes, index: int) -> bytes:
    start = WORD * index
    found = data[start : start + WORD]
    return b"" if found == bytes(WORD) else found
