"""The state kept by events on the real contract, and markets whose oracles mean harm beside an honest one."""

import random
import time

import pytest

from keeper.protocols.morpho_blue import abi, build
from keeper.protocols.morpho_blue.params import market_of, position_key
from keeper.sandbox.assets import approve, fund
from keeper.sandbox.morpho_blue import PARAMS, borrow, lend, pledge
from keeper.sandbox.node import NodeError
from keeper.types import Declined, Offer, Reason
from keeper.units import WAD
from tests.anvil.morpho_blue_world import (
    WETH_IN_USDC,
    Follower,
    borrower_on_chain,
    deploy,
    follow,
    head_of,
    new_market,
    params_of,
    totals_on_chain,
)
from tests.parity.morpho_blue_lab import GROWING_IRM

BURNS_ALL_GAS = bytes.fromhex("5b5f56")
RETURNS_A_MEGABYTE = bytes.fromhex("621000005ff3")
REVERTS = bytes.fromhex("5f5ffd")
SAYS_NOTHING = b"\x00"
SAYS_ZERO = bytes.fromhex("60205ff3")
HOSTILE = {
    "burns all gas": BURNS_ALL_GAS,
    "returns a megabyte": RETURNS_A_MEGABYTE,
    "reverts": REVERTS,
    "says nothing": SAYS_NOTHING,
    "says zero": SAYS_ZERO,
}


