"""The state kept by events on the real contracts: every account and every health, after whatever users do."""

import random
from dataclasses import replace

import pytest

from keeper.protocols.aave_v3 import build
from keeper.protocols.aave_v3.account import EMPTY
from keeper.protocols.aave_v3.rounding import Rounding, read_rounding
from keeper.sandbox.aave import account_data, borrow, set_user_emode, supply
from keeper.sandbox.aave_v3 import _list, compile_aave_v3
from keeper.sandbox.assets import Asset, Listing, approve, fund
from keeper.sandbox.chain import Transaction
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.feeds import DOLLAR, deploy_feed, price, set_price
from keeper.sandbox.node import NodeError
from keeper.types import BlockTarget, Declined, LogQuery, Offer, PositionKey, Reason
from keeper.units import GWEI, MAX_UINT256, WAD
from tests.anvil.aave_v3_follow import Follower
from tests.parity.aave_v3_lab import Lab, hexed

LIQUIDATION = "liquidationCall(address,address,address,uint256,bool)"


@pytest.fixture(params=["3.6", "3.0.2"])
def followed(request, scene):
    aave = scene.world.aave36 if request.param == "3.6" else scene.world.aave302
    return replace(scene, aave=aave), Follower(scene.chain, aave)


def agree(scene, follower):
    """Every account equals the chain's, and every health `getUserAccountData`."""
    keys = [key for key, _ in follower.sync._kept.ledger.items()]
    on_chain = follower.accounts_on_chain(keys)
    assert {key: follower.sync._kept.get(key) for key in keys} == on_chain
    for key in keys:
        health = follower.adapter.health.health(key, follower.market)
        data = account_data(scene.chain, scene.aave, key)
        assert (health.collateral_base, health.debt_base, health.factor_wad) == (
            data.collateral_base, data.debt_base, data.health_factor_wad,
        )  # fmt: skip

    return len(keys)


# What users do -----------------------------------------------------------------------------------------------------


