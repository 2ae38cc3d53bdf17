"""The calldata of Probe.sol and the state overrides under which a node runs it.

The compiled code lies beside its source in probe.hex; a test compiles the source again and compares.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from eth_utils.crypto import keccak

from referee.abi import WORD, array, as_int, as_list, blob, encode, pack, selector, word

ADDRESS = "0x" + keccak(text="an account that only a referee would use")[12:].hex()
# More than any position, less than half of the range: adding to it in a token or a pool cannot overflow.
FUNDS = 1 << 126
MAX_SIZE = (1 << 256) - 1
NOBODY = "0x" + "00" * 20
# Far above any liquidation; what burns more is given up, so that one contract cannot hold up all others.
TRIAL_GAS = 5_000_000
# Kinds of flash loan, as Probe.sol numbers them.
LOANS = AAVE_V3, AAVE_V2, MORPHO_BLUE = range(3)
# Kinds of hop, as Probe.sol numbers them: a pool that calls back, a pair, a vault whose shares are redeemed.
POOL, PAIR, VAULT = range(3)
# The hops a sale goes through, one or two; none where there is nothing to sell.
Hops = tuple[str, ...]


class Subject(NamedTuple):
    """What can be liquidated: a deployment's name and a position in it, as the report spells it, lower case."""

    deployment: str
    position: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing to try: whose position, the debt repaid and the collateral taken for it.

    via: the protocol's own names of the two, where the tokens do not say it.
    """

    subject: Subject
    collateral: str
    debt: str
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fill:
    """A word of a call that is known only then: the first of what a contract answers, put at a byte offset."""

    offset: int
    source: str
    ask: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a trial; value is native, MAX_SIZE for all there is."""

    to: str
    data: bytes
    fills: tuple[Fill, ...] = ()
    value: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """The calls that take a pair at some size; spender is who may pull the debt token."""

    spender: str
    steps: tuple[Step, ...]
    gas: int = TRIAL_GAS


@dataclass(frozen=True, slots=True)
class Loan:
    """A flash loan on offer, base units of the token."""

    kind: int
    lender: str
    token: str
    available: int
    fee_bps: int


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


def hop(kind: int, address: str, fee_bps: int = 0) -> str:
    """Name a hop as Probe.sol reads it: an address, above it what it is, above that a pair's fee."""
    return address if kind == POOL else f"0x{fee_bps:04x}{kind:02x}{address[2:]}"


@cache
def code() -> str:
    """Return the probe's runtime code as the node wants it."""
    return "0x" + Path(__file__).with_name("probe.hex").read_text().strip()


def encode_trials(trials: Sequence[tuple[Pair, Trial]]) -> bytes:
    """Encode one call that makes every trial and undoes each."""
    signature = f"trials({_TRIAL}[])"
    return selector(signature) + pack(array([_trial(pair, trial) for pair, trial in trials]))


def decode_trials(data: bytes, sizes: Sequence[int]) -> list[Tried]:
    """Return the results in the order tried."""
    return [
        Tried(size, as_int(data, 2 + 3 * i), as_int(data, 3 + 3 * i), _reason(data, 4 + 3 * i))
        for i, size in enumerate(sizes)
    ]


def encode_sales(sales: Iterable[Sale]) -> bytes:
    """Encode one call that makes every sale and undoes each."""
    listed = [word(sale.token) + word(sale.amount) + _hops(sale.hops) for sale in sales]
    head = selector("sales((address,uint256,uint256,uint256)[])")
    return head + word(WORD) + word(len(listed)) + b"".join(listed)


def decode_sales(data: bytes) -> list[int]:
    """Return base units received, 0 where a sale reverted."""
    return as_list(data)


def encode_conclude(loan: Loan, amount: int, trial: tuple[Pair, Trial], hops: Hops, home: Hops) -> bytes:
    """Encode the call that borrows, liquidates, sells and repays; home: the hops that the profit is sold through."""
    signature = f"conclude((uint256,address,uint256),{_TRIAL},(uint256,uint256,uint256,uint256))"
    exits = [*(*hops, NOBODY, NOBODY)[:2], *(*home, NOBODY, NOBODY)[:2]]
    return selector(signature) + pack(loan.kind, loan.lender, amount, _trial(*trial), *exits)


def encode_balance(account: str) -> bytes:
    """Encode a token's balanceOf."""
    return encode("balanceOf(address)", account)


_TRIAL = "(address,address,address,uint256,(address,uint256,bytes,(uint256,address,bytes)[])[])"


def _trial(pair: Pair, trial: Trial) -> bytes:
    steps = array([_step(step) for step in trial.steps])
    return pack(pair.debt, pair.collateral, trial.spender, trial.gas, steps)


def _step(step: Step) -> bytes:
    fills = array([pack(fill.offset, fill.source, blob(fill.ask)) for fill in step.fills])
    return pack(step.to, step.value, blob(step.data), fills)


def _hops(hops: Hops) -> bytes:
    first, second = (*hops, NOBODY, NOBODY)[:2]
    return word(first) + word(second)


def _reason(data: bytes, index: int) -> bytes:
    start = WORD * index
    found = data[start : start + WORD]
    return b"" if found == bytes(WORD) else found
