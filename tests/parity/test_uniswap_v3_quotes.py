"""Pools made from logs alone quote what the real contracts quote, to the wei, in both directions and forms."""

import random
from dataclasses import dataclass

import pytest

from keeper.routing.tick_math import MAX_SQRT_RATIO, MIN_SQRT_RATIO
from keeper.routing.uniswap_v3 import UniswapV3Pool
from keeper.routing.uniswap_v3_sync import UniswapV3Sync
from keeper.sandbox.assets import approve, fund
from keeper.sandbox.node import NodeError, to_address, to_hex
from keeper.sandbox.uniswap_v3 import FOREVER, MAX_TICK, TICK_SPACING, mint_liquidity, open_pool
from keeper.types import Log, Returned
from tests.fakes.heads import head
from tests.fakes.reads import drive_rounds

pytestmark = pytest.mark.anvil

EXACT_IN = "quoteExactInputSingle((address,address,uint256,uint24,uint160))(uint256,uint160,uint32,uint256)"
EXACT_OUT = "quoteExactOutputSingle((address,address,uint256,uint24,uint160))(uint256,uint160,uint32,uint256)"
SWAP_IN = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))(uint256)"
BURN = "decreaseLiquidity((uint256,uint128,uint256,uint256,uint256))"
POSITIONS = (
    "positions(uint256)(uint96,address,address,address,uint24,int24,int24,uint128,uint256,uint256,uint128,uint128)"
)
LIMITS = {MIN_SQRT_RATIO + 1, MAX_SQRT_RATIO - 1}


