"""The state of Aave V2 kept by events on the real contracts, and plans that land, funded by the market's own loan."""

import random
from dataclasses import replace

import pytest

from keeper.execution.allowlist import Allowlist, encode_configure
from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import FundingKind, Policy
from keeper.planning.inputs import PlanningInput, View
from keeper.planning.pipeline import plan_block
from keeper.protocols.aave_v2 import build
from keeper.protocols.aave_v2.observation import read_accounts
from keeper.routing.base import Liquidity
from keeper.routing.uniswap_v3_sync import UniswapV3Sync
from keeper.sandbox.aave_v2 import STABLE_RATE, account_data, borrow, deploy_aave_v2, deposit
from keeper.sandbox.assets import approve, fund
from keeper.sandbox.chain import Transaction
from keeper.sandbox.feeds import price, set_price
from keeper.sandbox.node import NodeError
from keeper.types import BlockTarget, Declined, Offer, PositionKey
from keeper.units import GWEI, MAX_UINT256, USD
from tests.anvil.aave_v3_follow import Follower
from tests.anvil.executor_kit import wire
from tests.anvil.test_planned_liquidations import realised
from tests.parity.aave_v3_lab import as_log, hexed

LIQUIDATION = "liquidationCall(address,address,address,uint256,bool)"


class FollowerV2(Follower):
    """An adapter bootstrapped at the head it is made at, and brought up to each later head by `advance`."""

    def __init__(self, chain, aave, *, from_block=0):
        self.chain, self.aave = chain, aave
        self.adapter = build("followed", aave.addresses_provider)
        self.sync = self.adapter.sync
        self.next_block = from_block
        self.touched = set()
        self.run(self.sync.bootstrap(self.head()))
        self.market = self.advance()

    def accounts_on_chain(self, keys):
        return self.run(read_accounts(self.sync._contracts, self.sync._kept.roster, self.sync._ids, sorted(keys)))


@pytest.fixture
def followed(scene):
    """A market with something to lend, and its follower."""
    aave = deploy_aave_v2(scene.chain, scene.packages, scene.world.assets)
    for asset in scene.world.assets.values():
        deposit(scene.chain, aave, asset, scene.chain.accounts[9], asset.worth(20_000_000))

    return replace(scene, aave=aave), FollowerV2(scene.chain, aave)


def agree(scene, follower):
    """Every account equals the chain's, and every health `getUserAccountData`."""
    keys = [key for key, _ in follower.sync._kept.ledger.items()]
    on_chain = follower.accounts_on_chain(keys)
    assert {key: follower.market.account(key) for key in keys} == on_chain
    for key in keys:
        health = follower.adapter.health.health(key, follower.market)
        told = (health.collateral_base, health.debt_base, health.factor_wad)
        assert told == account_data(scene.chain, scene.aave, key)

    assert follower.market.set_aside == {key for key, account in on_chain.items() if account.stable}
    return len(keys)


