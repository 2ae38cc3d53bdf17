"""The state kept by events on Venus's real contracts, and markets that break beside others that do not."""

import random

import pytest

from keeper.errors import ConfigError
from keeper.protocols.compound_v2 import abi, build
from keeper.protocols.compound_v2.health import weigh
from keeper.protocols.words import selector
from keeper.sandbox.assets import approve, fund
from keeper.sandbox.compound_v2 import borrow, enter, liquidity, mint, with_liquidator
from keeper.sandbox.feeds import DOLLAR, set_price
from keeper.sandbox.node import NodeError
from keeper.types import Declined, Offer, PositionKey, Reason
from keeper.units import GWEI, MAX_UINT256, WAD
from tests.anvil.compound_v2_world import LENDER, Follower, deploy, follow, head_of
from tests.parity.compound_v2_lab import RATE_CODE

REVERTS = bytes.fromhex("5f5ffd")
SAYS_NOTHING = b"\x00"
SAYS_ZERO = bytes.fromhex("60205ff3")
RETURNS_A_MEGABYTE = bytes.fromhex("621000005ff3")
SYMBOLS = ("WETH", "WBTC", "USDC", "GUSD")
FEW = ("WETH", "USDC", "LINK")


class Crowd:
    """Five accounts that do what comes to mind; what the markets refuse, mostly without a revert, did not happen."""

    ACTIONS = ("supply", "redeem", "borrow", "repay", "transfer", "enter", "leave", "liquidate", "accrue", "restrict")

    def __init__(self, scene, compound, rng):
        self.scene, self.chain, self.compound, self.rng = scene, scene.chain, compound, rng
        self.users = scene.chain.accounts[1:6]
        self.done = dict.fromkeys(self.ACTIONS, 0)
        self.markets = [*(compound.markets[symbol] for symbol in SYMBOLS), compound.native_market]
        for user in self.users:
            self.chain.set_balance(user, 10**6 * WAD)
            for symbol in SYMBOLS:
                asset = scene.asset(symbol)
                fund(self.chain, asset, user, asset.worth(10_000_000))
                for spender in (compound.markets[symbol], compound.liquidator):
                    approve(self.chain, asset, user, spender)

            for token in self.markets:
                self.send(token, "mint", 100_000 * rng.randrange(1, 5), user)
                enter(self.chain, compound, token, user)

    def act(self):
        rarest = min(self.ACTIONS, key=lambda action: self.done[action])
        action, token = self.rng.choice([rarest, self.rng.choice(self.ACTIONS)]), self.rng.choice(self.markets)
        try:
            receipt = getattr(self, action)(token, self.rng.choice(self.users))
        except NodeError:
            return

        if receipt is None:
            return

        self.done[action] += bool(receipt["logs"]) and all(
            log["topics"][0] != "0x" + abi.FAILURE.hex() for log in receipt["logs"]
        )

    def worth(self, token, dollars):
        """An amount of a market's token worth so many dollars; both of the native asset's markets count in ether."""
        symbols = {market: symbol for symbol, market in self.compound.markets.items()}
        return max(self.scene.asset(symbols.get(token, "WETH")).worth(dollars), 1)

    def send(self, token, function, dollars, user):
        """Pay into a market, by value where it is the native one."""
        amount = self.worth(token, dollars)
        if token == self.compound.native_market:
            return self.chain.send(token, f"{function}()", sender=user, value_wei=amount)

        return self.chain.send(token, f"{function}(uint256)", amount, sender=user)

    def dollars(self):
        return self.rng.choice([0.001, 1, 100, 30_000, 200_000]) * self.rng.randrange(1, 9)

    def supply(self, token, user):
        return self.send(token, "mint", self.dollars(), user)

    def redeem(self, token, user):
        held = self.chain.call(token, "balanceOf(address)(uint256)", user)
        part = self.rng.choice([held, held // 3, 1])
        return self.chain.send(token, "redeem(uint256)", part, sender=user)

    def borrow(self, token, user):
        return self.chain.send(token, "borrow(uint256)", self.worth(token, self.dollars()), sender=user)

    def repay(self, token, user):
        if token == self.compound.native_market:
            return self.send(token, "repayBorrow", self.dollars(), user)

        amount = self.rng.choice([self.worth(token, self.dollars()), MAX_UINT256, 1])
        return self.chain.send(token, "repayBorrow(uint256)", amount, sender=user)

    def transfer(self, token, user):
        amount = self.rng.choice([1, 10**8, 10**11])
        return self.chain.send(token, "transfer(address,uint256)", self.rng.choice(self.users), amount, sender=user)

    def enter(self, token, user):
        return self.chain.send(self.compound.comptroller, "enterMarkets(address[])", [token], sender=user)

    def leave(self, token, user):
        return self.chain.send(self.compound.comptroller, "exitMarket(address)", token, sender=user)

    def accrue(self, token, user):
        return self.chain.send(token, "accrueInterest()", sender=user)

    def restrict(self, token, user):
        del token
        verb = self.rng.choice(["restrictLiquidation", "unrestrictLiquidation", "unrestrictLiquidation"])
        return self.chain.send(self.compound.liquidator, f"{verb}(address)", user)

    def liquidate(self, token, user):
        """Let nothing back any debt for as long as it takes, so that everybody who owes is short."""
        del token
        guarded = self.chain.call_many(
            [(self.compound.liquidator, "liquidationRestricted(address)(bool)", one) for one in self.users]
        )
        victims = [one for one, no in zip(self.users, guarded, strict=True) if one != user and not no]
        pairs = [(market, one) for market in self.markets for one in victims]
        owed = self._read("borrowBalanceStored", pairs)
        if not any(owed.values()):
            return None

        token, victim = max(owed, key=lambda pair: owed[pair] / self.worth(pair[0], 1_000_000))
        held = self._read("balanceOf", [(market, victim) for market in self.markets])
        collateral, _ = max(held, key=lambda pair: held[pair] / self.worth(pair[0], 1_000_000))
        amount = max(owed[token, victim] // self.rng.choice([10, 1_000, 10**6]), 1)
        function = "liquidateBorrow(address,address,uint256,address)"
        value = amount if token == self.compound.native_market else 0
        self._back(0)
        try:
            return self.chain.send(
                self.compound.liquidator, function, token, victim, amount, collateral, sender=user, value_wei=value
            )
        finally:
            self._back(WAD * 7 // 10)

    def _back(self, factor):
        """Let every market's cTokens back so much of their worth."""
        for market in self.markets:
            self.chain.send(self.compound.comptroller, "_setCollateralFactor(address,uint256)", market, factor)

    def _read(self, function, pairs):
        calls = [(market, f"{function}(address)(uint256)", user) for market, user in pairs]
        return dict(zip(pairs, self.chain.call_many(calls), strict=True))


def agree(scene, compound, follower):
    """Every account equals the chain's, debts as the chain keeps them, and every standing the comptroller's own."""
    keys = [key for key, _ in follower.sync._ledger.items()]
    on_chain = follower.accounts_on_chain(keys)
    assert {key: follower.market.account(key) for key in keys} == on_chain
    for key in keys:
        cover, required = weigh(key, follower.market).stored
        told = (max(cover - required, 0), max(required - cover, 0))
        assert told == liquidity(scene.chain, compound, key)

    return sum(bool(account.borrowed) for account in on_chain.values())


def test_accounts_and_liquidity_follow_whatever_users_do(scene, random_seed):
    rng = random.Random(random_seed)
    compound = with_liquidator(scene.chain, scene.packages, deploy(scene, SYMBOLS, native=True))
    crowd = Crowd(scene, compound, rng)
    native = scene.asset("WETH").token
    follower = Follower(scene.chain, compound, native=native)
    for _ in range(4):
        for _ in range(35):
            crowd.act()

        scene.chain.node.rpc("anvil_mine", hex(rng.choice([1, 5, 40])), hex(12))
        follower.advance()
        agree(scene, compound, follower)

    assert min(crowd.done.values()) >= 1, crowd.done
    assert agree(scene, compound, follower) >= 3
    late = Follower(scene.chain, compound, native=native)
    assert dict(late.sync._ledger.items()) == dict(follower.sync._ledger.items())
    restored = build("restored", compound.comptroller, native)
    restored.sync.restore(follower.sync.save(None))
    assert dict(restored.sync._ledger.items()) == dict(follower.sync._ledger.items())
    assert restored.sync._indices == follower.sync._indices


def test_projected_sums_are_what_the_market_accrues_at_the_target(scene):
    """Interest runs by blocks; the rate is the one the next accrual takes."""
    compound = deploy(scene, FEW)
    open_position(scene, compound, scene.chain.accounts[1])
    scene.chain.node.rpc("anvil_mine", hex(50), hex(12))
    follower = Follower(scene.chain, compound)
    head = follower.head()
    target = follower.market.target
    market = follower.market.at(type(target)(head.number + 1, head.timestamp + 12, GWEI, head.timestamp + 36))
    place = market.places[compound.markets["USDC"]]
    scene.chain.send(compound.markets["USDC"], "accrueInterest()")
    after = follower.advance().tokens[place]
    assert market.tokens[place].now == after.stored != market.tokens[place].stored


def test_stablecoin_debt_counts_and_is_decided_every_block(scene):
    """Only the controller is a stand-in, which says what anybody owes; the comptroller adds it to its own sum."""
    compound = deploy(scene, FEW)
    user = scene.chain.accounts[1]
    open_position(scene, compound, user)
    controller = b"\x5a" * 20
    scene.chain.set_code(controller, RATE_CODE)
    slot, owed = "0x" + bytes(32).hex(), (4_000 * WAD).to_bytes(32, "big")
    scene.chain.node.rpc("anvil_setStorageAt", "0x" + controller.hex(), slot, "0x" + owed.hex())
    scene.chain.send(compound.comptroller, "_setVAIController(address)", controller)
    follower = Follower(scene.chain, compound)
    follower.run(follower.sync.reread([PositionKey(user)], follower.head()))
    market = follower.advance()
    # 24,900 back 20,000 of USDC; with 4,000 of the stablecoin 900 are left.
    assert market.vai == {PositionKey(user): 4_000 * WAD}
    assert follower.adapter.health.always_confirm(market) == {PositionKey(user)}
    cover, required = weigh(PositionKey(user), market).stored
    assert liquidity(scene.chain, compound, user) == (cover - required, 0)


# Through the keeper's own chain ------------------------------------------------------------------------------------


def open_position(scene, compound, user):
    mint(scene.chain, compound, scene.asset("WETH"), user, 10 * WAD)
    borrow(scene.chain, compound.markets["USDC"], user, 20_000 * 10**6)


async def test_reorganised_blocks_leave_no_trace(scene):
    """What orphaned blocks touched is reread: debts as principal and index, from where the market keeps them."""
    compound = deploy(scene, FEW)
    first, second = scene.chain.accounts[1:3]
    open_position(scene, compound, first)
    follower = await follow(scene, compound)
    try:
        await follower.advance()
        ancestor = follower.heads[-1]
        before = dict(follower.deployment.market.accounts(None))
        snapshot = scene.chain.node.rpc("evm_snapshot")
        open_position(scene, compound, second)
        borrow(scene.chain, compound.markets["USDC"], first, 10**9)
        await follower.advance()
        scene.chain.revert(snapshot)
        scene.chain.mine(3, interval_s=7)
        await follower.deployment.rewind(follower.chain, ancestor)
        follower.next_block = ancestor.number + 1
        market = await follower.advance()
        assert follower.deployment.stopped is None
        assert dict(market.accounts(None)) == before
    finally:
        await follower.chain.close()


BREAKS = {
    "its feed reverts": ("feed", REVERTS, Reason.UNKNOWN_PRICE),
    "its feed says zero": ("feed", SAYS_ZERO, Reason.UNKNOWN_PRICE),
    "the market says nothing": ("market", SAYS_NOTHING, Reason.QUARANTINED),
    "the market returns a megabyte": ("market", RETURNS_A_MEGABYTE, Reason.QUARANTINED),
}


@pytest.mark.parametrize("broken", BREAKS)
async def test_what_breaks_costs_its_own_market_and_nothing_else(scene, broken):
    """One who is short goes on being offered; an account in the broken market is not decided; both are said."""
    compound = deploy(scene, FEW)
    first, second = scene.chain.accounts[1:3]
    open_position(scene, compound, first)
    open_position(scene, compound, second)
    mint(scene.chain, compound, scene.asset("LINK"), second, WAD)
    set_price(scene.chain, scene.asset("WETH").feed, 2_300 * DOLLAR)
    what, code, reason = BREAKS[broken]
    follower = await follow(scene, compound)
    try:
        await follower.advance()
        assert len(follower.deployment.findings().offers) == 3
        victim = scene.asset("LINK").feed.proxy if what == "feed" else compound.markets["LINK"]
        honest = scene.chain.code(victim)
        scene.chain.set_code(victim, code)
        scene.chain.mine()
        await follower.advance()
        findings = follower.deployment.findings()
        (offer,) = findings.offers
        assert isinstance(offer, Offer)
        assert offer.key == PositionKey(first)
        assert {(no.key, no.reason) for no in findings.declined} == {(PositionKey(second), reason), (None, reason)}
        assert follower.deployment.stopped is None

        scene.chain.set_code(victim, honest)
        scene.chain.mine()
        await follower.advance()
        assert len(follower.deployment.findings().offers) == 3
    finally:
        await follower.chain.close()


async def test_a_market_whose_code_was_replaced_is_left_alone_until_a_restart(scene):
    compound = deploy(scene, FEW)
    open_position(scene, compound, scene.chain.accounts[1])
    set_price(scene.chain, scene.asset("WETH").feed, 2_300 * DOLLAR)
    follower = await follow(scene, compound)
    try:
        await follower.advance()
        code = scene.chain.deploy(scene.packages.artifact("@venusprotocol/venus-protocol", "VBep20Delegate"))
        token = compound.markets["WETH"]
        scene.chain.send(token, "_setImplementation(address,bool,bytes)", code, True, b"")
        for _ in range(2):
            scene.chain.mine()
            await follower.advance()
            findings = follower.deployment.findings()
            assert findings.offers == ()
            (told,) = [no for no in findings.declined if no.key is None]
            assert told.reason is Reason.QUARANTINED
            assert "was another" in told.numbers["why"]

        again = await follow(scene, compound)
        await again.advance()
        assert len(again.deployment.findings().offers) == 1
        await again.chain.close()
    finally:
        await follower.chain.close()


async def test_a_comptroller_whose_code_was_replaced_stops_its_deployment(scene):
    """It stays stopped, with the reason, however often everything is read again."""
    compound = deploy(scene, FEW)
    follower = await follow(scene, compound)
    try:
        await follower.advance()
        code = scene.chain.deploy(scene.packages.artifact("@venusprotocol/venus-protocol", "Comptroller"))
        scene.chain.send(compound.comptroller, "_setPendingImplementation(address)", code)
        scene.chain.send(code, "_become(address)", compound.comptroller)
        for _ in range(2):
            scene.chain.mine()
            assert await follower.advance() is None
            assert "runs other code" in follower.deployment.stopped

        (told,) = follower.deployment.findings().declined
        assert isinstance(told, Declined)
        assert told.reason is Reason.QUARANTINED
    finally:
        await follower.chain.close()


async def test_another_oracle_is_taken_up_in_the_next_block(scene):
    """Everything is read again before anything is decided."""
    compound = deploy(scene, FEW)
    open_position(scene, compound, scene.chain.accounts[1])
    follower = await follow(scene, compound)
    try:
        await follower.advance()
        oracle = scene.chain.deploy(scene.packages.artifact("@venusprotocol/venus-protocol", "SimplePriceOracle"))
        for symbol, whole in (("WETH", 2_300), ("USDC", 1)):
            amount = whole * 10 ** (36 - scene.asset(symbol).listing.decimals)
            function = "setUnderlyingPrice(address,uint256)"
            scene.chain.send(oracle, function, compound.markets[symbol], amount)

        scene.chain.send(compound.comptroller, "_setPriceOracle(address)", oracle)
        assert await follower.advance() is None
        assert "new contracts" in follower.deployment.stopped
        scene.chain.mine()
        await follower.advance()
        assert follower.deployment.stopped is None
        assert [offer.key for offer in follower.deployment.findings().offers] == [PositionKey(scene.chain.accounts[1])]
    finally:
        await follower.chain.close()


async def test_bootstrap_at_an_address_that_is_no_comptroller_is_refused(scene):
    chain = (await follow(scene, deploy(scene, FEW))).chain
    wrong = build("venus", scene.asset("WETH").token)
    try:
        with pytest.raises(ConfigError, match="does not answer like a Comptroller"):
            await chain.reads(wrong.sync.bootstrap(head_of(scene)), head_of(scene))
    finally:
        await chain.close()


def test_a_native_market_without_a_token_for_it_is_set_aside(scene):
    compound = deploy(scene, SYMBOLS, native=True)
    follower = Follower(scene.chain, compound)
    token = follower.market.tokens[follower.market.places[compound.native_market]]
    assert "names no token" in token.trouble
    lender = PositionKey(scene.chain.accounts[LENDER])
    assert weigh(lender, follower.market).reason is Reason.QUARANTINED


def test_every_event_and_call_is_venus_own(scene):
    """Each topic and selector is in the published bytecode, which knows no other way to spell them."""
    names = ("VBep20Delegate", "MockVBNB", "Comptroller", "Liquidator", "VenusChainlinkOracle", "VAIController")
    code = b"".join(
        bytes.fromhex(scene.packages.artifact("@venusprotocol/venus-protocol", name).bytecode.replace("_", "0"))
        for name in names
    )
    foreign = {abi.POOL_SELECTED, abi.ACCRUED_BRIEFLY, abi.ANSWER_UPDATED}
    topics = {value for value in vars(abi).values() if isinstance(value, bytes)} - foreign
    assert {topic.hex() for topic in topics if topic.lstrip(b"\0") not in code} == set()
    elsewhere = {
        abi.FACET_ADDRESSES, abi.SEIZE_GUARDIAN_PAUSED, abi.IS_DEPRECATED, abi.FORCED_LIQUIDATION, abi.USER_POOL,
        abi.PROTOCOL_SHARE_RESERVE, abi.ACCRUAL_TIMESTAMP, abi.IS_TIME_BASED, abi.IMPLEMENTATION, abi.RATE_PER_SECOND,
        abi.SEIZE_SHARE, abi.DEPOSIT, abi.WITHDRAW,
    }  # fmt: skip
    calls = {value for value in vars(abi).values() if isinstance(value, str) and value.endswith(")")} - elsewhere
    assert {call for call in calls if selector(call) not in code} == set()
