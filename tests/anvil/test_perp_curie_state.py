"""State of a deployment from its own logs and contracts: the adapter says what the contracts say, of later times too.

And what misbehaves is set aside alone, says so, and comes back.
"""

import pytest

from keeper.protocols.perp_curie import build, offers
from keeper.protocols.perp_curie.health import decide
from keeper.sandbox.artifact import signature
from keeper.sandbox.feeds import DOLLAR, price_update
from keeper.sandbox.perp_curie import trade
from keeper.types import Declined, Offer, Reason
from keeper.units import WAD
from tests.anvil.perp_curie_world import follow, key_of, open_world

pytestmark = pytest.mark.anvil

REVERTS = bytes.fromhex("5f5ffd")
SAYS_ONE_BYTE = bytes.fromhex("60015ff3")
LONG, SHORT, BOTH, MAKER = 3, 4, 6, 7


@pytest.fixture(scope="module")
def opened(running_scene):
    """Takers on either side and in both markets, and a maker who takes as well; once for all tests here."""
    node = running_scene.chain.node
    before = node.rpc("evm_snapshot")
    world = open_world(running_scene)
    a = world.chain.accounts
    world.trader(a[LONG], 10_000, (world.eth, 20))
    world.trader(a[SHORT], 10_000, (world.eth, -15))
    world.trader(a[BOTH], 20_000, (world.btc, 1), (world.eth, -10))
    world.trader(a[MAKER], 20_000, (world.eth, 12))
    world.maker(a[MAKER], 5_000, world.eth, 2_950, 400, base=5, quote=15_000)
    yield world
    node.rpc("evm_revert", before)
    node.rpc("anvil_dropAllTransactions")


@pytest.fixture
def world(opened):
    node = opened.chain.node
    before = node.rpc("evm_snapshot")
    yield opened
    node.rpc("evm_setAutomine", True)
    node.rpc("evm_revert", before)
    node.rpc("anvil_dropAllTransactions")


def said_at(world, timestamp, *calls):
    """What contracts answer in a block of that time."""
    answers = []
    for contract, function, *values in calls:
        fields = world.chain.transaction(contract, function, *values).fields()
        found = world.chain.node.rpc("eth_call", fields, "latest", {}, {"time": hex(timestamp)})
        answers.append(signature(function).decode(bytes.fromhex(found[2:])))

    return answers


def check_everybody(world, market):
    """Account value, requirement and mark of everybody, at the time the market was projected to."""
    perp, now = world.perp, market.target.timestamp
    for i in (1, 2, LONG, SHORT, BOTH, MAKER, 9):
        account = world.chain.accounts[i]
        ours = decide(key_of(account), market)
        theirs = said_at(
            world,
            now,
            (perp.clearing_house, "getAccountValue(address)(int256)", account),
            (perp.account_balance, "getMarginRequirementForLiquidation(address)(int256)", account),
        )
        assert [ours.account_value, ours.requirement] == theirs, i

    # Positions in a market that is stopped are valued at the price it was stopped at, not at its mark.
    for one in (one for one in market.instruments.values() if one.is_open):
        assert said_at(world, now, (perp.account_balance, "getMarkPrice(address)(uint256)", one.base)) == [one.price]


async def test_everybody_is_worth_what_the_contracts_say_while_markets_move(world):
    follower = await follow(world)
    try:
        check_everybody(world, await follower.advance())
        for whole, wait in ((-60, 5), (-80, 700), (50, 1_900)):
            world.push(world.eth, "WETH", 2_900, whole, 2)
            world.push(world.btc, "WBTC", 60_500, whole / 100)
            world.wait(wait)
            follower.ahead_s = wait % 40
            check_everybody(world, await follower.advance())

        perp, a = world.perp, world.chain.accounts
        close = "closePosition((address,uint160,uint256,uint256,bytes32))"
        world.chain.send(perp.clearing_house, close, (world.eth.base, 0, 0, 2**63, bytes(32)), sender=a[SHORT])
        world.chain.send(perp.vault, "withdraw(address,uint256)", perp.settlement.token, 10**9, sender=a[SHORT])
        check_everybody(world, await follower.advance())
    finally:
        await follower.chain.close()


