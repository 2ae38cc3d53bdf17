"""Runs in degenbot's own environment: a pool's state comes in as JSON, its answers and times go out.

The pool object is filled in by hand, since making one asks a node. Its whole tick map is known, which is its fast way.
"""

import gc
import json
import sys
import time
from typing import Any

from degenbot.uniswap.types import UniswapV3BitmapAtWord, UniswapV3LiquidityAtTick, UniswapV3PoolState
from degenbot.uniswap.v3_liquidity_pool import UniswapV3Pool

LOWEST = 4_295_128_740
"""The price limit of a swap of token0."""


def main() -> None:
    """Answer what stands on the standard input."""
    asked = json.load(sys.stdin)
    pool = _pool(asked)
    answers = []
    for size in asked["sizes"]:
        amount0, amount1, price, _, _ = pool._calculate_swap(  # noqa: SLF001  # its fastest way in
            zero_for_one=True, amount_specified=size, sqrt_price_limit_x96=LOWEST
        )

        if amount0 != size:
            raise ValueError(f"degenbot took {amount0} of {size}")

        answers.append((-amount1, price, _seconds(pool, size, asked["calls"], asked["repeats"])))

    print(json.dumps(answers))


def _pool(asked: dict[str, Any]) -> Any:  # noqa: ANN401  # its own class, without types here
    ticks = {tick: UniswapV3LiquidityAtTick(net, gross) for tick, gross, net in asked["ticks"]}
    words: dict[int, int] = {}
    for tick in ticks:
        compressed = tick // asked["tick_spacing"]
        words[compressed >> 8] = words.get(compressed >> 8, 0) | 1 << (compressed & 255)

    pool: Any = UniswapV3Pool.__new__(UniswapV3Pool)
    pool.fee = asked["fee"]
    pool.tick_spacing = asked["tick_spacing"]
    pool.sparse_liquidity_map = False
    pool._state = UniswapV3PoolState(  # noqa: SLF001  # what its constructor would do, without a node
        pool="0x" + "00" * 20,
        liquidity=asked["liquidity"],
        sqrt_price_x96=asked["sqrt_price_x96"],
        tick=asked["tick"],
        tick_bitmap={word: UniswapV3BitmapAtWord(bits) for word, bits in words.items()},
        tick_data=ticks,
    )
    return pool


def _seconds(pool: Any, size: int, calls: int, repeats: int) -> float:  # noqa: ANN401  # its own class
    """Seconds of one call, the least of several runs, with collection off."""
    swap = pool._calculate_swap  # noqa: SLF001  # its fastest way in
    gc.disable()
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(calls):
            swap(zero_for_one=True, amount_specified=size, sqrt_price_limit_x96=LOWEST)

        best = min(best, (time.perf_counter() - start) / calls)

    gc.enable()
    return best


if __name__ == "__main__":
    main()
