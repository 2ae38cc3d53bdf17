"""The state kept by events on Comet's twin, what no event tells, and what breaks beside what does not."""

import random
from dataclasses import replace

import pytest

from keeper.errors import ConfigError, DecodeError, StateError
from keeper.protocols.compound_v3 import abi, build, math, state
from keeper.protocols.compound_v3.account import Doubt
from keeper.protocols.words import encode
from keeper.sandbox.assets import approve, fund
from keeper.sandbox.compound_v3 import absorbing
from keeper.sandbox.feeds import set_price
from keeper.sandbox.node import NodeError
from keeper.types import Declined, Log, PositionKey, Reason
from keeper.units import WAD
from tests.anvil.compound_v2_world import answer_at
from tests.anvil.compound_v3_world import Follower, borrow, deploy, follow, supply
from tests.fakes.reads import drive_rounds
from tests.parity.aave_v3_lab import hexed

pytestmark = pytest.mark.anvil

SYMBOLS = ("WETH", "WBTC", "LINK")
RETURNS_A_MEGABYTE = bytes.fromhex("621000005ff3")


class Crowd:
    """Five accounts that do what comes to mind; what the market refuses did not happen."""

    ACTIONS = ("supply", "withdraw", "borrow", "repay", "transfer", "give", "absorb", "buy", "accrue", "crash")

    def __init__(self, scene, comet, rng):
        self.scene, self.chain, self.comet, self.rng = scene, scene.chain, comet, rng
        self.users = scene.chain.accounts[1:6]
        self.done = dict.fromkeys(self.ACTIONS, 0)
        for user in self.users:
            for asset in (comet.base, *comet.collaterals):
                fund(self.chain, asset, user, asset.worth(10_000_000))
                approve(self.chain, asset, user, comet.comet)

    def act(self):
        rarest = min(self.ACTIONS, key=lambda action: self.done[action])
        action = self.rng.choice([rarest, self.rng.choice(self.ACTIONS)])
        asset = self.rng.choice(self.comet.collaterals)
        dollars = self.rng.choice([0.001, 100, 20_000, 150_000]) * self.rng.randrange(1, 9)
        try:
            getattr(self, action)(self.rng.choice(self.users), asset, dollars)
        except NodeError:
            return

        self.done[action] += 1

    def send(self, user, function, *arguments):
        self.chain.send(self.comet.comet, function, *arguments, sender=user)

    def supply(self, user, asset, dollars):
        self.send(user, "supply(address,uint256)", asset.token, asset.worth(dollars))

    def withdraw(self, user, asset, dollars):
        self.send(user, "withdraw(address,uint256)", asset.token, asset.worth(dollars))

    def borrow(self, user, asset, dollars):
        del asset
        self.send(user, "withdraw(address,uint256)", self.comet.base.token, self.comet.base.worth(dollars))

    def repay(self, user, asset, dollars):
        del asset
        self.send(user, "supply(address,uint256)", self.comet.base.token, self.comet.base.worth(dollars))

    def transfer(self, user, asset, dollars):
        del asset
        self.send(user, "transfer(address,uint256)", self.rng.choice(self.users), self.comet.base.worth(dollars))

    def give(self, user, asset, dollars):
        function = "transferAsset(address,address,uint256)"
        self.send(user, function, self.rng.choice(self.users), asset.token, asset.worth(dollars))

    def absorb(self, user, asset, dollars):
        """Let prices fall for as long as it takes, to a fiftieth."""
        del asset, dollars
        view = "isLiquidatable(address)(bool)"
        for each in self.comet.collaterals:
            set_price(self.chain, each.feed, each.listing.price // 50)

        found = self.chain.call_many([(self.comet.comet, view, one) for one in self.users])
        short = [one for one, is_short in zip(self.users, found, strict=True) if is_short]
        try:
            self.send(user, "absorb(address,address[])", user, short or [user])
        finally:
            for each in self.comet.collaterals:
                set_price(self.chain, each.feed, each.listing.price)

    def buy(self, user, asset, dollars):
        function = "buyCollateral(address,uint256,uint256,address)"
        self.send(user, function, asset.token, 0, self.comet.base.worth(dollars / 100), user)

    def accrue(self, user, asset, dollars):
        del asset, dollars
        self.send(user, "accrueAccount(address)", user)

    def crash(self, user, asset, dollars):
        del user, dollars
        set_price(self.chain, asset.feed, asset.listing.price * self.rng.randrange(60, 110) // 100)


def agree(scene, comet, follower, *, silent=frozenset()):
    """Every account equals the chain's but those a silent transfer may have changed, and all else does too."""
    market = follower.market
    on_chain = follower.accounts_on_chain([key for key, _ in market.accounts(None)])
    ours = dict(market.accounts(None))
    differing = {key for key, account in on_chain.items() if ours[key] != account}
    assert differing <= silent
    views = scene.chain.call_many(
        [(comet.comet, "getReserves()(int256)")]
        + [(comet.comet, "getCollateralReserves(address)(uint256)", asset.token) for asset in comet.collaterals]
    )
    now = math.accrued(market.stored, market.listing.curves, scene.chain.timestamp())
    assert views == [math.reserves(market.balance, now), *(one.stock for one in market.assets)]
    return on_chain


def test_accounts_follow_whatever_users_do(scene, random_seed):
    rng = random.Random(random_seed)
    comet = deploy(scene, collaterals=SYMBOLS)
    crowd = Crowd(scene, comet, rng)
    follower = Follower(scene.chain, comet)
    for _ in range(4):
        for _ in range(40):
            crowd.act()

        scene.chain.node.rpc("anvil_mine", hex(rng.choice([1, 5, 40])), hex(12))
        follower.advance()
        # Five borrowers are all read again in every block, so that not even a silent transfer is missed.
        agree(scene, comet, follower)

    assert min(crowd.done.values()) >= 1, crowd.done
    late = Follower(scene.chain, comet)
    assert dict(late.market.accounts(None)) == dict(follower.market.accounts(None))
    restored = build("restored", comet.comet)
    restored.sync.restore(follower.sync.save(None))
    assert dict(restored.sync._ledger.items()) == dict(follower.sync._ledger.items())
    assert list(restored.sync._places) == [asset.token for asset in comet.collaterals]


@pytest.fixture
def debtors(scene):
    """Two borrowers with 10 ether and 10,000 dollars of debt each."""
    comet = deploy(scene)
    for user in scene.chain.accounts[1:3]:
        supply(scene.chain, comet, scene.asset("WETH"), user, 10 * WAD)
        borrow(scene.chain, comet, user, 10_000 * 10**6)

    return comet, [PositionKey(user) for user in scene.chain.accounts[1:3]]


def test_debt_moved_without_an_event_is_come_upon(scene, debtors, monkeypatch):
    """One debtor's transfer to another writes no event: whose turn it is, is read, and confirmed from then on."""
    comet, (payer, payee) = debtors
    follower = Follower(scene.chain, comet)
    monkeypatch.setattr(state, "READ_IN_TURN", 1)
    follower.advance()
    scene.chain.mine()
    receipt = scene.chain.send(comet.comet, "transfer(address,uint256)", payee, 5_000 * 10**6, sender=payer)
    assert receipt["logs"] == []
    markets = [follower.advance()]
    scene.chain.mine()
    markets.append(follower.advance())
    assert [len(market.strays) for market in markets] == [1, 2]
    health = follower.adapter.health
    assert set(health.always_confirm(markets[1])) == {payer, payee}
    agree(scene, comet, follower)
    # An event of the account's own brings the screen up to date, and ends that.
    borrow(scene.chain, comet, payer, 10**6)
    assert follower.advance().strays == {payee}


def test_saved_in_the_middle_of_a_backfill_is_read_after_a_restart(scene, debtors):
    """Events were folded in and principals not yet read: the doubt is written down with the account."""
    comet, keys = debtors
    one = build("before", comet.comet)
    follower = Follower(scene.chain, comet)
    logs = follower.logs(follower.sync.sources(), 0, follower.head().number)
    follower.run(one.sync.bootstrap(follower.head()))
    one.sync.apply(logs)
    rows = list(one.sync.save(None))
    other = build("after", comet.comet)
    other.sync.restore(rows)
    assert {other.sync._account(key).doubt for key in keys} == {Doubt.PRINCIPAL}
    follower.run(other.sync.bootstrap(follower.head()))
    market = follower.run(other.sync.observe(follower.head(), follower.market.target))
    assert {key: market.account(key) for key in keys} == {key: follower.market.account(key) for key in keys}


def test_logs_from_after_the_first_supply_are_not_believed(scene, debtors):
    comet, (key, _) = debtors
    late = build("late", comet.comet)
    follower = Follower(scene.chain, comet)
    follower.run(late.sync.bootstrap(follower.head()))
    scene.chain.send(comet.comet, "withdraw(address,uint256)", scene.asset("WETH").token, WAD, sender=key)
    logs = follower.logs(late.sync.sources(), follower.head().number, follower.head().number)
    with pytest.raises(DecodeError, match="start_block must not be after"):
        late.sync.apply(logs)


def test_an_address_that_is_no_market_is_a_mistake_in_the_configuration(scene):
    token = scene.asset("USDC").token
    follower = Follower(scene.chain, deploy(scene))
    with pytest.raises(ConfigError, match=r"deployment x: .* does not answer like a Comet"):
        follower.run(build("x", token).sync.bootstrap(follower.head()))


@pytest.mark.parametrize("code", [b"\xfe", RETURNS_A_MEGABYTE])
async def test_an_asset_whose_feed_breaks_costs_nobody_else_anything(scene, code):
    comet = deploy(scene)
    users = scene.chain.accounts[1:3]
    for user, symbol, amount in zip(users, ("WETH", "WBTC"), (10 * WAD, 10**8), strict=True):
        supply(scene.chain, comet, scene.asset(symbol), user, amount)
        borrow(scene.chain, comet, user, 20_000 * 10**6)

    for symbol in ("WETH", "WBTC"):
        asset = scene.asset(symbol)
        set_price(scene.chain, asset.feed, asset.listing.price // 2)

    follower = await follow(scene, comet)
    try:
        scene.chain.set_code(scene.asset("WBTC").feed.proxy, code)
        scene.chain.mine()
        await follower.advance()
        found = follower.deployment.findings()
    finally:
        await follower.chain.close()

    assert list(found.liquidatable) == [PositionKey(users[0])]
    assert {offer.key for offer in found.offers} == {PositionKey(users[0])}
    (no,) = [one for one in found.declined if one.key == PositionKey(users[1])]
    assert no.reason is Reason.UNKNOWN_PRICE


def test_a_market_that_quotes_by_other_rules_sells_us_nothing(scene, debtors):
    """The asset is set aside with the reason, and whoever holds it is not decided."""
    comet, (key, _) = debtors
    follower = Follower(scene.chain, comet)
    probe = follower.market.assets[0]

    def bent(requests):
        return [
            one._replace(data=(int.from_bytes(one.data, "big") + 1).to_bytes(32, "big"))
            if request.data[:4] == bytes.fromhex("7ac88ed1")
            else one
            for request, one in zip(requests, answers(requests), strict=True)
        ]

    def answers(requests):
        return answer_at(scene.chain, hexed(follower.head().hash), requests)

    market = drive_rounds(follower.sync.observe(follower.head(), follower.market.target), bent)
    assert market.assets[0].trouble == "the market quotes it by other rules than the known ones"
    health = follower.adapter.health.health(key, market)
    assert isinstance(health, Declined)
    assert health.reason is Reason.QUARANTINED
    assert probe.trouble == ""


async def test_reorganised_blocks_leave_no_trace(scene, debtors):
    """What orphaned blocks touched is reread whole, principal and collateral."""
    comet, (first, second) = debtors
    follower = await follow(scene, comet)
    try:
        await follower.advance()
        ancestor = follower.heads[-1]
        before = dict(follower.deployment.market.accounts(None))
        snapshot = scene.chain.node.rpc("evm_snapshot")
        supply(scene.chain, comet, scene.asset("WBTC"), second, 10**8)
        borrow(scene.chain, comet, first, 10**9)
        await follower.advance()
        assert dict(follower.deployment.market.accounts(None)) != before
        scene.chain.revert(snapshot)
        scene.chain.mine(3, interval_s=7)
        await follower.deployment.rewind(follower.chain, ancestor)
        follower.next_block = ancestor.number + 1
        market = await follower.advance()
        assert follower.deployment.stopped is None
        assert dict(market.accounts(None)) == before
    finally:
        await follower.chain.close()


class Misled(Follower):
    """A follower that is told another implementation's constants until `honest`: numbers by getter, offsets swapped."""

    def __init__(self, chain, comet, *, numbers=None, swapped=False):
        self.numbers, self.swapped, self.honest = numbers or {}, swapped, False
        super().__init__(chain, comet)

    def run(self, read, head=None):
        block = hexed((head or self.head()).hash)
        return drive_rounds(
            read, lambda requests: list(map(self.bent, requests, answer_at(self.chain, block, self.asked(requests))))
        )

    def asked(self, requests):
        if self.honest or not self.swapped:
            return requests

        other = {encode(abi.ASSET_INFO, i): encode(abi.ASSET_INFO, 1 - i) for i in (0, 1)}
        return [replace(one, data=other.get(one.data, one.data)) for one in requests]

    def bent(self, request, answer):
        number = None if self.honest else self.numbers.get(request.data)
        return answer if number is None else answer._replace(data=number.to_bytes(32, "big"))

    def upgrade(self):
        """Let the market say what it is, as an upgrade's event makes the keeper ask."""
        self.honest = True
        event = Log(self.comet.comet, (abi.UPGRADED, bytes(32)), b"", self.next_block, bytes(32), bytes(32), 0)
        self.sync.apply([event])
        return self.advance()


def test_an_upgrade_has_everything_asked_again(scene):
    """One more asset is listed and another target set; who supplied that asset before we knew of it is read whole."""
    comet, user = deploy(scene, collaterals=SYMBOLS, target=1_000), scene.chain.accounts[1]
    supply(scene.chain, comet, scene.asset("WETH"), user, 10 * WAD)
    follower = Misled(scene.chain, comet, numbers={encode(abi.NUM_ASSETS): 2, encode(abi.TARGET_RESERVES): 7 * 10**12})
    assert (len(follower.market.assets), follower.market.listing.target_reserves) == (2, 7 * 10**12)
    supply(scene.chain, comet, scene.asset("LINK"), user, 5 * WAD)
    market = follower.upgrade()
    assert [one.listed.asset for one in market.assets] == [asset.token for asset in comet.collaterals]
    assert market.listing.target_reserves == 1_000 * 10**6
    assert market.account(PositionKey(user)).held == ((0, 10 * WAD), (2, 5 * WAD))
    agree(scene, comet, follower)


def test_offsets_that_come_to_mean_other_assets_have_every_account_read_anew(scene, debtors):
    """Nobody's collateral is ever taken for another asset's: the deployment stops, and heals by reading everything."""
    comet, keys = debtors
    follower = Misled(scene.chain, comet, swapped=True)
    assert {follower.market.account(key).held for key in keys} == {((1, 10 * WAD),)}
    with pytest.raises(StateError, match="changed places"):
        follower.upgrade()

    follower.run(follower.sync.bootstrap(follower.head()))
    follower.run(follower.sync.reread(keys, follower.head()))
    market = follower.advance()
    assert {market.account(key).held for key in keys} == {((0, 10 * WAD),)}
    agree(scene, comet, follower)


def test_absorbed_accounts_and_what_they_are_left_with(scene, debtors):
    """A surplus is a supply afterwards: 10 ether at 1,100 dollars, credited at 94 %, less 10,000 dollars of debt."""
    comet, (key, other) = debtors
    set_price(scene.chain, scene.asset("WETH").feed, 1_100 * 10**8)
    follower = Follower(scene.chain, comet)
    scene.chain.execute(absorbing(scene.chain, comet, scene.chain.accounts[7], [key]))
    market = follower.advance()
    assert market.account(key).held == ()
    assert 330 * 10**6 < market.account(key).principal <= 340 * 10**6
    assert market.account(other).owes
    agree(scene, comet, follower)