@dataclass
class Exchange:
    """The scene's exchange, and a sync that hears of it through logs only."""

    scene: object
    sync: UniswapV3Sync
    read_to: int = -1

    def __init__(self, scene):
        self.scene = scene
        self.uniswap = scene.world.uniswap
        self.assets = {asset.token: asset for asset in scene.world.assets.values()}
        self.sync = UniswapV3Sync(self.uniswap.factory, tuple(self.assets))
        self.read_to = -1

    def catch_up(self):
        """Read what the sync asks for since the last time, its new sources over the same range."""
        first, last = self.read_to + 1, int(self.scene.chain.head()["number"], 16)
        queries = self.sync.sources() if first <= last else ()
        while queries:
            logs = sorted(
                (log for query in queries for log in self._logs(query, first, last)),
                key=lambda log: (log.block_number, log.index),
            )
            queries = self.sync.apply(logs).new_sources

        self.read_to = last

    def pools(self) -> list[UniswapV3Pool]:
        self.catch_up()
        return list(self.sync.pools())

    def _logs(self, query, first, last):
        topics = [[to_hex(topic) for topic in alternatives] or None for alternatives in query.topics]
        addresses = [to_hex(address) for address in query.addresses]
        asked = {"address": addresses, "topics": topics, "fromBlock": hex(first), "toBlock": hex(last)}
        return [_log(answer) for answer in self.scene.chain.node.rpc("eth_getLogs", asked)]

    # What moves pools ------------------------------------------------------------------------------------------------

    def add_range(self, pool, lower, upper, dollars):
        pair = (self.assets[pool.tokens[0]], self.assets[pool.tokens[1]])
        amounts = (pair[0].worth(dollars), pair[1].worth(dollars))
        spacing = pool.tick_spacing
        ticks = (lower // spacing * spacing, (upper // spacing + 1) * spacing)
        mint_liquidity(self.scene.chain, self.uniswap.position_manager, pair, pool.fee, ticks, amounts)

    def remove_part(self, position, share_percent):
        chain, manager = self.scene.chain, self.uniswap.position_manager
        liquidity = chain.call(manager, POSITIONS, position)[7] * share_percent // 100
        if liquidity:
            chain.send(manager, BURN, (position, liquidity, 0, 0, FOREVER))

    def swap(self, pool, token, amount):
        """Sell through the router; the amount is funded first."""
        chain, asset = self.scene.chain, self.assets[token]
        fund(chain, asset, chain.account, amount)
        approve(chain, asset, chain.account, self.uniswap.router)
        other = _other(pool, token)
        chain.send(self.uniswap.router, SWAP_IN, (token, other, pool.fee, chain.account, FOREVER, amount, 0, 0))

    def reserve(self, pool, token):
        return self.scene.chain.call(token, "balanceOf(address)(uint256)", pool.address)

    # What the contracts say ------------------------------------------------------------------------------------------

    def quotes(self, asked):
        """QuoterV2's (amount, price after) per (function, pool, token_in, amount); None for a revert."""
        calls = []
        for function, pool, token_in, amount in asked:
            calls.append((self.uniswap.quoter, function, (token_in, _other(pool, token_in), amount, pool.fee, 0)))

        try:
            return [tuple(answer[:2]) for answer in self.scene.chain.call_many(calls)]
        except NodeError:
            if len(calls) == 1:
                return [None]

        half = len(asked) // 2
        return self.quotes(asked[:half]) + self.quotes(asked[half:])

    def answers(self, requests):
        """Answer reads as the shell would."""
        calls = [({"to": to_hex(call.to), "data": to_hex(call.data)}, "latest") for call in requests]
        answers = self.scene.chain.node.rpc_many([("eth_call", call) for call in calls])
        return tuple(Returned(ok=True, data=bytes.fromhex(answer[2:])) for answer in answers)


def _log(answer) -> Log:
    return Log(
        to_address(answer["address"]),
        tuple(bytes.fromhex(topic[2:]) for topic in answer["topics"]),
        bytes.fromhex(answer["data"][2:]),
        int(answer["blockNumber"], 16),
        bytes.fromhex(answer["blockHash"][2:]),
        bytes.fromhex(answer["transactionHash"][2:]),
        int(answer["logIndex"], 16),
    )


def _other(pool, token):
    return pool.tokens[1] if token == pool.tokens[0] else pool.tokens[0]


@pytest.fixture(scope="module")
def exchange(running_scene, random_seed):
    """Every fee tier, with ranges on all sides of the price, some taken out again, and prices moved by swaps."""
    with running_scene.chain.undone():
        yield _busy(running_scene, random_seed)


def _busy(scene, random_seed):
    chance = random.Random(random_seed)
    exchange = Exchange(scene)
    pair = (scene.asset("WETH"), scene.asset("DAI"))
    open_pool(scene.chain, exchange.uniswap.position_manager, pair, 10_000, 500_000)
    pools = exchange.pools()
    assert {pool.fee for pool in pools} == set(TICK_SPACING)

    for pool in pools:
        for _ in range(6):
            width = chance.choice((1, 40, 2_000, 60_000))
            middle = pool.tick + chance.randint(-3 * width, 3 * width)
            lower = max(middle - chance.randint(0, width), -MAX_TICK + 2 * pool.tick_spacing)
            upper = min(middle + chance.randint(0, width), MAX_TICK - 2 * pool.tick_spacing)
            exchange.add_range(pool, lower, upper, chance.randint(1_000, 2_000_000))

    positions = scene.chain.call(exchange.uniswap.position_manager, "totalSupply()(uint256)")
    for position in range(1, positions + 1):
        exchange.remove_part(position, chance.choice((0, 0, 1, 50, 100) if position > len(pools) + 1 else (0, 30)))

    for pool in exchange.pools():
        token = chance.choice(pool.tokens)
        exchange.swap(pool, token, exchange.reserve(pool, token) // chance.choice((3, 10, 1_000)) + 1)

    return exchange


def test_pool_state_from_logs_is_the_chains(exchange):
    for pool in exchange.pools():
        price, tick, *_ = exchange.scene.chain.call(
            pool.address, "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)"
        )
        liquidity = exchange.scene.chain.call(pool.address, "liquidity()(uint128)")
        assert (pool.sqrt_price_x96, pool.tick, pool.liquidity) == (price, tick, liquidity)


def test_reread_finds_what_the_logs_said(exchange):
    from_logs = exchange.pools()

    drive_rounds(exchange.sync.reread(head(0)), exchange.answers)

    assert list(exchange.sync.pools()) == from_logs
    assert sum(len(pool.ticks.indexes) for pool in from_logs) > 50


def test_quotes_equal_the_quoters(exchange, random_seed):
    _compare_quotes(exchange, random_seed, 300)


@pytest.mark.full
def test_ten_thousand_quotes_equal_the_quoters(exchange, random_seed):
    _compare_quotes(exchange, random_seed, 10_000)


def test_swaps_leave_the_pools_as_predicted(exchange, random_seed):
    """The pool after a quote is the pool after the real swap, as its log tells it."""
    chance = random.Random(f"swaps {random_seed}")
    for _ in range(12):
        pool = chance.choice(exchange.pools())
        token = chance.choice(pool.tokens)
        amount = max(int(exchange.reserve(pool, token) * 10 ** chance.uniform(-6, -0.5)), 1_000)
        quote = pool.quote_in(token, amount)

        exchange.swap(pool, token, amount)

        after = next(p for p in exchange.pools() if p.address == pool.address)
        assert quote is None or after == quote.after


def _compare_quotes(exchange, seed, count):
    chance = random.Random(seed)
    pools = exchange.pools()
    held = {(pool.address, token): exchange.reserve(pool, token) for pool in pools for token in pool.tokens}
    asked = []
    for _ in range(count):
        pool = chance.choice(pools)
        token_in = chance.choice(pool.tokens)
        function = chance.choice((EXACT_IN, EXACT_OUT))
        base = held[pool.address, token_in if function == EXACT_IN else _other(pool, token_in)]
        size = chance.uniform(-9, 0.3) if chance.random() < 0.2 else chance.uniform(-2, 0)
        asked.append((function, pool, token_in, max(1, int(base * 10**size))))

    crossed = refused = 0
    for (function, pool, token_in, amount), theirs in zip(asked, exchange.quotes(asked), strict=True):
        ours = pool.quote_in(token_in, amount) if function == EXACT_IN else pool.quote_out(token_in, amount)
        if ours is None:
            # They revert, give nothing, or took only part of it and stand at the end of all prices.
            assert theirs is None or theirs[0] == 0 or theirs[1] in LIMITS
            refused += 1
            continue

        answer = ours.amount_out if function == EXACT_IN else ours.amount_in
        assert (answer, ours.after.sqrt_price_x96) == theirs
        crossed += ours.after.liquidity != pool.liquidity

    # Not a walk in the park: many cross ticks, and most are answered.
    assert crossed > count // 5
    assert refused < count // 2
