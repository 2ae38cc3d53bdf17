"""Plans made from the real cTokens of Venus land on them with the profit they said: seized, redeemed and sold."""

import pytest

from keeper.protocols.words import word
from keeper.sandbox.chain import Transaction
from keeper.sandbox.compound_v2 import TREASURY as TREASURY_OF_VENUS
from keeper.sandbox.compound_v2 import borrow, mint, mint_native, with_liquidator
from keeper.sandbox.feeds import DOLLAR, price_update, set_price
from keeper.settler import EXECUTED
from keeper.types import Rejected
from keeper.units import WAD
from tests.anvil.compound_v2_world import Keeper, deploy, key_of, logs_of
from tests.parity.aave_v3_lab import hexed

pytestmark = pytest.mark.anvil


def executed(receipt):
    (event,) = [log for log in receipt["logs"] if log["topics"][0] == hexed(EXECUTED)]
    return word(bytes.fromhex(event["data"][2:]), 0)


def amounts(settlement):
    return [(p.token, p.amount) for p in settlement.pays], list(settlement.receives)


def open_position(scene, compound, user, whole):
    """Ten ether against so many dollars of USDC; ether backs 83 %, so 3,000 lends up to 24,900."""
    mint(scene.chain, compound, scene.asset("WETH"), user, 10 * WAD)
    borrow(scene.chain, compound.markets["USDC"], user, whole * 10**6)


@pytest.fixture
def keeper(scene):
    compound = deploy(scene)
    for user, whole in zip(scene.chain.accounts[1:4], (19_000, 21_500, 24_500), strict=True):
        open_position(scene, compound, user, whole)

    set_price(scene.chain, scene.asset("WETH").feed, 2_500 * DOLLAR)
    return Keeper(scene, compound)


def test_plans_land_with_the_profit_they_said(keeper):
    """One stays healthy, two can pay; what the first leaves is what the second meets."""
    healthy = keeper.market.account(key_of(keeper.chain.accounts[1]))
    assert len(keeper.plan().plans) == 2
    for _ in range(2):
        plan = keeper.plan().plans[0]
        opportunity = plan.opportunity
        receipt = keeper.land(plan.data)
        assert receipt["status"] == "0x1"
        settled = keeper.settled(opportunity, receipt)
        realised = keeper.realised(opportunity, receipt)
        assert amounts(settled) == amounts(opportunity.settlement) == amounts(realised)
        assert executed(receipt) == opportunity.profit.amount > 0
        assert int(receipt["gasUsed"], 16) < plan.gas_limit

    market = keeper.advance()
    assert market.account(key_of(keeper.chain.accounts[1])) == healthy
    held = [market.account(key_of(user)).held[0][1] for user in keeper.chain.accounts[2:4]]
    assert max(held) < healthy.held[0][1]


def test_two_plans_of_one_block_land_together(keeper):
    """The second was made for what the first leaves: both markets accrued, and lent and repaid into."""
    first, second = keeper.plan().plans
    ahead = keeper.land(second.data, ahead=[transaction(keeper, first.data)])
    assert ahead["status"] == "0x1"
    settled = keeper.settled(second.opportunity, ahead)
    assert executed(ahead) == second.opportunity.profit.amount
    assert amounts(settled) == amounts(second.opportunity.settlement)


def test_price_that_moves_ahead_of_us_in_our_block_is_settled(keeper):
    """The parent's market and the feed's own event give the very amounts the contracts then moved."""
    plan = keeper.plan().plans[0]
    opportunity = plan.opportunity
    update = price_update(keeper.chain, keeper.scene.asset("WETH").feed, 2_495 * DOLLAR + 12_345)
    receipt = keeper.land(plan.data, ahead=[update])
    assert receipt["status"] == "0x1"
    settled = keeper.settled(opportunity, receipt)
    assert amounts(settled) == amounts(keeper.realised(opportunity, receipt)) != amounts(opportunity.settlement)


def test_a_plan_that_lands_two_blocks_late_redeems_at_that_blocks_rate(keeper):
    """Somebody else touches the collateral market meanwhile, so that it accrues: fewer cTokens, each worth more."""
    plan = keeper.plan().plans[0]
    keeper.chain.mine()
    keeper.chain.send(keeper.compound.markets["WETH"], "accrueInterest()")
    keeper.follower.advance()
    receipt = keeper.land(plan.data)
    assert receipt["status"] == "0x1"
    opportunity = plan.opportunity
    settled = keeper.settled(opportunity, receipt)
    assert amounts(settled) == amounts(keeper.realised(opportunity, receipt))