class Crowd:
    """Six accounts that do what comes to mind; what the pool refuses did not happen."""

    ACTIONS = ("put", "borrow", "repay", "withdraw", "transfer", "flag", "swap", "liquidate")

    def __init__(self, scene, follower, rng):
        self.scene, self.follower, self.rng = scene, follower, rng
        self.chain, self.pool = scene.chain, scene.aave.pool
        self.users = scene.chain.accounts[1:7]
        self.assets = list(scene.world.assets.values())
        self.by_token = {asset.token: asset for asset in self.assets}
        self.done = dict.fromkeys(self.ACTIONS, 0)
        for asset in self.assets:
            for user in self.users:
                fund(self.chain, asset, user, asset.worth(3_000_000))
                approve(self.chain, asset, user, self.pool)

    def act(self):
        action = self.rng.choice([*self.ACTIONS, "put", "borrow", "borrow", "liquidate"])
        user, asset = self.rng.choice(self.users), self.rng.choice(self.assets)
        amount = max(asset.worth(self.rng.choice([1, 50, 3_000, 40_000])) * self.rng.randrange(50, 150) // 100, 1)
        try:
            getattr(self, action)(user, asset, amount)
        except NodeError:
            return

        self.done[action] += 1

    def of(self, user, side, asset):
        """Something the user holds or owes, as far as the follower knows; anything where it is nothing."""
        account = self.follower.sync._kept.get(PositionKey(user))
        places = account.debts() if side == "owed" else [place for place, _ in account.supplied]
        listings = self.follower.market.roster.listings
        return self.by_token[listings[self.rng.choice(places)].asset] if places else asset

    def send(self, function, *arguments, sender):
        self.chain.send(self.pool, function, *arguments, sender=sender)

    def put(self, user, asset, amount):
        self.send("deposit(address,uint256,address,uint16)", asset.token, amount, user, 0, sender=user)

    def borrow(self, user, asset, amount):
        borrow(self.chain, self.scene.aave, asset, user, amount, mode=self.rng.choice([1, 2]))

    def repay(self, user, asset, amount):
        asset, amount = self.of(user, "owed", asset), self.rng.choice([amount, MAX_UINT256, 1, 2])
        mode = self.rng.choice([1, 2])
        self.send("repay(address,uint256,uint256,address)", asset.token, amount, mode, user, sender=user)

    def withdraw(self, user, asset, amount):
        asset, amount = self.of(user, "held", asset), self.rng.choice([amount, MAX_UINT256, 1, 2])
        self.send("withdraw(address,uint256,address)", asset.token, amount, user, sender=user)

    def transfer(self, user, asset, amount):
        asset = self.of(user, "held", asset)
        token = self.scene.aave.reserves[asset.listing.symbol].a_token
        amount = self.rng.choice([amount // 3 + 1, 1])
        self.chain.send(token, "transfer(address,uint256)", self.rng.choice(self.users), amount, sender=user)

    def flag(self, user, asset, amount):
        asset = self.of(user, "held", asset)
        self.send("setUserUseReserveAsCollateral(address,bool)", asset.token, amount % 2 == 0, sender=user)

    def swap(self, user, asset, amount):
        asset = self.of(user, "owed", asset)
        self.send("swapBorrowRateMode(address,uint256)", asset.token, amount % 2 + 1, sender=user)

    def liquidate(self, user, asset, amount):
        """Move a price against a borrower for as long as it takes: ether's own is one."""
        owing = [u for u in self.users if u != user and self.follower.sync._kept.get(PositionKey(u)).owes]
        victim = self.rng.choice(owing or self.users)
        collateral, debt = self.of(victim, "held", asset), self.of(victim, "owed", asset)
        falling, rising = (self.scene.aave.reserves[side.listing.symbol].feed for side in (collateral, debt))
        times = self.rng.choice([20, 1_000])
        before = price(self.chain, falling or rising) if falling or rising else 0
        if before:
            set_price(self.chain, falling or rising, before // times if falling else before * times)

        cover, as_tokens = self.rng.choice([amount, MAX_UINT256]), self.rng.random() < 0.3
        try:
            self.send(LIQUIDATION, collateral.token, debt.token, victim, cover, as_tokens, sender=user)
        finally:
            if before:
                set_price(self.chain, falling or rising, before)


def test_accounts_and_health_follow_whatever_users_do(followed, random_seed):
    scene, follower = followed
    rng = random.Random(random_seed)
    crowd = Crowd(scene, follower, rng)
    for round_ in range(6):
        for _ in range(25):
            crowd.act()

        scene.chain.mine(interval_s=rng.choice([12, 3_600, 86_400 * 20]))
        follower.advance()
        assert agree(scene, follower) >= 6 or round_ < 3

    assert min(crowd.done.values()) >= 1, crowd.done
    late = FollowerV2(scene.chain, scene.aave)
    assert dict(late.sync._kept.ledger.items()) == dict(follower.sync._kept.ledger.items())
    restored = build("restored", scene.aave.addresses_provider)
    restored.sync.restore(follower.sync.save(None))
    assert dict(restored.sync._kept.ledger.items()) == dict(follower.sync._kept.ledger.items())


def logs_of(receipt):
    return [as_log(log) for log in receipt["logs"]]


@pytest.mark.parametrize("repaid", [1, 2_000, MAX_UINT256])
def test_stable_debt_is_followed_within_a_block(followed, repaid):
    """A loan, a repayment below the interest, one above it, and the last: from logs alone, before any reread."""
    scene, follower = followed
    user, usdc, weth = scene.chain.accounts[2], scene.asset("USDC"), scene.asset("WETH")
    fund(scene.chain, usdc, user, usdc.units(10_000))
    approve(scene.chain, usdc, user, scene.aave.pool)
    deposit(scene.chain, scene.aave, weth, user, weth.units(10))
    borrow(scene.chain, scene.aave, usdc, user, usdc.units(1_000), mode=STABLE_RATE)
    scene.chain.mine(interval_s=86_400 * 30)
    parent = follower.advance()
    calls = [
        ("borrow(address,uint256,uint256,uint16,address)", usdc.token, usdc.units(500), STABLE_RATE, 0, user),
        ("repay(address,uint256,uint256,address)", usdc.token, repaid, STABLE_RATE, user),
    ]
    for function, *arguments in calls:
        receipt = scene.chain.execute(scene.chain.transaction(scene.aave.pool, function, *arguments, sender=user))
        head = follower.head()
        target = BlockTarget(head.number, head.timestamp, head.base_fee_wei, head.timestamp)
        inside = follower.sync.preceding(parent, logs_of(receipt), target)
        parent = follower.advance()

        assert inside.account(PositionKey(user)) == parent.account(PositionKey(user))
        assert inside.reserves == tuple(
            replace(r, underlying=mine.underlying) for r, mine in zip(parent.reserves, inside.reserves, strict=True)
        )


# Landing -----------------------------------------------------------------------------------------------------------

BLOCK_S = 12
BY_LOAN = frozenset({FundingKind.FLASH_LOAN})
POLICY = replace(
    Policy("flash", ("followed",), USD, max_hops=2, floor_bps=9_500, max_plans_per_block=8, take_bad_debt=True),
    funding=BY_LOAN,
)


def wired_for(scene, follower):
    """The executor of the sandbox, allowed besides what the adapter says it calls."""
    wired = wire(scene)
    allowed = Allowlist.from_permissions(follower.adapter.encoder.permissions(follower.market))
    scene.chain.execute(Transaction(scene.chain.account, wired.executor, encode_configure(allowed)))
    return wired


def plan(scene, follower, wired):
    """Plan for the block after the head, 12 s later."""
    head = follower.head()
    target = BlockTarget(head.number + 1, head.timestamp + BLOCK_S, head.base_fee_wei, head.timestamp + 4 * BLOCK_S)
    market = follower.advance(target)
    tokens = [asset.token for asset in scene.world.assets.values()]
    venue = UniswapV3Sync(scene.world.uniswap.factory, tokens)
    queries = venue.sources()
    while queries:
        queries = venue.apply(follower.logs(queries, 0, head.number)).new_sources

    healths, offers = {}, []
    for user in scene.chain.accounts[1:3]:
        health = follower.adapter.health.health(PositionKey(user), market)
        if not isinstance(health, Declined) and health.liquidatable:
            healths[health.key] = health
            offers += [o for o in follower.adapter.offers.offers(health.key, market) if isinstance(o, Offer)]

    native = scene.asset("WETH")
    inputs = PlanningInput(
        target=target,
        views=(View(follower.adapter, market, healths, tuple(offers)),),
        liquidity=Liquidity.of(venue.pools()),
        policies=(POLICY,),
        numeraire=Numeraire.of(3_000 * USD, native.token, [market.token_prices()], 0),
        trusted=frozenset(tokens),
        busy=frozenset(),
        gas_price_wei=2 * GWEI,
        executor=wired.executor,
        max_block=target.number + 2,
    )
    return plan_block(inputs)


def land(scene, wired, chosen):
    node = scene.chain.node
    node.rpc("evm_setNextBlockTimestamp", scene.chain.timestamp() + BLOCK_S)
    fields = {
        "from": hexed(wired.operator), "to": hexed(chosen.executor), "data": hexed(chosen.data),
        "gas": hex(chosen.gas_limit),
    }  # fmt: skip
    return node.rpc("eth_sendTransactionSync", fields)


@pytest.mark.parametrize("mode", [1, 2])
def test_a_plan_lands_with_the_profit_it_said(followed, mode):
    """WBTC for USDC, lent by the market that is paid: priced in ether, valued in dollars."""
    scene, follower = followed
    wired = wired_for(scene, follower)
    user, wbtc, usdc = scene.chain.accounts[1], scene.asset("WBTC"), scene.asset("USDC")
    deposit(scene.chain, scene.aave, wbtc, user, wbtc.units(2))
    borrow(scene.chain, scene.aave, usdc, user, usdc.units(80_000), mode=mode)
    # From 20 ether to 17.0935: 34.187 ether at 78 % against 26.667, a health of 0.99997.
    set_price(scene.chain, scene.aave.reserves["WBTC"].feed, 170_935 * 10**14)

    result = plan(scene, follower, wired)
    assert len(result.plans) == 1, result.declined
    (chosen,) = result.plans
    receipt = land(scene, wired, chosen)

    assert receipt["status"] == "0x1"
    assert chosen.opportunity.funding.lender.kind == "aave_v2"
    assert realised(receipt) == chosen.opportunity.profit
    settled = chosen.opportunity.settlement
    # A first call of 13 that just does not heal it makes room for half of the rest: half, and 7 more.
    assert usdc.units(40_005) < settled.pays[0].amount < usdc.units(40_008)
    first = chosen.opportunity.calls[0]
    moved = follower.adapter.encoder.realised(first.offer, logs_of(receipt))
    assert (moved.pays[0].amount, moved.receives) == (first.settlement.pays[0].amount, first.settlement.receives)