class Crowd:
    """Six accounts that do what comes to mind; what the pool refuses did not happen."""

    def __init__(self, scene, follower, rng):
        self.scene, self.follower, self.rng = scene, follower, rng
        self.chain, self.pool = scene.chain, scene.aave.pool
        self.users = scene.chain.accounts[1:7]
        self.assets = [scene.asset(symbol) for symbol in scene.aave.reserves]
        self.by_token = {asset.token: asset for asset in self.assets}
        self.done = dict.fromkeys(("supply", "borrow", "repay", "withdraw", "transfer", "flag", "mode", "liquidate"), 0)
        for asset in self.assets:
            for user in self.users:
                fund(self.chain, asset, user, asset.worth(3_000_000))
                approve(self.chain, asset, user, self.pool)

    def act(self):
        action = self.rng.choice([*self.done, "supply", "borrow"])
        user, asset = self.rng.choice(self.users), self.rng.choice(self.assets)
        amount = max(asset.worth(self.rng.choice([1, 50, 3_000, 40_000])) * self.rng.randrange(50, 150) // 100, 1)
        try:
            getattr(self, action)(user, asset, amount)
        except NodeError:
            return

        self.done[action] += 1

    def of(self, user, side, asset):
        """Something the user holds or owes, as far as the follower knows; anything where it is nothing."""
        entries = getattr(self.follower.sync._kept.get(PositionKey(user)), side)
        roster = self.follower.market.roster
        return self.by_token[roster.listings[self.rng.choice(entries)[0]].asset] if entries else asset

    def send(self, function, *arguments, sender):
        self.chain.send(self.pool, function, *arguments, sender=sender)

    def supply(self, user, asset, amount):
        self.send("supply(address,uint256,address,uint16)", asset.token, amount, user, 0, sender=user)

    def borrow(self, user, asset, amount):
        borrow(self.chain, self.scene.aave, asset, user, amount)

    def repay(self, user, asset, amount):
        asset, amount = self.of(user, "borrowed", asset), self.rng.choice([amount, MAX_UINT256, 1, 2])
        self.send("repay(address,uint256,uint256,address)", asset.token, amount, 2, user, sender=user)

    def withdraw(self, user, asset, amount):
        asset, amount = self.of(user, "supplied", asset), self.rng.choice([amount, MAX_UINT256, 1, 2])
        self.send("withdraw(address,uint256,address)", asset.token, amount, user, sender=user)

    def transfer(self, user, asset, amount):
        asset = self.of(user, "supplied", asset)
        token = self.scene.aave.reserves[asset.listing.symbol].a_token
        amount = self.rng.choice([amount // 3 + 1, 1])
        self.chain.send(token, "transfer(address,uint256)", self.rng.choice(self.users), amount, sender=user)

    def flag(self, user, asset, amount):
        asset = self.of(user, "supplied", asset)
        self.send("setUserUseReserveAsCollateral(address,bool)", asset.token, amount % 2 == 0, sender=user)

    def mode(self, user, asset, amount):
        del asset
        set_user_emode(self.chain, self.scene.aave, user, amount % 3)

    def liquidate(self, user, asset, amount):
        """Halve the price of something a borrower holds for as long as it takes."""
        victim = self.rng.choice([u for u in self.users if u != user])
        collateral, debt = self.of(victim, "supplied", asset), self.of(victim, "borrowed", asset)
        before = price(self.chain, collateral.feed)
        set_price(self.chain, collateral.feed, before // self.rng.choice([2, 10]))
        cover, as_tokens = self.rng.choice([amount, MAX_UINT256]), self.rng.random() < 0.3
        try:
            self.send(LIQUIDATION, collateral.token, debt.token, victim, cover, as_tokens, sender=user)
        finally:
            set_price(self.chain, collateral.feed, before)


def test_accounts_and_health_follow_whatever_users_do(followed, random_seed):
    scene, follower = followed
    rng = random.Random(random_seed)
    crowd = Crowd(scene, follower, rng)
    for round_ in range(12):
        for _ in range(20):
            crowd.act()

        scene.chain.mine(interval_s=rng.choice([12, 3_600, 86_400 * 20]))
        follower.advance()
        known = agree(scene, follower)
        assert known >= 6 or round_ < 3

    assert min(crowd.done.values()) >= 1, crowd.done
    if scene.aave.version == "3.0.2":
        # After months of interest no total is whole any more, and the real tokens tell which way they round.
        contracts, listings = follower.sync._contracts, follower.market.roster.listings
        told = follower.run(read_rounding(contracts.pool, listings, follower.market.rules))
        assert (told, follower.market.rules.version) == (Rounding(half_up=True, directed=False), "3.0")


def test_a_late_start_finds_the_same_accounts(followed, random_seed):
    """From the first block with one batch of logs, after everything happened."""
    scene, follower = followed
    crowd = Crowd(scene, follower, random.Random(random_seed + 1))
    for _ in range(60):
        crowd.act()

    follower.advance()
    late = Follower(scene.chain, scene.aave)
    assert dict(late.sync._kept.ledger.items()) == dict(follower.sync._kept.ledger.items())


def test_saved_state_is_restored_and_followed_on(followed):
    scene, follower = followed
    user = scene.chain.accounts[1]
    supply(scene.chain, scene.aave, scene.asset("WETH"), user, WAD)
    follower.advance()
    rows = list(follower.sync.save(None))
    borrow(scene.chain, scene.aave, scene.asset("USDC"), user, 1_000_000)

    again = Follower.__new__(Follower)
    again.__dict__.update(follower.__dict__)
    again.adapter = build("restored", scene.aave.addresses_provider)
    again.sync = again.adapter.sync
    again.sync.restore(rows)
    again.run(again.sync.bootstrap(again.head()))
    again.advance()
    agree(scene, again)
    assert again.sync._kept.get(PositionKey(user)).borrowed


# Markets that change -----------------------------------------------------------------------------------------------


def test_a_reserve_listed_later_is_followed_from_its_first_log(scene):
    """Listing, first supply, collateral flag and loan in one stretch of blocks, read in one batch."""
    chain, follower = scene.chain, Follower(scene.chain, scene.world.aave36)
    own = compile_own(scene.packages, "sandbox")
    listing = Listing("NEW", 8, 7 * DOLLAR, 5_000, 6_000, 11_000, emode=0)
    token = chain.deploy(own["SandboxToken"], "NEW", "NEW", 8)
    asset = Asset(listing, token, deploy_feed(chain, own, "NEW / USD", listing.price))
    contracts = compile_aave_v3(scene.packages)
    chain.send(scene.aave.oracle, "setAssetSources(address[],address[])", [token], [asset.feed.proxy])
    _list(chain, contracts, scene.aave.pool, scene.aave.configurator, [asset])
    user = chain.accounts[1]
    supply(chain, scene.aave, asset, user, asset.units(1_000))
    borrow(chain, scene.aave, scene.asset("USDC"), user, 2_000_000_000)

    market = follower.advance()

    assert market.token_prices()[token].price == 7 * WAD
    assert agree(scene, follower) >= 2
    assert follower.adapter.health.health(PositionKey(user), market).factor_wad == pytest.approx(2.1 * WAD, rel=1e-6)


def test_a_bonus_changed_without_an_event_is_seen_in_the_next_block(scene):
    follower = Follower(scene.chain, scene.world.aave36)
    place = follower.market.roster.places[scene.asset("WETH").token][0]
    contract, slot = Lab(scene).config[place]
    word = follower.market.reserves[place].config & ~(0xFFFF << 32) | 11_111 << 32
    scene.chain.node.rpc("anvil_setStorageAt", hexed(contract), hexed(slot), hexed(word.to_bytes(32, "big")))
    scene.chain.mine()

    assert follower.advance().reserves[place].bonus == 11_111


def test_a_price_that_fails_leaves_only_its_own_asset_without_one(scene):
    chain, follower = scene.chain, Follower(scene.chain, scene.world.aave36)
    user = chain.accounts[1]
    supply(chain, scene.aave, scene.asset("LINK"), user, 100 * WAD)
    borrow(chain, scene.aave, scene.asset("USDC"), user, 1_000_000)
    set_price(chain, scene.asset("LINK").feed, 0)

    market = follower.advance()

    assert scene.asset("LINK").token not in market.token_prices()
    assert len(market.token_prices()) == len(scene.aave.reserves) - 1
    declined = follower.adapter.health.health(PositionKey(user), market)
    assert isinstance(declined, Declined)
    assert declined.reason is Reason.UNKNOWN_PRICE


def test_reread_brings_an_account_back_to_the_chain(followed):
    scene, follower = followed
    user = PositionKey(scene.chain.accounts[1])
    supply(scene.chain, scene.aave, scene.asset("WETH"), scene.chain.accounts[1], WAD)
    follower.advance()
    right = follower.sync._kept.get(user)
    follower.sync._kept.put({user: EMPTY})
    follower.run(follower.sync.reread([user], follower.head()))
    assert follower.sync._kept.get(user) == right


# Settlement --------------------------------------------------------------------------------------------------------

EVERYTHING = LogQuery((), ())


def mined_in_order(chain, transactions):
    """Mine one block with these transactions in this order, none of which may revert; returns their receipts."""
    chain.node.rpc("evm_setAutomine", False)
    chain.node.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    hashes = []
    for tip in range(len(transactions), 0, -1):
        fees = {"maxPriorityFeePerGas": hex(tip * GWEI), "maxFeePerGas": hex((tip + 2) * GWEI)}
        hashes.append(chain.node.rpc("eth_sendTransaction", {**transactions[-tip].fields(), **fees}))

    chain.node.rpc("anvil_mine", "0x1")
    receipts = [chain.node.rpc("eth_getTransactionReceipt", name) for name in hashes]
    assert [r["transactionIndex"] for r in receipts] == [hex(i) for i in range(len(transactions))]
    assert {r["status"] for r in receipts} == {"0x1"}
    return receipts


@pytest.mark.parametrize("size", ["all", "part"])
@pytest.mark.parametrize("late", [0, 3])
def test_settled_equals_realised_behind_a_price_and_a_repayment_in_the_same_block(followed, size, late):
    """The price falls, the borrower repays a little, then we liquidate: one block, planned before any of it."""
    scene, follower = followed
    chain, weth, usdc = scene.chain, scene.asset("WETH"), scene.asset("USDC")
    borrower, liquidator = chain.accounts[1:3]
    key = PositionKey(borrower)
    supply(chain, scene.aave, weth, borrower, 10 * WAD)
    borrow(chain, scene.aave, usdc, borrower, 22_000_000_000)
    for payer in (borrower, liquidator):
        fund(chain, usdc, payer, 30_000_000_000)
        approve(chain, usdc, payer, scene.aave.pool)

    set_price(chain, weth.feed, 2_400 * DOLLAR)
    chain.mine(late)
    head = follower.head()
    target = BlockTarget(head.number + 1, head.timestamp + 12, 10**9, head.timestamp + 36)
    market = follower.advance(target)
    (offer,) = [o for o in follower.adapter.offers.offers(key, market) if isinstance(o, Offer)]
    wanted = offer.sizes[-1][1] if size == "all" else offer.sizes[0][1] // 2
    planned = follower.adapter.offers.settle(offer, wanted, market)
    (guarded,) = follower.adapter.encoder.calls(offer, wanted, planned, market, b"")

    chain.mine(late)
    parent = follower.advance(target)
    repay = ("repay(address,uint256,uint256,address)", usdc.token, 777_777, 2, borrower)
    receipts = mined_in_order(
        chain,
        [
            chain.transaction(weth.feed.aggregator, "setAnswer(int256)", 2_300 * DOLLAR),
            chain.transaction(scene.aave.pool, *repay, sender=borrower),
            Transaction(liquidator, guarded.call.to, guarded.call.data),
        ],
    )
    landed = follower.head()
    logs = follower.logs([EVERYTHING], landed.number, landed.number)
    first = int(receipts[2]["logs"][0]["logIndex"], 16)
    before = [log for log in logs if log.index < first]
    ours = [log for log in logs if log.index >= first]
    met = follower.sync.preceding(
        parent, before, BlockTarget(landed.number, landed.timestamp, landed.base_fee_wei, target.expires_at)
    )
    (again,) = [o for o in follower.adapter.offers.offers(key, met) if isinstance(o, Offer)]
    settled = follower.adapter.offers.settle(again, wanted, met)
    realised = follower.adapter.encoder.realised(again, ours)
    assert (settled.pays[0].amount, settled.receives) == (realised.pays[0].amount, realised.receives)
    assert realised.pays[0].amount <= planned.pays[0].at_most or late
    assert realised != planned
