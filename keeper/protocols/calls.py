"""The calls an adapter makes of an offer: what the executor fills in, expects and checks, and what it must be allowed.

Values only; `CallEncoder` in `base` gives them.
"""

from dataclasses import dataclass
from typing import Final

from eth_utils.crypto import keccak

from keeper.types import Address, Call

EXECUTOR: Final = Address(bytes(keccak(text="stands for the executor")[:20]))
"""Stands for the executor's own address in calls an adapter builds, which does not know it: planning puts it there."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A call back into the executor that the contract we call makes meanwhile.

    `selector` of the callback; `data_argument` the index of its `bytes` argument; `data` what it must carry.
    """

    selector: bytes
    data_argument: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Gain:
    """An amount only the landing block knows: all the executor has gained of a token when the call's turn comes.

    It overwrites the 32 bytes at `offset` of the call's data, selector included; None makes it the value sent with
    the call. The zero address is the native asset.
    """

    token: Address
    offset: int | None


@dataclass(frozen=True, slots=True)
class Ensure:
    """A word that a read must answer below a bound, or at least so much, or everything is undone.

    `data` is the read's, `EXECUTOR` in it where it is about the executor; `index` is the place of the word in what it
    returns.
    """

    target: Address
    data: bytes
    bound: int
    index: int = 0
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Right:
    """A right to move what the executor has in a protocol's own ledger: `on.selector(spender)`.

    The spender is the one the allow-list names for the call it comes with. It ends with the transaction.
    """

    on: Address
    selector: bytes


@dataclass(frozen=True, slots=True)
class GuardedCall:
    """One call of a plan, what the executor fills in and, where the protocol calls back, what it must expect.

    `ensures` must hold right after the call: that nothing was left behind in the protocol, say. `right` is given
    before it.
    """

    call: Call
    callback: Callback | None = None
    gains: tuple[Gain, ...] = ()
    ensures: Ensure | None = None
    right: Right | None = None


@dataclass(frozen=True, slots=True)
class Permission:
    """One (target, selector) the executor's allow-list needs.

    `spender` is who may pull: that of an approval, or the target itself of a call that pulls what it is paid in
    tokens the adapter does not name. None where nobody pulls. A payable call is sent native assets along. A call that
    gives a right names the one that takes it back.
    """

    target: Address
    selector: bytes
    spender: Address | None = None
    payable: bool = False
    revoke: bytes | None = None
