"""Quotes of a real Uniswap V3 pool: against its QuoterV2 by `eth_call` on loopback, and against degenbot.

The pool is the published bytecode on a local chain, with some seventy initialised ticks; all sides see the same state.
"""

import json
import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figure import Figure, same
from benchmarks.peers import python_peer
from benchmarks.timing import best_of, shown
from keeper.routing.uniswap_v3 import UniswapV3Pool
from keeper.routing.uniswap_v3_sync import UniswapV3Sync
from keeper.sandbox.artifact import signature
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.node import to_address, to_hex
from keeper.sandbox.packages import find_packages
from keeper.sandbox.saved import SavedWorld, saved_world
from keeper.sandbox.uniswap_v3 import mint_liquidity
from keeper.types import Address, Log, LogQuery

SEED = 7
RANGES = 38
POOL = "WETH/USDC/500"
STEPS = (1, 4, 14)
CALLS, REPEATS = 500, 60
"""Short runs and many of them: on a machine that does other work the least of them is the time it takes."""
PEER = Path(__file__).with_name("degenbot_swap.py")
QUOTE = "quoteExactInputSingle((address,address,uint256,uint24,uint160))(uint256,uint160,uint32,uint256)"


def measure() -> Iterator[Figure]:
    """Time each size on all three sides; every answer must be the same."""
    packages = find_packages()
    saved = saved_world(packages)
    with saved.start(packages) as anvil:
        chain = LocalChain(anvil.url)
        pool = _busy_pool(chain, saved)
        token_in = pool.tokens[0]
        sizes = _sizes(pool, token_in)
        quoter = [_time_quoter(chain, saved.world.uniswap.quoter, pool, size) for size in sizes]
        chain.close()

    theirs = _time_degenbot(pool, sizes)
    for steps, size, (quoted, quoter_s), (answer, degenbot_s) in zip(STEPS, sizes, quoter, theirs, strict=True):
        ours = pool.quote_in(token_in, size)
        same(None if ours is None else (ours.amount_out, ours.after.sqrt_price_x96), quoted)
        same(quoted, answer)
        ours_s = best_of(lambda size=size: pool.quote_in(token_in, size), REPEATS, CALLS)  # type: ignore[misc]  # bound now
        after_s = best_of(lambda size=size: pool.quote_in(token_in, size).after, REPEATS, CALLS // 10)  # type: ignore[misc]  # likewise
        absolute = f"{shown(ours_s)} ({shown(after_s)} with the pool afterwards)"
        ticks = len(pool.ticks.indexes)
        yield Figure(
            f"V3 quote over {steps} steps against QuoterV2 by eth_call on loopback",
            quoter_s / ours_s,
            "x",
            250,
            f"{ticks} ticks; {absolute} against {shown(quoter_s)}",
        )
        yield Figure(
            f"V3 quote over {steps} steps against degenbot 0.3.0",
            degenbot_s / ours_s,
            "x",
            {1: 2.5, 14: 6}.get(steps),
            f"its whole tick map known, its inner function; {absolute} against {shown(degenbot_s)}",
        )


def _sizes(pool: UniswapV3Pool, token_in: Address) -> list[int]:
    """Inputs that end in the middle of the first, fourth, fourteenth step."""
    curve = pool.curve(token_in)
    ends, at = list[int](), 0
    while len(ends) < max(STEPS):
        segment = curve.segment_at(at)
        if segment is None or segment.end_in is None:
            raise ValueError("the pool has too few steps")

        at = segment.end_in
        ends.append(at)

    return [((ends[steps - 2] if steps > 1 else 0) + ends[steps - 1]) // 2 for steps in STEPS]


def _busy_pool(chain: LocalChain, saved: SavedWorld) -> UniswapV3Pool:
    world, rng = saved.world, random.Random(SEED)  # noqa: S311  # a repeatable pool, no secret
    known = world.uniswap.pools[POOL]
    pair = [asset for token in (known.token0, known.token1) for asset in world.assets.values() if asset.token == token]
    tick = int(chain.call(known.address, "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)")[1])
    for _ in range(RANGES):
        lower = (tick + rng.randint(-1_500, 1_400)) // 10 * 10
        ticks = (lower, lower + rng.randint(1, 100) * 10)
        amounts = (pair[0].worth(rng.randint(10_000, 500_000)), pair[1].worth(rng.randint(10_000, 500_000)))
        mint_liquidity(chain, world.uniswap.position_manager, (pair[0], pair[1]), known.fee, ticks, amounts)

    sync = UniswapV3Sync(world.uniswap.factory, (known.token0, known.token1))
    queries: tuple[LogQuery, ...] = sync.sources()
    while queries:
        queries = sync.apply(_logs(chain, queries)).new_sources

    (found,) = (pool for pool in sync.pools() if pool.address == known.address)
    if not isinstance(found, UniswapV3Pool):
        raise TypeError("a V3 factory made another pool")

    return found


def _logs(chain: LocalChain, queries: Sequence[LogQuery]) -> list[Log]:
    found: list[Log] = []
    for query in queries:
        topics = [[to_hex(topic) for topic in alternatives] or None for alternatives in query.topics]
        addresses = [to_hex(address) for address in query.addresses]
        asked = {"address": addresses, "topics": topics, "fromBlock": "0x0", "toBlock": "latest"}
        for answer in chain.node.rpc("eth_getLogs", asked):
            place = (int(answer["blockNumber"], 16), int(answer["logIndex"], 16))
            words = tuple(bytes.fromhex(topic[2:]) for topic in answer["topics"])
            data = bytes.fromhex(answer["data"][2:])
            found.append(Log(to_address(answer["address"]), words, data, place[0], b"", b"", place[1]))

    return sorted(found, key=lambda log: (log.block_number, log.index))


def _time_quoter(chain: LocalChain, quoter: Address, pool: UniswapV3Pool, size: int) -> tuple[tuple[int, int], float]:
    """The quoter's (amount, price after), and seconds per call over one kept-alive connection."""
    call = signature(QUOTE)
    data = call.encode((*pool.tokens, size, pool.fee, 0))
    asked = {"to": to_hex(quoter), "data": to_hex(data)}
    answer = call.decode(bytes.fromhex(chain.node.rpc("eth_call", asked, "latest")[2:]))
    seconds = best_of(lambda: chain.node.rpc("eth_call", asked, "latest"), 300)
    return (answer[0], answer[1]), seconds


def _time_degenbot(pool: UniswapV3Pool, sizes: Sequence[int]) -> list[tuple[tuple[int, int], float]]:
    """Its (amount, price after) and seconds per call, for each size, in its own environment."""
    table = pool.ticks
    state = {
        "fee": pool.fee,
        "tick_spacing": pool.tick_spacing,
        "sqrt_price_x96": pool.sqrt_price_x96,
        "tick": pool.tick,
        "liquidity": pool.liquidity,
        "ticks": list(zip(table.indexes, table.gross, table.net, strict=True)),
        "sizes": list(sizes),
        "calls": CALLS,
        "repeats": REPEATS,
    }
    command = [python_peer("degenbot"), PEER]
    finished = subprocess.run(command, input=json.dumps(state), capture_output=True, text=True, check=True)
    return [((answer[0], answer[1]), answer[2]) for answer in json.loads(finished.stdout.splitlines()[-1])]
