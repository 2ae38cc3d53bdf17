"""One swap of a priced route as an operation for the executor: one line per kind of venue.

A kind without a line is never planned with.
"""

from typing import Final

from keeper.errors import ExecutorError
from keeper.execution.exits import redeem_shares, unwrap_native, unwrap_wsteth, v2_router_swap
from keeper.execution.operations import Amount, Op, PoolId
from keeper.execution.recipes import V3Swap, v3_swap
from keeper.routing.base import Swap
from keeper.routing.conversion import Conversion
from keeper.routing.uniswap_v2 import UniswapV2Pool
from keeper.routing.uniswap_v3 import UniswapV3Pool
from keeper.types import Address
from keeper.units import bps_up

VENUE_KINDS: Final = frozenset({"uniswap_v3", "uniswap_v2", "erc4626", "wsteth", "wrapped_native"})
MAY_PAY_BPS: Final = 11_000
"""What a pool may ask of us over what was planned: prices move what is seized until we land, a tenth is plenty."""


def spell_swap(swap: Swap, amount: Amount, executor: Address) -> Op:
    """Sell `amount` of the swap's token; its planned input bounds what a pool that asks may be paid."""
    hop, pool = swap.hop, swap.hop.pool
    match pool:
        case UniswapV3Pool():
            return v3_swap(
                executor,
                V3Swap(
                    pool=PoolId(pool.factory, *pool.tokens, pool.fee),
                    token_in=hop.token_in,
                    zero_for_one=hop.token_in == pool.tokens[0],
                    amount=amount,
                    may_pay=bps_up(swap.amount_in, MAY_PAY_BPS),
                ),
            )
        case UniswapV2Pool():
            return v2_router_swap(executor, pool.fork.router, (hop.token_in, hop.token_out), amount)
        case Conversion():
            return _converted(pool, amount, executor)
        case _:
            raise ExecutorError(f"no way to swap on a pool of kind {pool.kind!r}", pool=pool.address)


def _converted(pool: Conversion, amount: Amount, executor: Address) -> Op:
    match pool.kind:
        case "erc4626":
            return redeem_shares(executor, pool.address, amount)
        case "wsteth":
            return unwrap_wsteth(pool.address, amount)
        case "wrapped_native":
            return unwrap_native(amount)
