"""How collateral is sold or turned into what it stands for, other than on a V3 pool, as operations for the executor.

Pure, and no judgement. Each sells an amount the executor finds out on chain, and pays out to `executor` itself.
"""

from dataclasses import dataclass, replace
from typing import Final

from eth_utils.crypto import keccak

from keeper.execution.calldata import encode_program
from keeper.execution.operations import CALL_VALUE, Allow, Amount, Answer, Call, Expect, Patch, Pay, Source, Unwrap
from keeper.execution.recipes import NO_LIMIT_DOWN, NO_LIMIT_UP, bytes_offset
from keeper.protocols.words import WORD, encode, selector
from keeper.types import Address

V2_SWAP: Final = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"
REDEEM: Final = "redeem(uint256,address,address)"
UNWRAP_WSTETH: Final = "unwrap(uint256)"
DEPOSIT: Final = "deposit()"
V4_UNLOCK: Final = "unlock(bytes)"
V4_SWAP: Final = "swap((address,address,uint24,int24,address),(bool,int256,uint160),bytes)"
V4_SYNC: Final = "sync(address)"
V4_SETTLE: Final = "settle()"
V4_TAKE: Final = "take(address,address,uint256)"
V4_DELTA: Final = "exttload(bytes32)"
V4_CALLS: Final = (V4_UNLOCK, V4_SWAP, V4_SYNC, V4_SETTLE, V4_TAKE, V4_DELTA)
"""What a swap calls on the pool manager."""
_V4_CALLBACK: Final = selector("unlockCallback(bytes)")
_FIRST: Final = 4
"""Where the first argument of a call stands in its data."""
_ANY_TIME: Final = 1 << 40
"""A deadline in unix s that never comes, in one byte that is not zero; the frame has its own."""


def v2_router_swap(executor: Address, router: Address, pair: tuple[Address, Address], amount: Amount) -> Call:
    """Sell an amount of the first token for the second through a V2-style router, which pulls it.

    The least output is left to the frame's floor.
    """
    path = 5 * 32
    data = encode(V2_SWAP, 0, 0, path, executor, _ANY_TIME, 2, *pair)
    return Call(router, data, (Patch(_FIRST, amount),), (Allow(pair[0], amount),))


def redeem_shares(executor: Address, vault: Address, amount: Amount) -> Call:
    """Redeem so many of the executor's own shares of an ERC-4626 vault, which needs no allowance for that."""
    return Call(vault, encode(REDEEM, 0, executor, executor), (Patch(_FIRST, amount),))


def unwrap_wsteth(wsteth: Address, amount: Amount) -> Call:
    """Turn so much wstETH into stETH; the wrapper burns what the executor holds."""
    return Call(wsteth, encode(UNWRAP_WSTETH, 0), (Patch(_FIRST, amount),))


def unwrap_native(amount: Amount) -> Unwrap:
    """Turn so much of the wrapped native token into the native one."""
    return Unwrap(amount)


def wrap_native(wrapped: Address, amount: Amount) -> Call:
    """Turn so much of the native token into the wrapped one."""
    return Call(wrapped, selector(DEPOSIT), (Patch(CALL_VALUE, amount),))


@dataclass(frozen=True, slots=True)
class V4Pool:
    """A V4 pool as its manager wants it named: currencies in address order, fee and tick spacing; no hooks."""

    manager: Address
    currencies: tuple[Address, Address]
    fee: int
    tick_spacing: int


def v4_swap(executor: Address, pool: V4Pool, token_in: Address, amount: Amount, may_pay: int) -> Call:
    """Sell an amount on a V4 pool: swap while the manager is unlocked, pay it, and take what it then owes us.

    What it owes is read from the manager's own accounts (`exttload`), where no call returns it as a word.
    """
    down = token_in == pool.currencies[0]
    token_out = pool.currencies[1 if down else 0]
    key = (*pool.currencies, pool.fee, pool.tick_spacing, 0)
    hook_data = 9 * WORD
    limit = NO_LIMIT_DOWN if down else NO_LIMIT_UP
    swap = encode(V4_SWAP, *key, int(down), 0, limit, hook_data, 0)
    owed = keccak(executor.rjust(WORD, b"\0") + token_out.rjust(WORD, b"\0"))
    returned = Amount(Source.RETURNED, 0)
    program = encode_program(
        (
            # An exact input is negative there.
            Call(pool.manager, swap, (Patch(_FIRST + 6 * WORD, replace(amount, negate=True)),)),
            Call(pool.manager, encode(V4_SYNC, token_in)),
            Pay(token_in, amount),
            Call(pool.manager, encode(V4_SETTLE)),
            Call(pool.manager, encode(V4_DELTA, owed), keep=True),
            Call(pool.manager, encode(V4_TAKE, token_out, executor, 0), (Patch(_FIRST + 2 * WORD, returned),)),
        )
    )
    padded = program + bytes(-len(program) % WORD)
    data = encode(V4_UNLOCK, WORD, len(program)) + padded
    return Call(
        pool.manager, data, expects=(Expect(_V4_CALLBACK, 0, bytes_offset(data, 0), may_pay, Answer.EMPTY_BYTES),)
    )
