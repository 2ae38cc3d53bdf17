"""Liquidations whose collateral is a vault's shares, sold over thin pools of both kinds, land as they were planned."""

from dataclasses import replace

import pytest

from keeper.app.permissions import venue_rules
from keeper.config.adapters import Erc4626Venue, UniswapV2Venue
from keeper.execution.allowlist import Allowlist, Listing, encode_configure
from keeper.routing.conversion_sync import ConversionSync, Erc4626Exits
from keeper.sandbox.chain import Transaction
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.morpho_blue import (
    LLTVS_WAD,
    PARAMS,
    LoanMarket,
    borrow,
    compile_morpho_blue,
    create_market,
    lend,
)
from keeper.sandbox.uniswap_v2 import open_pair
from keeper.sandbox.vaults import Terms, deploy_vault, deposit, earn
from keeper.units import MAX_UINT256, WAD
from tests.anvil.executor_kit import TREASURY, wire
from tests.anvil.morpho_blue_world import deploy, follow, head_of, params_of
from tests.anvil.test_morpho_blue_planned import Scene
from tests.fakes.heads import head
from tests.fakes.reads import drive_rounds
from tests.parity.aave_v3_lab import hexed
from tests.parity.node_answers import answers
from tests.parity.uniswap_v2_lab import V2Lab

pytestmark = pytest.mark.anvil

SHARE_IN_USDC = 3_150 * 10**24
"""3,150 dollars: a share is worth 1.05 WETH of 3,000; 36 + 6 - 18 decimals."""
BORROWED = 2_200_000 * 10**6


class VaultScene(Scene):
    """Shares of a WETH vault against USDC: too many for any one pool, liquidatable after a fall to 2,800."""

    def __init__(self, scene):
        self.scene, self.chain = scene, scene.chain
        self.start = head_of(scene).number
        self.morpho = deploy(scene)
        weth, self.usdc = scene.asset("WETH"), scene.asset("USDC")
        self.borrower = self.chain.accounts[1]
        self.vault = deploy_vault(self.chain, compile_own(scene.packages, "sandbox"), weth, Terms())
        deposit(self.chain, self.vault, weth, self.borrower, 1_000 * WAD)
        earn(self.chain, self.vault, weth, 50 * WAD)
        self.market = self._open_market(replace(weth, token=self.vault))
        self.params = params_of(self.market)
        self.wired = wire(scene)
        lend(self.chain, self.morpho, self.market, self.chain.accounts[8], 10**13)
        self._pledge_all()
        borrow(self.chain, self.morpho, self.market, self.borrower, BORROWED)
        self.lab = V2Lab(scene, 30, 1)
        open_pair(self.chain, self.lab.exchange, (weth, self.usdc), (2_000 * WAD, 6_000_000 * 10**6))
        self.conversions = ConversionSync(Erc4626Exits((self.vault,)))

    def _open_market(self, collateral):
        oracle = self.chain.deploy(compile_morpho_blue(self.scene.packages)["OracleMock"])
        self.chain.send(oracle, "setPrice(uint256)", SHARE_IN_USDC)
        market = LoanMarket(self.usdc, collateral, oracle, self.morpho.irm, LLTVS_WAD[2])
        create_market(self.chain, self.morpho, market)
        return market

    def _pledge_all(self):
        shares = self.chain.call(self.vault, "balanceOf(address)(uint256)", self.borrower)
        self.chain.send(self.vault, "approve(address,uint256)", self.morpho.morpho, MAX_UINT256, sender=self.borrower)
        function = f"supplyCollateral({PARAMS},uint256,address,bytes)"
        arguments = (self.market.params, shares, self.borrower, b"")
        self.chain.send(self.morpho.morpho, function, *arguments, sender=self.borrower)

    async def begin(self):
        self.chain.send(self.market.oracle, "setPrice(uint256)", SHARE_IN_USDC * 81 // 100)
        self.follower = await follow(self.scene, self.morpho, from_block=self.start)
        await self.follower.advance()
        exchange = self.lab.exchange
        venues = (
            UniswapV2Venue(
                name="v2", kind="uniswap_v2", factory=hexed(exchange.factory), router=hexed(exchange.router)
            ),
            Erc4626Venue(name="vaults", kind="erc4626", vaults=(hexed(self.vault),)),
        )
        allowed = Allowlist(
            rules=tuple(rule for venue in venues for rule in venue_rules(venue)), listings=(Listing(self.vault),)
        ) + Allowlist.from_permissions(self.adapter.encoder.permissions(self.deployment.market))
        self.chain.execute(Transaction(self.chain.account, self.wired.executor, encode_configure(allowed)))
        await self.follower.advance()

    def _pools(self):
        drive_rounds(self.conversions.bootstrap(head(1)), lambda requests: answers(self.chain, requests))
        drive_rounds(self.conversions.observe(head(1)), lambda requests: answers(self.chain, requests))
        return (*super()._pools(), *self.lab.pools(), *self.conversions.pools())


async def test_shares_are_redeemed_and_split_over_v2_and_v3_with_the_planned_profit(scene):
    at_work = VaultScene(scene)
    await at_work.begin()
    result = at_work.plans()
    (plan,) = result.plans

    at_work.land(plan.data)

    kinds = [hop.pool.kind for hop in plan.opportunity.route.hops]
    assert kinds[0] == "erc4626"
    assert set(kinds[1:]) == {"uniswap_v2", "uniswap_v3"}
    earned = at_work.chain.call(at_work.usdc.token, "balanceOf(address)(uint256)", TREASURY)
    assert earned == plan.opportunity.profit.amount > 0
    await at_work.follower.chain.close()
