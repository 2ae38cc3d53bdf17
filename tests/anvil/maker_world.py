"""Maker's twins on the sandbox's chain: an adapter that follows them, and a keeper that plans and lands on them."""

from dataclasses import replace
from functools import partial

from keeper.execution.allowlist import Allowlist, encode_configure
from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import Policy
from keeper.planning.inputs import PlanningInput, View
from keeper.planning.pipeline import plan_block
from keeper.protocols.maker import Addresses, build
from keeper.protocols.maker.discovery import read_urns
from keeper.protocols.maker.urn import urn_key
from keeper.routing.base import Liquidity
from keeper.routing.uniswap_v3_sync import UniswapV3Sync
from keeper.sandbox.chain import Transaction
from keeper.sandbox.maker import (
    Curve,
    Terms,
    compile_maker,
    deploy_maker,
    list_ilk,
    open_vault,
    place_ilk,
    set_price,
    teach_to_burn,
)
from keeper.types import BlockTarget, Declined, Offer, Rejected
from keeper.units import GWEI, RAY, USD, WAD
from tests.anvil.aave_v3_follow import Follower as AaveFollower
from tests.anvil.compound_v2_world import answer_at, logs_of
from tests.anvil.executor_kit import wire
from tests.parity.aave_v3_lab import as_log, drive_batched, hexed