class Crowd:
    """Five accounts that do what comes to mind in three markets; what Morpho refuses did not happen."""

    def __init__(self, scene, morpho, markets, rng):
        self.scene, self.chain, self.morpho, self.markets, self.rng = scene, scene.chain, morpho, markets, rng
        self.users = scene.chain.accounts[1:6]
        self.done = dict.fromkeys(
            ("supply", "withdraw", "borrow", "repay", "pledge", "unpledge", "liquidate", "accrue", "fee", "price"), 0
        )
        for user in self.users:
            for asset in (scene.asset("USDC"), scene.asset("WETH")):
                fund(self.chain, asset, user, asset.worth(10_000_000))
                approve(self.chain, asset, user, morpho.morpho)

        for market in markets:
            lend(self.chain, morpho, market, scene.chain.accounts[6], 10**12)
            for user in self.users:
                self.pledge(market, user)
                borrow(self.chain, morpho, market, user, 10**6)

    def act(self):
        action = self.rng.choice([*self.done, "pledge", "borrow", "borrow", "repay", "liquidate"])
        try:
            getattr(self, action)(self.rng.choice(self.markets), self.rng.choice(self.users))
        except NodeError:
            return

        self.done[action] += 1

    def send(self, function, market, *values, sender=None):
        self.chain.send(self.morpho.morpho, function, market.params, *values, sender=sender)

    def usdc(self):
        return self.rng.choice([1, 10**6, 10**9, 10**11]) * self.rng.randrange(1, 20)

    def supply(self, market, user):
        self.send(f"supply({PARAMS},uint256,uint256,address,bytes)", market, self.usdc(), 0, user, b"", sender=user)

    def withdraw(self, market, user):
        function = f"withdraw({PARAMS},uint256,uint256,address,address)"
        self.send(function, market, self.rng.choice([1, 10**5, 10**7]), 0, user, user, sender=user)

    def borrow(self, market, user):
        borrow(self.chain, self.morpho, market, user, self.usdc() // 10 + 1)

    def repay(self, market, user):
        params = params_of(market)
        shares = borrower_on_chain(self.scene, self.morpho, params.id, position_key(params.id, user)).borrow_shares
        part = self.rng.choice([shares, shares // 3, 1])
        self.send(f"repay({PARAMS},uint256,uint256,address,bytes)", market, 0, part, user, b"", sender=user)

    def pledge(self, market, user):
        amount = self.rng.randrange(1, 50) * 10 ** self.rng.choice([15, 17, 18])
        self.send(f"supplyCollateral({PARAMS},uint256,address,bytes)", market, amount, user, b"", sender=user)

    def unpledge(self, market, user):
        amount = self.rng.randrange(1, 10**18)
        self.send(f"withdrawCollateral({PARAMS},uint256,address,address)", market, amount, user, user, sender=user)

    def liquidate(self, market, user):
        params = params_of(market)
        owner = borrower_on_chain(self.scene, self.morpho, params.id, position_key(params.id, user))
        if self.rng.random() < 0.7:
            # A price at which the collateral is worth 60 to 105 % of the debt.
            owed = owner.borrow_shares // 10**6
            price = owed * 10**36 // max(owner.collateral, 1) * self.rng.randrange(60, 105) // 100
            self.chain.send(market.oracle, "setPrice(uint256)", max(price, 1))

        seized, shares = self.rng.choice(
            [(owner.collateral, 0), (0, owner.borrow_shares), (owner.collateral // 5, 0), (0, owner.borrow_shares // 7)]
        )
        liquidator = self.rng.choice(self.users)
        function = f"liquidate({PARAMS},address,uint256,uint256,bytes)"
        try:
            self.send(function, market, user, seized, shares, b"", sender=liquidator)
        finally:
            self.price(market, user)

    def accrue(self, market, user):
        self.send(f"accrueInterest({PARAMS})", market, sender=user)

    def fee(self, market, user):
        del user
        self.send(f"setFee({PARAMS},uint256)", market, self.rng.randrange(26) * WAD // 100)

    def price(self, market, user):
        del user
        self.chain.send(market.oracle, "setPrice(uint256)", WETH_IN_USDC * self.rng.randrange(90, 140) // 100)


def agree(scene, morpho, follower: Follower) -> int:
    """Every market's totals and every borrower equal the contract's."""
    market = follower.deployment.market
    assert market is not None, follower.deployment.stopped
    for market_id, isolated in market.isolated.items():
        assert isolated.stored == totals_on_chain(scene, morpho, market_id)

    keys = [key for key, _ in market.borrowers(None)]
    for key in keys:
        assert market.borrower(key) == borrower_on_chain(scene, morpho, market_of(key), key)

    return len(keys)


async def test_state_by_events_equals_the_contract_after_whatever_users_do(scene, random_seed):
    morpho, rng = deploy(scene), random.Random(random_seed)
    start = head_of(scene).number
    markets = [new_market(scene, morpho), new_market(scene, morpho, irm=GROWING_IRM), new_market(scene, morpho)]
    scene.chain.send(morpho.morpho, "setFeeRecipient(address)", scene.chain.accounts[7])
    crowd = Crowd(scene, morpho, markets, rng)
    follower = await follow(scene, morpho, from_block=start)
    try:
        for _ in range(30):
            for _ in range(rng.randrange(1, 12)):
                crowd.act()
                if rng.random() < 0.2:
                    scene.chain.mine(interval_s=rng.randrange(1, 10**6))

            await follower.advance()
            agree(scene, morpho, follower)

        assert min(crowd.done.values()) >= 3, crowd.done
        assert agree(scene, morpho, follower) >= 5
        again = await follow(scene, morpho, from_block=follower.next_block)
        again.sync.restore(list(follower.sync.save(None)))
        await again.chain.reads(again.sync.bootstrap(head_of(scene)), head_of(scene))
        market = await again.advance()
        assert market.isolated == follower.deployment.market.isolated
        assert dict(market.borrowers(None)) == dict(follower.deployment.market.borrowers(None))
        await again.chain.close()
    finally:
        await follower.chain.close()


async def test_projected_totals_are_what_the_contract_accrues_at_the_target(scene):
    """A rate that moves with time is asked for the target's time, and fee and interest follow to the unit."""
    morpho = deploy(scene)
    start = head_of(scene).number
    market = new_market(scene, morpho, irm=GROWING_IRM)
    scene.chain.send(morpho.morpho, "setFeeRecipient(address)", scene.chain.accounts[7])
    scene.chain.send(morpho.morpho, f"setFee({PARAMS},uint256)", market.params, WAD // 10)
    populate(scene, morpho, [market])
    scene.chain.mine(interval_s=86_400)
    follower = await follow(scene, morpho, from_block=start)
    follower.ahead_s = 12
    try:
        projected = (await follower.advance()).isolated[params_of(market).id]
        assert projected.now != projected.stored
        scene.chain.node.rpc("evm_setNextBlockTimestamp", head_of(scene).timestamp + 12)
        scene.chain.send(morpho.morpho, f"accrueInterest({PARAMS})", market.params)
        assert totals_on_chain(scene, morpho, params_of(market).id) == projected.now
    finally:
        await follower.chain.close()


async def test_reorganised_blocks_leave_no_trace(scene):
    morpho = deploy(scene)
    start = head_of(scene).number
    market = new_market(scene, morpho)
    populate(scene, morpho, [market])
    follower = await follow(scene, morpho, from_block=start)
    try:
        await follower.advance()
        ancestor = follower.heads[-1]
        snapshot = scene.chain.node.rpc("evm_snapshot")
        lend(scene.chain, morpho, market, scene.chain.accounts[4], 10**9)
        borrow(scene.chain, morpho, market, scene.chain.accounts[3], 10**6)
        await follower.advance()
        scene.chain.revert(snapshot)
        scene.chain.mine(3, interval_s=7)
        borrow(scene.chain, morpho, market, scene.chain.accounts[3], 10**7)
        await follower.deployment.rewind(follower.chain, ancestor)
        follower.next_block = ancestor.number + 1
        await follower.advance()
        agree(scene, morpho, follower)
    finally:
        await follower.chain.close()


def populate(scene, morpho, markets):
    """One lender and one borrower of 20,000 against ten WETH in each."""
    for market in markets:
        lend(scene.chain, morpho, market, scene.chain.accounts[2], 10**12)
        pledge(scene.chain, morpho, market, scene.chain.accounts[3], 10 * WAD)
        borrow(scene.chain, morpho, market, scene.chain.accounts[3], 20_000 * 10**6)


@pytest.mark.parametrize("harm", HOSTILE)
async def test_hostile_oracle_costs_its_own_market_and_nothing_else(scene, harm):
    morpho = deploy(scene)
    start = head_of(scene).number
    honest, hostile = new_market(scene, morpho), new_market(scene, morpho)
    populate(scene, morpho, [honest, hostile])
    scene.chain.send(honest.oracle, "setPrice(uint256)", WETH_IN_USDC * 3 // 4)
    honest_code = scene.chain.code(hostile.oracle)
    scene.chain.set_code(hostile.oracle, HOSTILE[harm])
    follower = await follow(scene, morpho, from_block=start)
    try:
        before = time.monotonic()
        await follower.advance()
        # Two million gas are milliseconds; the rest is slack for a busy machine.
        assert time.monotonic() - before < 5
        findings = follower.deployment.findings()
        (offer,) = findings.offers
        assert isinstance(offer, Offer)
        assert market_of(offer.key) == params_of(honest).id
        (declined,) = findings.declined
        assert (declined.reason, declined.key) == (Reason.QUARANTINED, None)
        assert declined.numbers["market"] == "0x" + params_of(hostile).id.hex()
        borrower = position_key(params_of(hostile).id, scene.chain.accounts[3])
        assert isinstance(follower.deployment.adapter.health.health(borrower, follower.deployment.market), Declined)

        scene.chain.set_code(hostile.oracle, honest_code)
        for _ in range(3):
            scene.chain.mine()
            await follower.advance()

        assert follower.deployment.findings().declined == ()
    finally:
        await follower.chain.close()


async def test_oracle_that_stays_broken_is_asked_ever_more_rarely(scene):
    morpho = deploy(scene)
    start = head_of(scene).number
    hostile = new_market(scene, morpho)
    populate(scene, morpho, [hostile])
    scene.chain.set_code(hostile.oracle, BURNS_ALL_GAS)
    follower = await follow(scene, morpho, from_block=start)
    asked = []
    try:
        for _ in range(20):
            scene.chain.mine()
            market = await follower.advance()
            isolated = market.isolated[params_of(hostile).id]
            asked.append(isolated.trouble == "its oracle has no price")
            assert len(follower.deployment.findings().declined) == 1
    finally:
        await follower.chain.close()

    # It rests for 1, 2, 4 and 8 blocks in between.
    assert [place for place, was in enumerate(asked) if was] == [0, 2, 5, 10, 19]


async def test_bootstrap_at_an_address_that_is_no_morpho_is_refused(scene):
    from keeper.errors import ConfigError

    wrong = build("morpho", scene.asset("WETH").token)
    chain = (await follow(scene, deploy(scene), from_block=0)).chain
    try:
        with pytest.raises(ConfigError, match="does not answer like Morpho Blue"):
            await chain.reads(wrong.sync.bootstrap(head_of(scene)), head_of(scene))
    finally:
        await chain.close()


def test_every_event_is_the_contracts_own(scene):
    """Each topic and selector is in the compiled bytecode, which knows no other way to spell them."""
    code = scene.chain.code(deploy(scene).morpho)
    from keeper.protocols.words import selector

    for topic in abi.EVENTS:
        assert topic in code

    for function in (abi.MARKET, abi.POSITION, abi.ID_TO_MARKET_PARAMS, abi.LIQUIDATE, abi.FLASH_LOAN, abi.PRICE,
                     abi.ON_MORPHO_LIQUIDATE):  # fmt: skip
        assert selector(function) in code, function