def test_a_rejection_without_a_revert_is_named(keeper):
    """The borrower is cured: the market says no in a return code and an event, and the transaction goes through."""
    plan = keeper.plan().plans[0]
    offer = plan.opportunity.offer
    set_price(keeper.chain, keeper.scene.asset("WETH").feed, 3_000 * DOLLAR)
    debt = keeper.scene.asset("USDC")
    pair = offer.detail
    function = "liquidateBorrow(address,uint256,address)"
    keeper.chain.send(debt.token, "mint(address,uint256)", keeper.chain.accounts[6], 10**12)
    keeper.chain.send(debt.token, "approve(address,uint256)", pair.debt_token, 10**12, sender=keeper.chain.accounts[6])
    receipt = keeper.chain.send(
        pair.debt_token, function, offer.key, plan.opportunity.size, pair.collateral_token,
        sender=keeper.chain.accounts[6],
    )  # fmt: skip
    told = keeper.adapter.encoder.realised(offer, logs_of(receipt))
    assert receipt["status"] == "0x1"
    assert told == Rejected(
        "COMPTROLLER_REJECTION (3) in LIQUIDATE_COMPTROLLER_REJECTION (18): INSUFFICIENT_SHORTFALL (3)"
    )


def transaction(keeper, data):
    return Transaction(keeper.wired.operator, keeper.wired.executor, data)


# Native markets, and the contract in front -------------------------------------------------------------------------


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("side", ["collateral", "debt"])
def test_the_native_asset_is_wrapped_and_unwrapped_on_the_way(scene, side, guarded):
    """A market of the native asset is paid by value and pays in it; the liquidator contract passes both on."""
    compound = deploy(scene, native=True)
    if guarded:
        compound = with_liquidator(scene.chain, scene.packages, compound)

    user, weth = scene.chain.accounts[1], scene.asset("WETH")
    native = compound.native_market
    if side == "collateral":
        mint_native(scene.chain, compound, user, 10 * WAD)
        borrow(scene.chain, compound.markets["USDC"], user, 24_500 * 10**6)
        set_price(scene.chain, weth.feed, 2_700 * DOLLAR)
    else:
        # 30,000 dollars lend 24,000; ether from 3,000 up to 3,400 makes 7.9 of them 26,860.
        mint(scene.chain, compound, scene.asset("USDC"), user, 30_000 * 10**6)
        borrow(scene.chain, native, user, 79 * WAD // 10)
        set_price(scene.chain, weth.feed, 3_100 * DOLLAR)

    keeper = Keeper(scene, compound, native=weth.token)
    result = keeper.plan()
    assert len(result.plans) == 1, result.declined
    (plan,) = result.plans
    opportunity = plan.opportunity
    receipt = keeper.land(plan.data)
    assert receipt["status"] == "0x1"
    settled = keeper.settled(opportunity, receipt)
    assert amounts(settled) == amounts(opportunity.settlement) == amounts(keeper.realised(opportunity, receipt))
    assert executed(receipt) == opportunity.profit.amount > 0
    assert balance_wei(scene.chain, keeper.wired.executor) == 0


def balance_wei(chain, account):
    return int(chain.node.rpc("eth_getBalance", hexed(account), "latest"), 16)


def test_the_liquidator_contract_keeps_its_share_of_what_is_seized(scene):
    compound = with_liquidator(scene.chain, scene.packages, deploy(scene, native=True), percent_wad=WAD // 20)
    open_position(scene, compound, scene.chain.accounts[1], 24_500)
    set_price(scene.chain, scene.asset("WETH").feed, 2_700 * DOLLAR)
    keeper = Keeper(scene, compound, native=scene.asset("WETH").token)
    (plan,) = keeper.plan().plans
    receipt = keeper.land(plan.data)
    assert receipt["status"] == "0x1"
    opportunity = plan.opportunity
    assert amounts(opportunity.settlement) == amounts(keeper.realised(opportunity, receipt))
    assert executed(receipt) == opportunity.profit.amount
    collateral = opportunity.offer.detail.collateral_token
    assert scene.chain.call(collateral, "balanceOf(address)(uint256)", TREASURY_OF_VENUS) > 0
