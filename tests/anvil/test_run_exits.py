"""One run of the keeper over what is hard to sell or to pay for, judged by the referee.

Shares of a vault, more than any one pool can take; a pair without a pool of its own; a lender that is empty; and a pool
that somebody drains between the simulation and the block.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

import pytest

from keeper.config.load import load_config
from keeper.sandbox.aave import borrow, supply
from keeper.sandbox.assets import LISTINGS
from keeper.sandbox.chain import BLOCK_TIME_S, LocalChain
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.feeds import DOLLAR
from keeper.sandbox.market.moves import arbitrage, publish
from keeper.sandbox.market.opening import fund_arbitrage
from keeper.sandbox.morpho_blue import (
    LLTVS_WAD,
    LoanMarket,
    compile_morpho_blue,
    create_market,
    deploy_morpho_blue,
    lend,
)
from keeper.sandbox.morpho_blue import borrow as borrow_on_morpho
from keeper.sandbox.saved import saved_world
from keeper.sandbox.scenes import aave_past
from keeper.sandbox.scenes.aave_v3 import ward_of
from keeper.sandbox.scenes.base import Ward
from keeper.sandbox.stage.demo import dollars_by_feed
from keeper.sandbox.stage.operator import Table, settle_in
from keeper.sandbox.stage.trial import Trial, run_trial
from keeper.sandbox.uniswap_v2 import deploy_uniswap_v2, open_pair
from keeper.sandbox.vaults import Terms, deploy_vault, deposit, earn
from keeper.types import Address, to_checksum
from keeper.units import WAD

pytestmark = [pytest.mark.anvil, pytest.mark.full, pytest.mark.timeout(600)]

SHARE_IN_USDC = 3_150 * 10**24
"""3,150 dollars: a share is worth 1.05 WETH of 3,000; 36 + 6 - 18 decimals."""
IDLE_BLOCKS = 12
"""More than the keeper may have to wait for the first move."""
LISTED = {listing.symbol: listing.price for listing in LISTINGS}
DRAINED_BPS = 2_000
SHARES, DISTANT, DRAINED = (Address(bytes([0xD0 + number]) * 20) for number in range(3))
"""Who pledged shares, who owes across two pools, and whose pool is drained."""


@dataclass(frozen=True)
class Venues:
    """Tables beside those of the deployments: pairs with a higher price than the pools', and vaults."""

    factory: Address
    router: Address
    vault: Address

    def text(self):
        pairs = f'factory = "{to_checksum(self.factory)}"\nrouter = "{to_checksum(self.router)}"\n'
        vaults = f'vaults = ["{to_checksum(self.vault)}"]\n'
        return (
            f'\n[[venue]]\nname = "pairs"\nkind = "uniswap_v2"\n{pairs}'
            f'\n[[venue]]\nname = "vaults"\nkind = "erc4626"\n{vaults}'
        )


@dataclass(frozen=True)
class Played:
    rows: tuple[Mapping[str, object], ...]
    verdict: Mapping[str, object]
    plans: dict[str, list[dict]]
    """What the journal says of every plan, oldest first, by position."""

    def landed(self, account):
        return [row for row in self.of(account) if row["status"] == "landed"]

    def of(self, account):
        return [row for row in self.rows if row["position"].lower().endswith(account.hex())]


