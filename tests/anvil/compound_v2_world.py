"""Venus's core pool on the sandbox's chain: an adapter that follows it, and a keeper that plans and lands on it."""

import json
from dataclasses import replace
from functools import partial

from keeper.chain.live import ChainSettings, open_chain
from keeper.config.urls import parse_rpc_url
from keeper.deployment import Deployment
from keeper.execution.allowlist import Allowlist, encode_configure
from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import Policy
from keeper.planning.deal import merged
from keeper.planning.inputs import PlanningInput, View
from keeper.planning.pipeline import plan_block
from keeper.protocols.compound_v2 import build
from keeper.protocols.compound_v2.snapshots import Slots, read_accounts
from keeper.routing.base import Liquidity
from keeper.routing.uniswap_v3_sync import UniswapV3Sync
from keeper.sandbox.chain import Transaction
from keeper.sandbox.compound_v2 import deploy_compound_v2, mint, mint_native, with_native_market
from keeper.types import BlockTarget, Declined, Offer, PositionKey, Rejected, Settlement
from keeper.units import GWEI, USD, WAD
from tests.anvil.aave_v3_follow import Follower as AaveFollower
from tests.anvil.executor_kit import wire
from tests.anvil.morpho_blue_world import Follower as Live
from tests.anvil.morpho_blue_world import head_of
from tests.parity.aave_v3_lab import as_log, call_fields, drive_batched, hexed, returned

BLOCK_S = 12
LENDER = 8
POLICY = Policy("flash", ("followed",), USD, max_hops=2, floor_bps=9_500, max_plans_per_block=8, take_bad_debt=True)


def deploy(scene, symbols=("WETH", "USDC"), *, native=False):
    """A market of each of these assets, and the native one where wanted, each with something to lend."""
    chain, lender = scene.chain, scene.chain.accounts[LENDER]
    assets = {symbol: scene.asset(symbol) for symbol in symbols}
    compound = deploy_compound_v2(chain, scene.packages, assets)
    for asset in assets.values():
        mint(chain, compound, asset, lender, asset.worth(20_000_000))

    if native:
        compound = with_native_market(chain, scene.packages, compound, scene.asset("WETH"))
        mint_native(chain, compound, lender, 5_000 * WAD)

    return compound


def answer_at(chain, block_hash, requests):
    """Answer a whole round at a block, storage included, as the shell does: a revert is an answer."""
    at = {"blockHash": block_hash}
    body = [
        {"jsonrpc": "2.0", "id": i, "method": method, "params": params}
        for i, (method, params) in enumerate(_asked(r, at) for r in requests)
    ]
    if not body:
        return []

    connection = chain.node._connection
    connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
    found = {entry["id"]: entry for entry in json.loads(connection.getresponse().read())}
    return [returned(found[i]) for i in range(len(body))]


def _asked(request, at):
    if hasattr(request, "slot"):
        return "eth_getStorageAt", [hexed(request.to), hex(request.slot), at]

    return "eth_call", [{**call_fields(request), "gas": hex(request.gas or 30_000_000)}, at]


class Follower(AaveFollower):
    """An adapter bootstrapped at the head it is made at, and brought up to each later head by `advance`."""

    def __init__(self, chain, compound, *, native=None, from_block=0):
        self.chain, self.compound = chain, compound
        self.adapter = build("followed", compound.comptroller, native)
        self.sync = self.adapter.sync
        self.next_block = from_block
        self.touched = set()
        self.run(self.sync.bootstrap(self.head()))
        self.market = self.advance()

    def run(self, read, head=None):
        return drive_batched(read, partial(answer_at, self.chain, hexed((head or self.head()).hash)))

    def accounts_on_chain(self, keys):
        return self.run(read_accounts(self.sync._contracts, self.sync._roster, keys, Slots()))