BLOCK_S = 12
HOP_S = 24
POLICY = Policy("auctions", ("followed",), USD, max_hops=2, floor_bps=9_500, max_plans_per_block=8, take_bad_debt=True)
TERMS = {
    "ETH-A": Terms(Curve.STAIRSTEP, {"step": 24, "cut": 98 * RAY // 100}, tail_s=300),
    "WSTETH-A": Terms(Curve.EXPONENTIAL, {"cut": 9_988 * RAY // 10_000}, tail_s=300, hop_s=HOP_S),
    "WBTC-A": Terms(Curve.LINEAR, {"tau": 1_200}, tail_s=240),
}
SYMBOLS = {"ETH-A": "WETH", "WSTETH-A": "wstETH", "WBTC-A": "WBTC"}
WHALE, OWNERS, RIVAL = 8, (1, 2, 3, 4), 7


def deploy(scene, names=("ETH-A",)):
    """Collateral types at their listed prices, and a whale who drew DAI, so that the Vat can take some back."""
    chain = scene.chain
    contracts = compile_maker(scene.packages)
    teach_to_burn(chain, contracts, scene.asset("DAI"))
    maker = deploy_maker(chain, contracts, scene.asset("DAI").token)
    for name in names:
        maker = place_ilk(chain, maker, name, scene.asset(SYMBOLS[name]), TERMS[name])
        list_ilk(chain, maker, maker.ilks[name], TERMS[name])

    whole = maker.ilks[names[0]].asset.worth(6_000_000)
    open_vault(chain, maker, maker.ilks[names[0]], chain.accounts[WHALE], (whole, 2_000_000 * WAD))
    return maker


def addresses(maker):
    return Addresses(maker.dog, maker.jug, maker.dai_join, tuple(ilk.join for ilk in maker.ilks.values()))


class Follower(AaveFollower):
    """An adapter bootstrapped at the head it is made at, and brought up to each later head by `advance`."""

    def __init__(self, chain, named, *, from_block=0):
        self.chain = chain
        self.adapter = build("followed", named if isinstance(named, Addresses) else addresses(named))
        self.sync = self.adapter.sync
        self.next_block = from_block
        self.touched = set()
        self.run(self.sync.bootstrap(self.head()))
        self.market = self.advance()

    def run(self, read, head=None):
        return drive_batched(read, partial(answer_at, self.chain, hexed((head or self.head()).hash)))

    def urns_on_chain(self, keys):
        return self.run(read_urns(self.market.contracts.vat, sorted(keys)))


class Keeper:
    """A follower of Maker, pools, an executor, and the planner between them; aimed at the block after the head."""

    def __init__(self, scene, maker):
        self.scene, self.chain, self.maker = scene, scene.chain, maker
        self.follower = Follower(scene.chain, maker)
        self.wired = wire(scene)
        self.tokens = [asset.token for asset in scene.world.assets.values()]
        self.weth = scene.asset("WETH").token
        self.allow()

    def allow(self):
        """List what the adapter's plans call."""
        allowed = Allowlist.from_permissions(self.adapter.encoder.permissions(self.market))
        self.chain.execute(Transaction(self.chain.account, self.wired.executor, encode_configure(allowed)))

    @property
    def adapter(self):
        return self.follower.adapter

    @property
    def market(self):
        return self.follower.market

    def advance(self):
        head = self.follower.head()
        target = BlockTarget(head.number + 1, head.timestamp + BLOCK_S, head.base_fee_wei, head.timestamp + 4 * BLOCK_S)
        return self.follower.advance(target)

    def inputs(self, **changes):
        """Everything the next block is planned from."""
        market = self.advance()
        healths, answers = {}, list(self.adapter.offers.open_offers(market))
        for key, _ in market.urns(None):
            health = self.adapter.health.health(key, market)
            if not isinstance(health, Declined) and health.liquidatable:
                healths[key] = health
                answers += self.adapter.offers.offers(key, market)

        self.declined = [answer for answer in answers if isinstance(answer, Declined)]
        offers = tuple(answer for answer in answers if isinstance(answer, Offer))
        given = PlanningInput(
            target=market.target,
            views=(View(self.adapter, market, healths, offers),),
            liquidity=Liquidity.of(self.pools()),
            policies=(POLICY,),
            numeraire=Numeraire.of(3_000 * USD, self.weth, [market.token_prices()], 0),
            trusted=frozenset(self.tokens),
            busy=frozenset(),
            gas_price_wei=2 * GWEI,
            executor=self.wired.executor,
            max_block=market.target.number + 2,
        )
        return replace(given, **changes)

    def plan(self, **changes):
        return plan_block(self.inputs(**changes))

    def pools(self):
        venue = UniswapV3Sync(self.scene.world.uniswap.factory, self.tokens)
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

        ours = Transaction(self.wired.operator, self.wired.executor, data, gas=3_000_000)
        name = node.rpc("eth_sendTransaction", ours.fields())
        node.rpc("anvil_mine", "0x1")
        node.rpc("evm_setAutomine", True)
        return node.rpc("eth_getTransactionReceipt", name)

    def settled(self, opportunity, receipt):
        """What the model says on the state just before the transaction, at the block it landed in."""
        market = self.met(receipt)
        offer = self.offer_like(opportunity.offer, market)
        return self.adapter.offers.settle(offer, opportunity.size, market)

    def met(self, receipt):
        """The market just before a transaction, at its block."""
        first = int(receipt["logs"][0]["logIndex"], 16)
        found = self.chain.node.rpc("eth_getLogs", {"blockHash": receipt["blockHash"]})
        before_ours = [as_log(log) for log in found if int(log["logIndex"], 16) < first]
        block = self.chain.node.rpc("eth_getBlockByHash", receipt["blockHash"], False)
        timestamp = int(block["timestamp"], 16)
        target = BlockTarget(int(block["number"], 16), timestamp, GWEI, timestamp)
        return self.adapter.sync.preceding(self.market, before_ours, target)

    def offer_like(self, offer, market):
        """The same offer on another market, found as the settler finds it."""
        (found,) = (
            one
            for one in self.adapter.offers.offers(offer.key, market)
            if isinstance(one, Offer) and (one.kind, one.receive_token) == (offer.kind, offer.receive_token)
        )
        return found

    def realised(self, opportunity, receipt):
        found = self.adapter.encoder.realised(opportunity.offer, logs_of(receipt))
        assert not isinstance(found, Rejected), found
        return found

    def pass_time(self, seconds):
        """Mine a block so many seconds later."""
        self.chain.node.rpc("evm_setNextBlockTimestamp", self.follower.head().timestamp + seconds)
        self.chain.node.rpc("anvil_mine", "0x1")

    def urn(self, name, account):
        return urn_key(self.maker.ilks[name].key, account)


def crash(scene, maker, name, percent):
    """Set a source's value to so many percent of its listed price; nobody has poked anything yet."""
    ilk = maker.ilks[name]
    set_price(scene.chain, ilk, ilk.asset.listing.price * percent // 100)
