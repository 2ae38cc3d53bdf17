"""A contract that breaks stops its own deployment or market, says so, and comes back; the others never notice.

Aave V3, Aave V2 and Morpho Blue work side by side on one chain, each with somebody to liquidate. One of them then
reverts on every read, answers garbage or nothing, or turns out to be upgraded.
"""

from dataclasses import dataclass

import pytest

from keeper.chain.backfill import feed
from keeper.chain.live import ChainSettings, open_chain
from keeper.config.urls import parse_rpc_url
from keeper.deployment import Deployment
from keeper.protocols import aave_v2, aave_v3, morpho_blue
from keeper.sandbox import aave_v2 as old
from keeper.sandbox.aave import borrow, supply
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.feeds import DOLLAR, set_price
from keeper.sandbox.morpho_blue import borrow as borrow_of_morpho
from keeper.sandbox.morpho_blue import lend, pledge
from keeper.types import BlockTarget, Reason
from keeper.units import WAD
from tests.anvil.morpho_blue_world import WETH_IN_USDC, deploy, new_market
from tests.parity.aave_v3_lab import IMPLEMENTATION, hexed

pytestmark = pytest.mark.anvil

REVERTS = bytes.fromhex("5f5ffd")
SAYS_NOTHING = b"\x00"
GARBAGE = bytes.fromhex("5f195f5260205ff3")
"""Answers every call with one word of all ones."""


@dataclass
class Side:
    """Three deployments on one chain, brought to each head together, as the engine does."""

    chain: object
    deployments: dict
    next_block: int = 0

    async def advance(self):
        head = await self.chain.latest()
        fed = list(self.deployments.values())
        outcomes = await feed(self.chain, fed, self.next_block, head)
        target = BlockTarget(head.number + 1, head.timestamp + 12, 10**9, head.timestamp + 36)
        for deployment, outcome in zip(fed, outcomes, strict=True):
            await deployment.advance(self.chain, head, target, outcome if isinstance(outcome, Exception) else None)

        self.next_block = head.number + 1

    def offers(self):
        return {name: len(one.findings().offers) for name, one in self.deployments.items()}