class Keeper:
    """A follower of the markets and of a lender of flash loans, pools, an executor, and the planner between them."""

    def __init__(self, scene, compound, *, native=None):
        self.scene, self.chain, self.compound = scene, scene.chain, compound
        self.follower = Follower(scene.chain, compound, native=native)
        self.lender = AaveFollower(scene.chain, scene.aave)
        self.wired = wire(scene)
        self.allow()

    @property
    def adapter(self):
        return self.follower.adapter

    @property
    def market(self):
        return self.follower.market

    def allow(self):
        allowed = Allowlist.from_permissions(self.adapter.encoder.permissions(self.market))
        self.chain.execute(Transaction(self.chain.account, self.wired.executor, encode_configure(allowed)))

    def advance(self):
        """Freeze the market of the head, aimed at the block after it."""
        head = self.follower.head()
        target = BlockTarget(head.number + 1, head.timestamp + BLOCK_S, head.base_fee_wei, head.timestamp + 4 * BLOCK_S)
        return self.follower.advance(target)

    def plan(self):
        """Plan for the block after the head, 12 s later."""
        market = self.advance()
        healths, offers = {}, []
        for key, _ in market.accounts(None):
            health = self.adapter.health.health(key, market)
            if not isinstance(health, Declined) and health.liquidatable:
                healths[key] = health
                offers += [offer for offer in self.adapter.offers.offers(key, market) if isinstance(offer, Offer)]

        tokens = [asset.token for asset in self.scene.world.assets.values()]
        weth = self.scene.asset("WETH").token
        return plan_block(
            PlanningInput(
                target=market.target,
                views=(
                    View(self.adapter, market, healths, tuple(offers)),
                    View(replace(self.lender.adapter, name="lender"), self.lender.advance(market.target), {}, ()),
                ),
                liquidity=Liquidity.of(self._pools(tokens)),
                policies=(POLICY,),
                numeraire=Numeraire.of(3_000 * USD, weth, [market.token_prices()], 0),
                trusted=frozenset(tokens),
                busy=frozenset(),
                gas_price_wei=2 * GWEI,
                executor=self.wired.executor,
                max_block=market.target.number + 2,
            )
        )

    def _pools(self, tokens):
        venue = UniswapV3Sync(self.scene.world.uniswap.factory, tokens)
        queries = venue.sources()
        while queries:
            queries = venue.apply(self.follower.logs(queries, 0, self.market.head.number)).new_sources

        return venue.pools()

    def land(self, data, *, ahead=(), later_s=BLOCK_S):
        """Mine the operator's transaction in the next block, behind others; its receipt."""
        node = self.chain.node
        node.rpc("evm_setNextBlockTimestamp", self.market.head.timestamp + later_s)
        node.rpc("evm_setAutomine", False)
        for i, other in enumerate(ahead):
            fees = {"maxFeePerGas": hex((200 - i) * GWEI), "maxPriorityFeePerGas": hex(100 * GWEI)}
            node.rpc("eth_sendTransaction", {**other.fields(), **fees, "gas": hex(3_000_000)})

        ours = Transaction(self.wired.operator, self.wired.executor, data)
        name = node.rpc("eth_sendTransaction", ours.fields())
        node.rpc("anvil_mine", "0x1")
        node.rpc("evm_setAutomine", True)
        return node.rpc("eth_getTransactionReceipt", name)

    def settled(self, opportunity, receipt):
        """What the model says of every call on the state just before the transaction, at the block it landed in."""
        first = int(receipt["logs"][0]["logIndex"], 16)
        found = self.chain.node.rpc("eth_getLogs", {"blockHash": receipt["blockHash"]})
        before_ours = [as_log(log) for log in found if int(log["logIndex"], 16) < first]
        block = self.chain.node.rpc("eth_getBlockByHash", receipt["blockHash"], False)
        timestamp = int(block["timestamp"], 16)
        target = BlockTarget(int(block["number"], 16), timestamp, GWEI, timestamp)
        market = self.adapter.sync.preceding(self.market, before_ours, target)
        moved = []
        for step in opportunity.calls:
            moved.append(self.adapter.offers.settle(step.offer, step.size, market))
            market = self.adapter.offers.after(step.offer, step.size, market)

        return merged(moved)

    def realised(self, opportunity, receipt):
        """What the logs say of every call, each told behind those of the one before it."""
        logs, moved = logs_of(receipt), []
        for step in opportunity.calls:
            found = self.adapter.encoder.realised(step.offer, logs)
            assert not isinstance(found, Rejected), found
            moved.append(found)
            logs = logs[self._told(step.offer, logs) :]

        return merged(moved)

    def _told(self, offer, logs):
        """How many logs it takes to tell the first liquidation of an offer."""
        enough = (
            i for i in range(1, len(logs)) if isinstance(self.adapter.encoder.realised(offer, logs[:i]), Settlement)
        )
        return next(enough, len(logs))


def logs_of(receipt):
    return [as_log(log) for log in receipt["logs"]]


def key_of(user):
    return PositionKey(user)


async def follow(scene, compound, *, native=None, from_block=0):
    """A deployment behind the keeper's own chain, bootstrapped at the head."""
    chain = await open_chain(ChainSettings(31_337, [parse_rpc_url(scene.anvil.url)], block_time_s=BLOCK_S))
    follower = Live(chain, Deployment(build("venus", compound.comptroller, native)), from_block)
    await chain.reads(follower.sync.bootstrap(head_of(scene)), head_of(scene))
    return follower
