"""The operations a program for the executor contract is made of: values only.

`calldata.py` packs them, `explain.py` reads them back, `recipes.py` puts them together for protocols and venues.
"""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Final, TypeAlias

from keeper.types import ZERO_ADDRESS, Address

# What an operation needs --------------------------------------------------------------------------------------------


class Source(IntEnum):
    """Where an amount comes from."""

    EXACT = 0
    GAIN = 1
    """what the frame has gained of the operation's own token"""
    GAIN_OF = 2
    """what it has gained of a named token, the zero address for the native one"""
    WORD = 3
    """an argument of the callback that is running"""
    RETURNED = 4
    """a word the last call marked `keep` returned"""


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of base units, given or found out on chain; then divided by `10**divide_pow10`, then negated.

    `value` is the number for EXACT and the index for WORD and RETURNED.
    """

    source: Source
    value: int = 0
    token: Address = ZERO_ADDRESS
    divide_pow10: int | None = None
    round_up: bool = False
    negate: bool = False


def exact(value: int) -> Amount:
    """Give an amount as a number."""
    return Amount(Source.EXACT, value)


def gain_of(token: Address) -> Amount:
    """Take all the frame has gained of a token."""
    return Amount(Source.GAIN_OF, token=token)


def argument(index: int) -> Amount:
    """Take an argument of the callback that is running."""
    return Amount(Source.WORD, index)


GAIN: Final = Amount(Source.GAIN)
CALL_VALUE: Final = 0xFFFF
"""The patch offset that names the value sent with a call."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Overwrite the 32 bytes at `offset` of a call's data, selector included, by an amount."""

    offset: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class Allow:
    """Let the spender listed with a call pull so much more of a token; what is left is taken back at the end."""

    token: Address
    amount: Amount


class Answer(IntEnum):
    """What a callback returns."""

    NOTHING = 0
    TRUE = 1
    ERC3156 = 2
    """the hash an ERC-3156 lender wants"""
    EMPTY_BYTES = 3
    WORD = 4


@dataclass(frozen=True, slots=True)
class Expect:
    """Announce one callback of a call.

    It must come from the call's target (or `caller`, which the owner must have listed), with `selector`, and its
    `bytes` argument at head index `data_argument` must be the `bytes` whose length word stands at `data_offset` of
    the call's own data: that is the program it runs. `may_pay` bounds what that program pays the caller. None as
    `data_argument` is a callback that brings no data and runs nothing. `initiator_argument` is the head index of the
    argument that must name the executor.
    """

    selector: bytes
    data_argument: int | None
    data_offset: int = 0
    may_pay: int = 0
    answer: Answer = Answer.NOTHING
    initiator_argument: int | None = None
    caller: Address | None = None
    word: bytes = b""


@dataclass(frozen=True, slots=True)
class PoolId:
    """A V3-style pool by what its address is made of; tokens in the pool's own order."""

    factory: Address
    token0: Address
    token1: Address
    fee: int


# Operations ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """Call a listed (target, selector), or a V3-style pool of listed tokens.

    `allows` lets the spender listed with the call pull. `expects` are in the order the callbacks come. `keep` makes
    the first four words it returns available to amounts.
    """

    target: Address | PoolId
    data: bytes
    patches: tuple[Patch, ...] = ()
    allows: tuple[Allow, ...] = ()
    expects: tuple[Expect, ...] = ()
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Transfer:
    """Send a token to a recipient the owner listed."""

    token: Address
    to: Address
    amount: Amount


@dataclass(frozen=True, slots=True)
class Pay:
    """Send a token to whoever made the callback that is running, within what was announced."""

    token: Address
    amount: Amount


@dataclass(frozen=True, slots=True)
class Require:
    """Go on only if a word that `target` returns is below `bound`, or at least it: the health check.

    At the start of a program with `Flag.QUIET_MISS` an unmet condition ends the call without an error.
    """

    target: Address
    data: bytes
    index: int
    bound: int
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Try:
    """Isolate operations in a sub-frame of at most this much gas, skipped if they fail under `Flag.SKIP_FAILED`."""

    gas: int
    ops: tuple["Op", ...]


@dataclass(frozen=True, slots=True)
class Unwrap:
    """Turn the wrapped native token into the native one."""

    amount: Amount


@dataclass(frozen=True, slots=True)
class Tip:
    """Raise the least tip of the frame, in wei; inside a `Try`, only if the item succeeds."""

    wei: int


@dataclass(frozen=True, slots=True)
class Grant:
    """Give the spender listed with the call `(target, called)` a right by `on.selector(spender)`.

    It is revoked when the frame ends.
    """

    on: Address
    selector: bytes
    target: Address
    called: bytes


@dataclass(frozen=True, slots=True)
class Watch:
    """Remember a token's balance at the start; only watched tokens can be spent. The profit token always is."""

    token: Address


Op: TypeAlias = Call | Transfer | Pay | Require | Try | Unwrap | Tip | Grant | Watch


class Flag(IntFlag):
    """What a frame does when something fails."""

    NONE = 0
    SKIP_FAILED = 1
    """a failing `Try` is skipped"""
    TIP_REQUIRED = 2
    """a tip that cannot be paid reverts"""
    QUIET_MISS = 4
    """a leading `Require` that is not met ends the call without an error"""


@dataclass(frozen=True, slots=True)
class Header:
    """What a frame must be worth, and until when. Amounts in base units of the profit token, tips in wei.

    `max_block` 0 is any block. The tip is `tip_bps` of what exceeds `min_profit` (wrapped native only), at least
    `min_tip` and every `Tip`, at most `max_tip`.
    """

    deadline: int
    profit_token: Address
    min_profit: int
    max_block: int = 0
    tip_bps: int = 0
    min_tip: int = 0
    max_tip: int = 0
    flags: Flag = field(default=Flag.NONE)
