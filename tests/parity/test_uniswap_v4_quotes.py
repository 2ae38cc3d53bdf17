"""V4 pools made from logs alone quote what the real pool manager swaps, to the wei, with and without a protocol fee."""

import random

import pytest

from keeper.routing.uniswap_v4_sync import UniswapV4Sync
from keeper.sandbox.artifact import signature
from keeper.sandbox.node import to_hex
from keeper.sandbox.uniswap_v4 import change_liquidity, deploy_uniswap_v4, open_v4_pool, provide
from keeper.units import MAX_UINT128
from tests.fakes.heads import head
from tests.fakes.reads import drive_rounds
from tests.parity.node_answers import answers
from tests.parity.uniswap_v2_lab import as_log

pytestmark = pytest.mark.anvil

SWAP = "swap((address,address,uint24,int24,address),(bool,int256,uint160),(bool,bool),bytes)(int256)"
LOWEST, HIGHEST = 4_295_128_740, 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_341
POOLS = (("LINK", "DAI", 3_000, 60), ("DAI", "USDC", 100, 1), ("WBTC", "LINK", 12_345, 77), ("GUSD", "USDC", 500, 10))


class V4Lab:
    """Pools of many fees and spacings with ranges all about the price, one of them with a protocol fee."""

    def __init__(self, scene, seed):
        self.chain = scene.chain
        chance = random.Random(f"v4 {seed}")
        self.exchange = deploy_uniswap_v4(scene.chain, scene.packages)
        assets = {symbol: scene.asset(symbol) for symbols in POOLS for symbol in symbols[:2]}
        for asset in assets.values():
            provide(self.chain, self.exchange, asset, 10**12 * 10**asset.listing.decimals)

        self.sync = UniswapV4Sync(self.exchange.manager, [asset.token for asset in assets.values()])
        self.read_to = -1
        self.keys = [open_v4_pool(self.chain, self.exchange, (assets[a], assets[b]), *of) for a, b, *of in POOLS]
        for pool in self.pools():
            self._fill(pool, chance)

        self.chain.send(
            self.exchange.manager,
            "setProtocolFee((address,address,uint24,int24,address),uint24)",
            tuple(self.keys[2]),
            777 | 1_000 << 12,
        )

    def _fill(self, pool, chance):
        spacing = pool.key.tick_spacing
        for _ in range(8):
            middle = pool.tick + chance.randint(-40, 40) * spacing
            lower = middle // spacing * spacing - chance.randint(0, 300) * spacing
            ticks = (lower, lower + chance.randint(1, 400) * spacing)
            liquidity = int(10 ** chance.uniform(13, 16))
            change_liquidity(self.chain, self.exchange, pool.key, ticks, liquidity)
            if chance.random() < 0.3:
                change_liquidity(self.chain, self.exchange, pool.key, ticks, -liquidity // chance.choice((1, 3)))

    def pools(self):
        first, last = self.read_to + 1, int(self.chain.head()["number"], 16)
        queries = self.sync.sources() if first <= last else ()
        while queries:
            logs = [log for query in queries for log in self._logs(query, first, last)]
            queries = self.sync.apply(sorted(logs, key=lambda log: (log.block_number, log.index))).new_sources

        self.read_to = last
        return list(self.sync.pools())

    def swapped(self, asked):
        """What the manager's own swap moves, as (in, out), for each (pool, token0 in, exact input, amount)."""
        call = signature(SWAP)
        found = []
        for pool, zero_for_one, exact_in, amount in asked:
            limit = LOWEST if zero_for_one else HIGHEST
            params = (zero_for_one, -amount if exact_in else amount, limit)
            data = call.encode(tuple(pool.key), params, (False, False), b"")
            fields = {"from": to_hex(self.chain.account), "to": to_hex(self.exchange.swap_router), "data": to_hex(data)}
            found.append(("eth_call", (fields, "latest")))

        said = [call.decode(bytes.fromhex(answer[2:])) for answer in self.chain.node.rpc_many(found)]
        return [_moved(delta, zero_for_one) for delta, (_, zero_for_one, *_) in zip(said, asked, strict=True)]

    def _logs(self, query, first, last):
        topics = [[to_hex(topic) for topic in alternatives] or None for alternatives in query.topics]
        emitter = to_hex(query.addresses[0])
        asked = {"address": emitter, "topics": topics, "fromBlock": hex(first), "toBlock": hex(last)}
        return map(as_log, self.chain.node.rpc("eth_getLogs", asked))


def _moved(delta, zero_for_one):
    """(in, out) of a balance delta: amount0 in the upper half, negative for what is paid."""
    amount0 = delta >> 128
    amount1 = delta & MAX_UINT128
    amount1 -= 2**128 * (amount1 >> 127)
    return (-amount0, amount1) if zero_for_one else (-amount1, amount0)


@pytest.fixture(scope="module")
def lab(running_scene, random_seed):
    with running_scene.chain.undone():
        yield V4Lab(running_scene, random_seed)


def test_reread_finds_what_the_logs_said(lab):
    from_logs = lab.pools()

    drive_rounds(lab.sync.bootstrap(head(0)), lambda requests: answers(lab.chain, requests))
    drive_rounds(lab.sync.reread(head(0)), lambda requests: answers(lab.chain, requests))

    assert list(lab.sync.pools()) == from_logs
    assert len(from_logs) == len(POOLS)
    assert sum(len(pool.ticks.indexes) for pool in from_logs) > 30
    assert sorted(pool.protocol_fee for pool in from_logs) == [0, 0, 0, 777 | 1_000 << 12]


def test_quotes_equal_the_managers_swaps(lab, random_seed):
    _compare(lab, random_seed, 200)


@pytest.mark.full
def test_ten_thousand_quotes_equal_the_managers_swaps(lab, random_seed):
    _compare(lab, random_seed, 10_000)


def test_swaps_leave_the_pools_as_predicted(lab, random_seed):
    chance = random.Random(f"swaps {random_seed}")
    for _ in range(6):
        pool = chance.choice(lab.pools())
        zero_for_one = chance.random() < 0.5
        token = pool.tokens[0 if zero_for_one else 1]
        quote = pool.quote_in(token, max(_least_to_end(pool, token) // chance.choice((3, 50, 10_000)), 1_000))
        params = (zero_for_one, -quote.amount_in, LOWEST if zero_for_one else HIGHEST)

        lab.chain.send(lab.exchange.swap_router, SWAP, tuple(pool.key), params, (False, False), b"")

        assert next(p for p in lab.pools() if p.address == pool.address) == quote.after


def _least_to_end(pool, token):
    """All a pool takes of a token before its ranges end."""
    return pool.curve(token).input_to(1, 10**30)


def _compare(lab, seed, count):
    chance = random.Random(seed)
    pools = lab.pools()
    asked, ours = [], []
    while len(asked) < count:
        pool, zero_for_one, exact_in = chance.choice(pools), chance.random() < 0.5, chance.random() < 0.5
        token = pool.tokens[0 if zero_for_one else 1]
        most = _least_to_end(pool, token)
        amount = max(int(most * 10 ** (chance.uniform(-9, 0) if chance.random() < 0.3 else chance.uniform(-1.5, 0))), 1)
        if not exact_in:
            amount = pool.curve(token).amount_out(amount) or 1

        quote = pool.quote_in(token, amount) if exact_in else pool.quote_out(token, amount)
        if quote is not None:
            asked.append((pool, zero_for_one, exact_in, amount))
            ours.append(quote)

    crossed = 0
    for quote, theirs, (pool, *_) in zip(ours, lab.swapped(asked), asked, strict=True):
        assert (quote.amount_in, quote.amount_out) == theirs
        crossed += quote.after.liquidity != pool.liquidity

    assert crossed > count // 4