class World:
    """What the three stand on; every one has one borrower who can be liquidated."""

    def __init__(self, scene):
        self.scene, self.chain = scene, scene.chain
        user, lender, assets = scene.chain.accounts[1], scene.chain.accounts[9], scene.world.assets
        self.aave3 = scene.world.aave36
        supply(self.chain, self.aave3, assets["WETH"], user, 10 * WAD)
        borrow(self.chain, self.aave3, assets["USDC"], user, 22_000 * 10**6)
        self.aave2 = old.deploy_aave_v2(self.chain, scene.packages, assets)
        for asset in assets.values():
            old.deposit(self.chain, self.aave2, asset, lender, asset.worth(20_000_000))

        old.deposit(self.chain, self.aave2, assets["WBTC"], user, 2 * 10**8)
        old.borrow(self.chain, self.aave2, assets["USDC"], user, 80_000 * 10**6)
        self.morpho = deploy(scene)
        self.market = new_market(scene, self.morpho)
        lend(self.chain, self.morpho, self.market, lender, 10**12)
        pledge(self.chain, self.morpho, self.market, user, 10 * WAD)
        borrow_of_morpho(self.chain, self.morpho, self.market, user, 24_000 * 10**6)
        set_price(self.chain, assets["WETH"].feed, 2_600 * DOLLAR)
        set_price(self.chain, self.aave2.reserves["WBTC"].feed, 17 * 10**18)
        self.chain.send(self.market.oracle, "setPrice(uint256)", WETH_IN_USDC * 26 // 30)

    async def open(self):
        settings = ChainSettings(31_337, [parse_rpc_url(self.scene.anvil.url)], block_time_s=12)
        chain = await open_chain(settings)
        made = {
            "aave_v3": aave_v3.build("aave_v3", self.aave3.addresses_provider),
            "aave_v2": aave_v2.build("aave_v2", self.aave2.addresses_provider),
            "morpho_blue": morpho_blue.build("morpho_blue", self.morpho.morpho),
        }
        side = Side(chain, {name: Deployment(adapter) for name, adapter in made.items()})
        head = await chain.latest()
        for adapter in made.values():
            await chain.reads(adapter.sync.bootstrap(head), head)

        await side.advance()
        return side

    def contract(self, path):
        return getattr(getattr(self, path.split(".")[0]), path.split(".")[1])


@pytest.fixture(scope="module")
def built(running_scene):
    """The world, built once: every test mends what it breaks."""
    node = running_scene.chain.node
    snapshot = node.rpc("evm_snapshot")
    yield World(running_scene)
    node.rpc("evm_revert", snapshot)
    node.rpc("anvil_dropAllTransactions")


@pytest.fixture
async def world(built):
    built.side = await built.open()
    assert min(built.side.offers().values()) >= 1, built.side.offers()
    yield built
    await built.side.chain.close()


async def broken_and_mended(world, victim, harm, mend):
    """Break something, see that only the victim stopped, mend it, see that it is back; returns why it stopped."""
    before = world.side.offers()
    harm()
    world.chain.mine()
    await world.side.advance()
    others = {name: count for name, count in world.side.offers().items() if name != victim}
    assert others == {name: count for name, count in before.items() if name != victim}
    stopped = world.side.deployments[victim]
    findings = stopped.findings()
    why = stopped.stopped
    mend()
    for _ in range(3):
        world.chain.mine()
        await world.side.advance()

    assert world.side.offers() == before
    return why, findings


@pytest.mark.parametrize(
    ("victim", "place", "code"),
    [
        ("aave_v3", "aave3.pool", REVERTS),
        ("aave_v3", "aave3.pool", SAYS_NOTHING),
        ("aave_v3", "aave3.pool", GARBAGE),
        ("aave_v3", "aave3.addresses_provider", GARBAGE),
        ("aave_v2", "aave2.pool", REVERTS),
        ("aave_v2", "aave2.pool", SAYS_NOTHING),
        ("aave_v2", "aave2.pool", GARBAGE),
        ("aave_v2", "aave2.addresses_provider", REVERTS),
    ],
)
async def test_deployment_whose_contract_breaks_stops_alone_and_comes_back(world, victim, place, code):
    address = world.contract(place)
    right = world.chain.code(address)
    why, findings = await broken_and_mended(
        world, victim, lambda: world.chain.set_code(address, code), lambda: world.chain.set_code(address, right)
    )
    assert why
    (declined,) = findings.declined
    assert (declined.reason, declined.key, declined.numbers["why"]) == (Reason.QUARANTINED, None, why)
    assert findings.offers == ()


@pytest.mark.parametrize(("victim", "place"), [("aave_v3", "aave3.pool"), ("aave_v2", "aave2.pool")])
async def test_deployment_whose_pool_is_upgraded_to_unknown_rules_stops_alone(world, victim, place):
    pool = hexed(world.contract(place))
    node = world.chain.node
    right = node.rpc("eth_getStorageAt", pool, hexed(IMPLEMENTATION), "latest")
    upgraded = world.chain.deploy(
        compile_own(world.scene.packages, "sandbox")["SandboxUpgraded"], bytes.fromhex(right[-40:]), 99
    )
    why, _ = await broken_and_mended(
        world,
        victim,
        lambda: node.rpc("anvil_setStorageAt", pool, hexed(IMPLEMENTATION), hexed(upgraded.rjust(32, b"\0"))),
        lambda: node.rpc("anvil_setStorageAt", pool, hexed(IMPLEMENTATION), right),
    )
    assert "has revision 99, whose liquidation rules this keeper does not know" in why
    assert "upgrade the keeper or remove the deployment" in why


@pytest.mark.parametrize(
    ("victim", "place", "code"), [("aave_v3", "aave3.oracle", REVERTS), ("aave_v2", "aave2.oracle", SAYS_NOTHING)]
)
async def test_oracle_that_breaks_leaves_positions_undecided_and_nothing_is_offered(world, victim, place, code):
    """Without prices nobody of this market can be weighed; each says so, and the deployment goes on."""
    address = world.contract(place)
    right = world.chain.code(address)
    why, findings = await broken_and_mended(
        world, victim, lambda: world.chain.set_code(address, code), lambda: world.chain.set_code(address, right)
    )
    assert why is None
    assert findings.offers == ()
    assert {declined.reason for declined in findings.declined} <= {Reason.UNKNOWN_PRICE}


@pytest.mark.parametrize("code", [REVERTS, GARBAGE], ids=["reverts", "garbage"])
async def test_market_of_morpho_whose_rate_model_breaks_is_set_aside_alone(world, code):
    """What a market's oracle can do is tested beside the other things Morpho lets anybody write."""
    address = world.market.irm
    right = world.chain.code(address)
    why, findings = await broken_and_mended(
        world, "morpho_blue", lambda: world.chain.set_code(address, code), lambda: world.chain.set_code(address, right)
    )
    assert why is None
    assert findings.offers == ()
    (declined,) = findings.declined
    assert (declined.reason, declined.key) == (Reason.QUARANTINED, None)


async def test_deployment_that_breaks_while_the_keeper_is_down_stops_alone_once_it_was_known(world):
    """A contract that never answered is a mistake in the configuration; one that used to is a fault of its own."""
    for name, address in (("aave_v3", world.aave3.addresses_provider), ("aave_v2", world.aave2.addresses_provider)):
        rows = list(world.side.deployments[name].adapter.sync.save(None))
        build = aave_v3.build if name == "aave_v3" else aave_v2.build
        again = build(name, address).sync
        again.restore(rows)
        right = world.chain.code(address)
        world.chain.set_code(address, REVERTS)
        head = await world.side.chain.latest()
        from keeper.errors import ConfigError, StateError

        with pytest.raises(StateError, match="does not answer like"):
            await world.side.chain.reads(again.bootstrap(head), head)

        with pytest.raises(ConfigError, match="check addresses_provider"):
            await world.side.chain.reads(build(name, address).sync.bootstrap(head), head)

        world.chain.set_code(address, right)
