"""Small liquidations that share a transaction, one of which somebody spoils before it lands, judged by the referee."""

from contextlib import ExitStack, closing
from dataclasses import dataclass

import pytest
from auditor.__main__ import Place, examine

from keeper.config.load import load_config
from keeper.sandbox.aave import VARIABLE_RATE, borrow, supply
from keeper.sandbox.assets import LISTINGS
from keeper.sandbox.chain import BLOCK_TIME_S, LocalChain
from keeper.sandbox.feeds import DOLLAR
from keeper.sandbox.market.moves import arbitrage, publish
from keeper.sandbox.market.opening import fund_arbitrage
from keeper.sandbox.saved import saved_world
from keeper.sandbox.scenes import aave_past
from keeper.sandbox.scenes.aave_v3 import ward_of
from keeper.sandbox.stage.demo import dollars_by_feed
from keeper.sandbox.stage.operator import settle_in
from keeper.sandbox.stage.trial import Trial, run_trial
from keeper.types import Address, to_checksum
from keeper.units import MAX_UINT256, WAD

pytestmark = [pytest.mark.anvil, pytest.mark.full, pytest.mark.timeout(600)]

IDLE_BLOCKS = 12
"""More than the keeper may have to wait for the first move."""
LISTED = {listing.symbol: listing.price for listing in LISTINGS}
FALLEN = {**LISTED, "WETH": 2_850 * DOLLAR}
SMALL = tuple(Address(bytes([0xE0 + number]) * 20) for number in range(4))
"""Each owes 956 to 959 dollars against 0.4 WETH, of which 83 % count: liquidatable below 2,880 dollars and more."""
GREAT = Address(b"\xef" * 20)
"""Owes 96,000 dollars: its liquidation is worth too much to share a transaction."""
SPOILED = SMALL[1]


@dataclass(frozen=True)
class Batching:
    """A deployment whose small liquidations share transactions, at a tip that makes gas worth saving."""

    provider: Address

    def text(self):
        return (
            '\n[[deployment]]\nname = "aave"\nadapter = "aave_v3"\n'
            f'addresses_provider = "{to_checksum(self.provider)}"\n'
            '\n[[strategy]]\nname = "small"\ndeployments = ["aave"]\nmin_profit = "3 USD"\nbatch = true\n'
            'bid = { kind = "fixed", tip_wei = "10 gwei", max_fee_per_gas_wei = "200 gwei" }\n'
        )


def play(chain, world, clock, after_block):
    """All fall due at once; one of the small ones is repaid in the very block in which the batch lands."""
    fallen = [*publish(chain, world, FALLEN, LISTED), *arbitrage(chain, world, FALLEN)]
    after_block(clock.tick(fallen))
    usdc, pool = world.assets["USDC"].token, world.aave36.pool
    repay = "repay(address,uint256,uint256,address)"
    amount = world.assets["USDC"].units(900)
    spoil = chain.transaction(pool, repay, usdc, amount, VARIABLE_RATE, SPOILED, sender=SPOILED, gas=500_000)
    after_block(clock.tick([spoil]))


@pytest.fixture(scope="module")
def played(packages, tmp_path_factory):
    with ExitStack() as held:
        saved = saved_world(packages)
        anvil = held.enter_context(saved.start(packages))
        chain = held.enter_context(closing(LocalChain(anvil.url)))
        chain.node.rpc("anvil_setBlockTimestampInterval", BLOCK_TIME_S)
        world = saved.world
        aave, weth, usdc = world.aave36, world.assets["WETH"], world.assets["USDC"]
        fund_arbitrage(chain, world.assets.values(), world.uniswap)
        for account, ether, dollars in (
            *((account, 0.4, 956 + place) for place, account in enumerate(SMALL)),
            (GREAT, 40, 96_000),
        ):
            chain.set_balance(account, 2_000 * WAD)
            supply(chain, aave, weth, account, weth.units(ether))
            borrow(chain, aave, usdc, account, usdc.units(dollars))

        chain.send(usdc.token, "approve(address,uint256)", aave.pool, MAX_UINT256, sender=SPOILED)
        operator = settle_in(
            chain, world, tmp_path_factory.mktemp("batch"), anvil.ws_url, [Batching(aave.addresses_provider)]
        )
        market = aave_past.Market(aave.pool, aave.oracle, aave.data_provider)
        trial = Trial(
            chain,
            load_config(operator.config, operator.environ).config,
            operator,
            0.1,
            lambda clock, after_block: play(chain, world, clock, after_block),
            (ward_of("aave", market, aave.addresses_provider),),
            dollars_by_feed(world),
            {asset.token: asset.feed.proxy for asset in world.assets.values()},
            idle_blocks=IDLE_BLOCKS,
            ready_within_s=300.0,
        )
        result = run_trial(trial, print)
        yield result, examine(Place(str(operator.folder / "keeper.db")), anvil.url, at_rest=False)


@pytest.fixture
def result(played):
    return played[0]


def test_auditor_finds_the_books_of_shared_transactions_in_order(played):
    assert played[1] == []


def rows_of(result, account):
    return [row for row in result.rows if row["position"].lower().endswith(account.hex())]


def test_referee_agrees_on_what_shared_a_transaction(result):
    assert result.verdict["deployments"]["aave"]["verdict"] == "agree"
    assert result.verdict["missed"] == []


def test_small_ones_share_a_transaction_and_the_great_one_has_its_own(result):
    landed = {account: rows_of(result, account)[0]["tx_hash"] for account in (*SMALL, GREAT)}
    assert len({landed[account] for account in SMALL}) == 1
    assert landed[GREAT] != landed[SMALL[0]]


def test_spoiled_item_is_booked_as_missed_and_the_others_landed(result):
    statuses = {account: rows_of(result, account)[0]["status"] for account in SMALL}
    assert statuses == {account: "missed" if account == SPOILED else "landed" for account in SMALL}
    assert rows_of(result, SPOILED)[0]["reason"].startswith("skipped: ")


def test_every_item_that_landed_earned_what_was_settled(result):
    landed = [row for row in result.rows if row["status"] == "landed"]
    assert len(landed) >= len(SMALL)
    assert all(row["settled_profit"] == row["realised_profit"] for row in landed)
    spoiled, *_ = rows_of(result, SPOILED)
    assert spoiled["realised_profit"] is None
