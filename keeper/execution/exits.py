"""How collateral is sold or turned into what it stands for, other than on a V3 pool, as operations for the executor.

Pure, and no judgement. Each sells an amount the executor finds out on chain, and pays out to `executor` itself.
"""

from typing import Final

from keeper.execution.operations import CALL_VALUE, Allow, Amount, Call, Patch, Unwrap
from keeper.protocols.words import encode, selector
from keeper.types import Address

V2_SWAP: Final = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"
REDEEM: Final = "redeem(uint256,address,address)"
UNWRAP_WSTETH: Final = "unwrap(uint256)"
DEPOSIT: Final = "deposit()"
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