async def test_state_saved_is_state_restored(world):
    follower = await follow(world)
    try:
        market = await follower.advance()
        rows = list(follower.sync.save(None))
        again = await follow(world, from_block=follower.next_block)
        again.sync.restore(rows)
        restored = await again.advance()
        await again.chain.close()
        for i in (LONG, SHORT, BOTH, MAKER):
            key = key_of(world.chain.accounts[i])
            assert restored.account(key) == market.account(key)
            assert decide(key, restored) == decide(key, market)

        assert restored.instruments == market.instruments
        assert restored.makers == market.makers
    finally:
        await follower.chain.close()


async def test_reread_after_a_reorg_is_the_chain_again(world):
    """Trades that were undone leave nothing behind."""
    follower = await follow(world)
    node = world.chain.node
    try:
        await follower.advance()
        head = follower.heads[-1]
        before = node.rpc("evm_snapshot")
        world.push(world.eth, "WETH", 2_900, -60, 2)
        await follower.advance()
        node.rpc("evm_revert", before)
        node.rpc("anvil_dropAllTransactions")
        world.chain.node.rpc("anvil_mine", "0x1")
        await follower.deployment.rewind(follower.chain, head)
        follower.next_block = head.number + 1
        check_everybody(world, await follower.advance())
    finally:
        await follower.chain.close()


async def test_market_whose_feed_reverts_is_set_aside_alone_and_comes_back(world):
    follower = await follow(world)
    chain, a = world.chain, world.chain.accounts
    code = chain.code(world.btc.chainlink)
    try:
        for broken in (REVERTS, SAYS_ONE_BYTE):
            chain.set_code(world.btc.chainlink, broken)
            chain.mine()
            market = await follower.advance()
            assert follower.deployment.stopped is None
            (aside,) = offers.markets_set_aside(market)
            assert (aside.reason, aside.numbers["token"]) == (Reason.QUARANTINED, "0x" + world.btc.base.hex())
            assert isinstance(decide(key_of(a[BOTH]), market), Declined)
            assert not isinstance(decide(key_of(a[LONG]), market), Declined)

        chain.set_code(world.btc.chainlink, code)
        chain.mine()
        market = await follower.advance()
        assert offers.markets_set_aside(market) == []
        check_everybody(world, market)
    finally:
        await follower.chain.close()


async def test_upgraded_contract_stops_the_deployment_until_restart(world):
    follower = await follow(world)
    try:
        await follower.advance()
        slot = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
        place = "0x" + world.perp.clearing_house.hex()
        world.chain.node.rpc("anvil_setStorageAt", place, slot, "0x" + "00" * 31 + "07")
        for _ in range(7):
            world.chain.mine()
            await follower.advance()

        assert follower.deployment.market is None
        assert "was upgraded" in follower.deployment.stopped
        (no,) = follower.deployment.findings().declined
        assert no.reason is Reason.QUARANTINED
        # Bootstrapping again does not make the new rules known; another process starts afresh.
        assert build("perp", world.perp.clearing_house).sync is not follower.sync
    finally:
        await follower.chain.close()


async def test_paused_market_and_paused_protocol_are_declined(world):
    follower = await follow(world)
    chain, perp, a = world.chain, world.perp, world.chain.accounts
    try:
        world.push(world.eth, "WETH", 2_600, -75, 17)
        world.wait(2_000)
        key = key_of(a[LONG])
        found = offers.offers(key, await follower.advance())
        assert [isinstance(one, Offer) for one in found] == [True]
        chain.send(perp.clearing_house, "pause()")
        assert [one.reason for one in offers.offers(key, await follower.advance())] == [Reason.PAUSED]
        chain.send(perp.clearing_house, "unpause()")
        chain.send(world.eth.base, "pause()")
        market = await follower.advance()
        check_everybody(world, market)
        (no,) = offers.offers(key, market)
        assert no.reason in (Reason.PAUSED, Reason.HEALTHY)
        chain.send(world.eth.base, "close(uint256)", 2_500 * WAD)
        check_everybody(world, await follower.advance())
    finally:
        await follower.chain.close()


async def test_answer_that_is_zero_or_older_changes_no_price(world):
    """The feed keeps the last price that could be believed, and so do we; a trade before us is in the logs."""
    follower = await follow(world)
    try:
        await follower.advance()
        world.chain.execute(price_update(world.chain, world.scene.asset("WETH").feed, 0))
        check_everybody(world, await follower.advance())
        world.chain.execute(price_update(world.chain, world.scene.asset("WETH").feed, 2_950 * DOLLAR))
        world.chain.execute(trade(world.chain, world.perp, world.eth, world.chain.accounts[9], -WAD))
        check_everybody(world, await follower.advance())
    finally:
        await follower.chain.close()
