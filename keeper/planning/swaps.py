"""One swap of a priced route as an operation for the executor: one line per kind of venue.

A kind without a line is never planned with.
"""

from collections.abc import Sequence
from typing import Final

from keeper.errors import ExecutorError
from keeper.execution.exits import V4Pool, redeem_shares, unwrap_native, unwrap_wsteth, v2_router_swap, v4_swap
from keeper.execution.operations import Amount, Op, PoolId
from keeper.execution.recipes import V3Swap, v3_swap
from keeper.routing.base import Swap
from keeper.routing.conversion import Conversion
from keeper.routing.uniswap_v2 import UniswapV2Pool
from keeper.routing.uniswap_v3 import UniswapV3Pool
from keeper.routing.uniswap_v4 import UniswapV4Pool
from keeper.types import Address
from keeper.units import bps_up

VENUE_KINDS: Final = frozenset({"uniswap_v3", "uniswap_v2", "uniswap_v4", "erc4626", "wsteth", "wrapped_native"})
LENDING_VENUES: Final = frozenset({"uniswap_v3"})
"""Kinds whose pools hand over what they give first and ask for their pay afterwards."""
MAY_PAY_BPS: Final = 20_000
"""What a pool may ask of us over what was planned, where it is paid what was seized.

A price that falls until we land makes the protocol seize more, and all of it is to be sold: a bound close to the plan
would refuse the very liquidations a crash is made of. A genuine pool never asks for more than it is offered; a price
that halves within a block is not one to trade at.
"""


def spell_swap(swap: Swap, amount: Amount, executor: Address, before_paying: Sequence[Op] = ()) -> Op:
    """Sell `amount` of the swap's token; its planned input bounds what a pool that asks may be paid.

    `before_paying` runs between receiving and paying, for a kind of `LENDING_VENUES`: an amount given as a number is
    then all that may be asked for.
    """
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
                    may_pay=swap.amount_in if before_paying else bps_up(swap.amount_in, MAY_PAY_BPS),
                ),
                before_paying,
            )
        case UniswapV2Pool():
            return v2_router_swap(executor, pool.fork.router, (hop.token_in, hop.token_out), amount)
        case UniswapV4Pool():
            named = V4Pool(pool.manager, pool.tokens, pool.key.fee, pool.key.tick_spacing)
            return v4_swap(executor, named, hop.token_in, amount, bps_up(swap.amount_in, MAY_PAY_BPS))
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