class Crash:
    """The market, and what happens in it."""

    def __init__(self, packages, chain, world):
        self.chain, self.world = chain, world
        fund_arbitrage(chain, world.assets.values(), world.uniswap)
        self._open_vault(packages)
        self._owe(DISTANT, ("LINK", 3_000), ("DAI", 29_000))
        self._owe(DRAINED, ("WBTC", 1), ("USDC", 43_000))

    def _open_vault(self, packages):
        chain, weth, usdc = self.chain, self.world.assets["WETH"], self.world.assets["USDC"]
        self.morpho = deploy_morpho_blue(chain, compile_morpho_blue(packages))
        self.vault = deploy_vault(chain, compile_own(packages, "sandbox"), weth, Terms())
        chain.set_balance(SHARES, 2_000 * WAD)
        deposit(chain, self.vault, weth, SHARES, 1_000 * WAD)
        earn(chain, self.vault, weth, 50 * WAD)
        self.oracle = chain.deploy(compile_morpho_blue(packages)["OracleMock"])
        chain.send(self.oracle, "setPrice(uint256)", SHARE_IN_USDC)
        collateral = replace(weth, token=self.vault)
        market = LoanMarket(usdc, collateral, self.oracle, self.morpho.irm, LLTVS_WAD[2])
        create_market(chain, self.morpho, market)
        lend(chain, self.morpho, market, chain.accounts[7], usdc.units(10_000_000))
        shares = chain.call(self.vault, "balanceOf(address)(uint256)", SHARES)
        chain.send(self.vault, "approve(address,uint256)", self.morpho.morpho, shares, sender=SHARES)
        function = "supplyCollateral((address,address,address,address,uint256),uint256,address,bytes)"
        chain.send(self.morpho.morpho, function, market.params, shares, SHARES, b"", sender=SHARES)
        borrow_on_morpho(chain, self.morpho, market, SHARES, usdc.units(2_200_000))
        self.exchange = deploy_uniswap_v2(chain, packages, weth.token)
        open_pair(chain, self.exchange, (weth, usdc), (2_000 * WAD, usdc.units(6_000_000)))

    def _owe(self, account, pledged, owed):
        self.chain.set_balance(account, 10 * WAD)
        aave, (symbol, whole), (debt, dollars) = self.world.aave36, pledged, owed
        collateral, loan = self.world.assets[symbol], self.world.assets[debt]
        supply(self.chain, aave, collateral, account, collateral.units(whole))
        borrow(self.chain, aave, loan, account, loan.units(dollars))

    def play(self, clock, after_block):
        """Two fall due at once; then bitcoin falls, and somebody drains its pools just before our transaction."""
        first = {**LISTED, "LINK": 13 * DOLLAR}
        cheaper = self.chain.transaction(self.oracle, "setPrice(uint256)", SHARE_IN_USDC * 81 // 100, gas=100_000)
        after_block(clock.tick([*publish(self.chain, self.world, first, LISTED), *self._trade(first), cheaper]))
        after_block(clock.tick())
        after_block(clock.tick())

        second = {**first, "WBTC": 54_000 * DOLLAR}
        after_block(clock.tick([*publish(self.chain, self.world, second, first), *self._trade(second)]))
        drained = {**second, "WBTC": second["WBTC"] * (10_000 - DRAINED_BPS) // 10_000}
        after_block(clock.tick(self._trade(drained)))
        after_block(clock.tick(self._trade(second)))

    def _trade(self, prices):
        return arbitrage(self.chain, self.world, prices)


@pytest.fixture(scope="module")
def played(packages, tmp_path_factory):
    with ExitStack() as held:
        saved = saved_world(packages)
        anvil = held.enter_context(saved.start(packages))
        chain = held.enter_context(closing(LocalChain(anvil.url)))
        chain.node.rpc("anvil_setBlockTimestampInterval", BLOCK_TIME_S)
        world = saved.world
        crash = Crash(packages, chain, world)
        aave, morpho = world.aave36, crash.morpho.morpho
        tables = [
            Venues(crash.exchange.factory, crash.exchange.router, crash.vault),
            # The cheapest lender is Morpho, which charges nothing and has no DAI.
            Table(
                "aave",
                {"adapter": "aave_v3", "addresses_provider": to_checksum(aave.addresses_provider)},
                {"funding": ["flash_loan"]},
            ),
            Table("morpho", {"adapter": "morpho_blue", "morpho": to_checksum(morpho)}, {}),
        ]
        folder = tmp_path_factory.mktemp("exits")
        operator = settle_in(chain, world, folder, anvil.ws_url, tables)
        market = aave_past.Market(aave.pool, aave.oracle, aave.data_provider)
        morpho_facts = {"kind": "morpho_blue", "morpho": to_checksum(morpho)}
        trial = Trial(
            chain,
            load_config(operator.config, operator.environ).config,
            operator,
            0.1,
            crash.play,
            (ward_of("aave", market, aave.addresses_provider), Ward("morpho", {}, morpho_facts, lambda *_: {})),
            dollars_by_feed(world),
            {asset.token: asset.feed.proxy for asset in world.assets.values()},
            idle_blocks=IDLE_BLOCKS,
            ready_within_s=300.0,
        )
        result = run_trial(trial, print)
        plans = {}
        with closing(sqlite3.connect(folder / "keeper.db")) as journal:
            for position, details in journal.execute("SELECT position, details FROM plans ORDER BY seq"):
                plans.setdefault(position[-40:], []).append(json.loads(details))

        yield Played(result.rows, result.verdict, plans)


def test_referee_agrees_and_found_nothing_missed(played):
    assert {name: one["verdict"] for name, one in played.verdict["deployments"].items()} == {
        "aave": "agree",
        "morpho": "agree",
    }
    assert played.verdict["missed"] == []


def test_every_landed_liquidation_earned_what_was_settled(played):
    landed = [row for row in played.rows if row["status"] == "landed"]
    assert len(landed) >= 3
    assert all(row["settled_profit"] == row["realised_profit"] for row in landed)


def test_shares_are_redeemed_and_split_over_pairs_and_pools_that_are_too_thin_alone(played):
    assert played.landed(SHARES)
    hops = played.plans[SHARES.hex()][0]["route"]["hops"]
    assert hops[0]["kind"] == "erc4626"
    assert {hop["kind"] for hop in hops[1:]} == {"uniswap_v2", "uniswap_v3"}


def test_pair_without_a_pool_is_sold_over_two_and_paid_by_the_lender_that_is_not_empty(played):
    """Morpho would lend for nothing and has no DAI; Aave has, for a fee."""
    assert played.landed(DISTANT)
    (plan,) = played.plans[DISTANT.hex()]
    assert len({hop["in"] for hop in plan["route"]["hops"]}) == 2
    assert plan["funding"]["lender"]["kind"] == "aave_v3"
    assert int(plan["funding"]["fee"]) > 0


def test_drained_pool_costs_a_booked_revert_and_the_position_is_taken_later(played):
    reverted, *later = [row for row in played.of(DRAINED) if row["status"] in ("reverted", "landed")]
    assert reverted["status"] == "reverted"
    assert reverted["realised_profit"] is None
    # Nothing but gas was lost, and of that no more than two calls on the position, a loan and three swaps take.
    assert 0 < reverted["gas_used"] < 1_000_000
    assert [row["status"] for row in later] == ["landed"]
    plan = played.plans[DRAINED.hex()][0]
    assert plan["funding"]["lender"]["kind"] == "morpho"
