"""Somebody who opted in is liquidated early on a real Morpho, by a plan and by the contract's own callback."""

import pytest

from keeper.execution.allowlist import Allowlist, encode_configure
from keeper.execution.calldata import encode_execute, encode_program
from keeper.execution.operations import Watch
from keeper.execution.recipes import guarded
from keeper.protocols.morpho_blue.params import position_key
from keeper.protocols.morpho_blue.pre_offers import PreSeizure
from keeper.sandbox.chain import Transaction
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.feeds import DOLLAR, set_price
from keeper.types import Reason, TokenAmount
from keeper.units import WAD
from tests.anvil.executor_kit import TREASURY, header, sell_all
from tests.anvil.morpho_blue_world import follow
from tests.anvil.test_morpho_blue_planned import Scene, amounts, balance, executed
from tests.parity.aave_v3_lab import hexed

pytestmark = pytest.mark.anvil

AUTHORIZE = "setAuthorization(address,bool)"
CREATE = "createPreLiquidation(bytes32,(uint256,uint256,uint256,uint256,uint256,address))"


class OptedIn(Scene):
    """One of the three borrowers authorised a contract that begins at 78 % and may repay half to all."""

    def __init__(self, scene):
        super().__init__(scene)
        own = compile_own(scene.packages, "sandbox")
        self.factory = self.chain.deploy(own["SandboxPreLiquidationFactory"], self.morpho.morpho)
        terms = (78 * WAD // 100, WAD // 2, WAD, 103 * WAD // 100, 110 * WAD // 100, self.params.oracle)
        receipt = self.chain.send(self.factory, CREATE, self.params.id, terms)
        (log,) = [log for log in receipt["logs"] if log["address"] == hexed(self.factory)]
        self.contract = bytes.fromhex(log["topics"][1][26:])
        self.borrower = self.chain.accounts[1]
        self.key = position_key(self.params.id, self.borrower)
        self.authorise(given=True)

    def authorise(self, *, given):
        self.chain.send(self.morpho.morpho, AUTHORIZE, self.contract, given, sender=self.borrower)

    async def begin(self):
        """20,500 owed against ten WETH at 2,500 is 82 %: past 78, short of the market's 86."""
        set_price(self.chain, self.scene.asset("WETH").feed, 2_500 * DOLLAR)
        self.follower = await follow(self.scene, self.morpho, from_block=self.start, factory=self.factory)
        await self.follower.advance()
        allowed = Allowlist.from_permissions(self.adapter.encoder.permissions(self.deployment.market))
        self.chain.execute(Transaction(self.chain.account, self.wired.executor, encode_configure(allowed)))
        await self.follower.advance()

    def offers(self):
        return [offer for offer in self.deployment.findings().offers if offer.key == self.key]


@pytest.fixture
async def opted_in(scene):
    made = OptedIn(scene)
    await made.begin()
    yield made
    await made.follower.chain.close()


async def test_plan_takes_a_part_early_with_the_profit_it_said(opted_in):
    """What the market itself may liquidate comes first; then the one who opted in."""
    keeper = opted_in
    (offer,) = keeper.offers()
    assert isinstance(offer.detail, PreSeizure)
    plan = keeper.plans().plans[0]
    while plan.opportunity.offer.key != keeper.key:
        keeper.land(plan.data)
        await keeper.follower.advance()
        plan = keeper.plans().plans[0]

    opportunity = plan.opportunity
    receipt = keeper.land(plan.data)
    settled = keeper.settled(opportunity.offer, opportunity.size, receipt)
    realised = keeper.realised(opportunity.offer, receipt)
    assert amounts(settled) == amounts(opportunity.settlement) == amounts(realised)
    assert executed(receipt) == opportunity.profit.amount > 0
    await keeper.follower.advance()
    assert keeper.deployment.market.borrower(keeper.key).borrow_shares < offer.detail.borrow_shares


async def test_contracts_own_callback_needs_no_loan(opted_in):
    """The collateral is sold inside the contract's callback, which Morpho's own repayment callback makes."""
    keeper = opted_in
    (offer,) = keeper.offers()
    market, adapter = keeper.deployment.market, keeper.adapter
    size = offer.sizes[0][1]
    settlement = adapter.offers.settle(offer, size, market)
    sale = sell_all(keeper.scene, keeper.wired, "WETH/USDC/500", "WETH", settlement.receives[0].amount * 11 // 10)
    (step,) = adapter.encoder.calls(offer, size, settlement, market, encode_program((sale,)))
    pays = [TokenAmount(payment.token, payment.at_most) for payment in settlement.pays]
    data = encode_execute(header(keeper.scene), (Watch(offer.receive_token), guarded(step, pays)))
    usdc = keeper.scene.asset("USDC").token
    before = balance(keeper, usdc, TREASURY)
    receipt = keeper.land(data)
    settled = keeper.settled(offer, size, receipt)
    assert amounts(settled) == amounts(keeper.realised(offer, receipt)) == amounts(settlement)
    assert balance(keeper, usdc, TREASURY) - before == executed(receipt) > 0
    assert balance(keeper, usdc, keeper.wired.executor) == 0


async def test_borrower_who_changes_their_mind_is_healthy_again(opted_in):
    keeper = opted_in
    keeper.authorise(given=False)
    await keeper.follower.advance()
    assert keeper.offers() == []
    (declined,) = keeper.adapter.offers.offers(keeper.key, keeper.deployment.market)
    assert declined.reason is Reason.HEALTHY


async def test_authorisation_in_an_orphaned_block_is_forgotten(opted_in):
    """Withdrawn in a block that is then replaced: the borrower is opted in as before, and nothing was replayed."""
    keeper = opted_in
    ancestor = keeper.follower.heads[-1]
    snapshot = keeper.chain.node.rpc("evm_snapshot")
    keeper.authorise(given=False)
    await keeper.follower.advance()
    assert keeper.offers() == []
    keeper.chain.revert(snapshot)
    keeper.chain.mine(3, interval_s=7)
    await keeper.deployment.rewind(keeper.follower.chain, ancestor)
    keeper.follower.next_block = ancestor.number + 1
    await keeper.follower.advance()
    assert len(keeper.offers()) == 1
