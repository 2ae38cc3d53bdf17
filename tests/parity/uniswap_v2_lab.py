"""An exchange of the V2 kind in the sandbox, heard of through logs only; the first fork is Uniswap itself."""

import random

from keeper.routing.uniswap_v2 import Fork
from keeper.routing.uniswap_v2_sync import UniswapV2Sync
from keeper.sandbox.assets import approve, fund
from keeper.sandbox.node import to_address, to_hex
from keeper.sandbox.uniswap_v2 import deploy_uniswap_v2, open_pair
from keeper.sandbox.uniswap_v3 import FOREVER
from keeper.types import Log

SWAP = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)(uint256[])"
PAIRS = (("WETH", "USDC"), ("WBTC", "WETH"), ("GUSD", "USDC"), ("LINK", "DAI"), ("DAI", "GUSD"))


def as_log(answer) -> Log:
    return Log(
        to_address(answer["address"]),
        tuple(bytes.fromhex(topic[2:]) for topic in answer["topics"]),
        bytes.fromhex(answer["data"][2:]),
        int(answer["blockNumber"], 16),
        bytes.fromhex(answer["blockHash"][2:]),
        bytes.fromhex(answer["transactionHash"][2:]),
        int(answer["logIndex"], 16),
    )


class V2Lab:
    """One deployment with pairs of every mix of decimals, and the sync that follows it."""

    def __init__(self, scene, fee_bps, seed):
        self.chain, self.scene = scene.chain, scene
        chance = random.Random(f"v2 {fee_bps} {seed}")
        self.exchange = deploy_uniswap_v2(scene.chain, scene.packages, scene.asset("WETH").token, fee_bps)
        for first, second in PAIRS:
            pair = (scene.asset(first), scene.asset(second))
            dollars = int(10 ** chance.uniform(2, 7.5))
            tilt = chance.uniform(0.5, 2)
            amounts = (pair[0].worth(dollars) + chance.randrange(99), pair[1].worth(dollars * tilt) + 1)
            open_pair(scene.chain, self.exchange, pair, amounts)

        self.fork = Fork(self.exchange.factory, self.exchange.router, fee_bps)
        self.assets = {asset.token: asset for asset in scene.world.assets.values()}
        self.sync = UniswapV2Sync(self.fork, tuple(self.assets))
        self.read_to = -1

    def pools(self):
        first, last = self.read_to + 1, int(self.chain.head()["number"], 16)
        queries = self.sync.sources() if first <= last else ()
        while queries:
            logs = [log for query in queries for log in self._logs(query, first, last)]
            queries = self.sync.apply(sorted(logs, key=lambda log: (log.block_number, log.index))).new_sources

        self.read_to = last
        return list(self.sync.pools())

    def swap(self, pool, token, amount):
        asset, other = self.assets[token], pool.tokens[pool.tokens[0] == token]
        fund(self.chain, asset, self.chain.account, amount)
        approve(self.chain, asset, self.chain.account, self.exchange.router)
        self.chain.send(self.exchange.router, SWAP, amount, 0, [token, other], self.chain.account, FOREVER)

    def _logs(self, query, first, last):
        topics = [[to_hex(topic) for topic in alternatives] or None for alternatives in query.topics]
        addresses = [to_hex(address) for address in query.addresses]
        asked = {"address": addresses, "topics": topics, "fromBlock": hex(first), "toBlock": hex(last)}
        return [as_log(answer) for answer in self.chain.node.rpc("eth_getLogs", asked)]
