"""The sandbox's market: drawn from a seed, opened on the real pool, and liquidatable when it is meant to be."""

from collections import Counter
from contextlib import closing
from itertools import pairwise

import pytest

from keeper.sandbox.chain import LocalChain
from keeper.sandbox.market.borrowers import health, value
from keeper.sandbox.market.draw import draw
from keeper.sandbox.market.moves import arbitrage, publish
from keeper.sandbox.market.path import BLANK, FOLLOW, GAP, MOVES, START, UNBLANK
from keeper.sandbox.scenes import aave_v3
from keeper.sandbox.scenes.aave_past import account_data
from keeper.sandbox.stage.clock import BASE_FEE_FLOOR_WEI, Clock, following_base_fee
from keeper.sandbox.stage.opened import open_scenes
from keeper.sandbox.uniswap_v3 import pool_sqrt_price
from keeper.units import GWEI, WAD

SEED = 1
DECIMALS = {"WETH": 18, "wstETH": 18, "WBTC": 8, "LINK": 18, "USDC": 6, "DAI": 18}


def drawn_from(seed):
    """The path and the accounts of a seed."""
    drawn = draw(seed, aave_v3.NAME)
    return drawn.path, aave_v3.plan(drawn)


def open_market(url, packages, world):
    return open_scenes(url, packages, world, SEED, [aave_v3.SCENE])


@pytest.fixture(scope="module")
def drawn():
    return drawn_from(SEED)


def debt_dollars(borrower, prices):
    return sum(value(symbol, amount, prices) for symbol, amount in borrower.borrows)


# Drawing ---------------------------------------------------------------------------------------------------------


def test_draw_same_seed_gives_the_same_market(drawn):
    assert drawn_from(SEED) == drawn


def test_draw_other_seed_gives_other_amounts_and_accounts(drawn):
    path, borrowers = drawn_from(SEED + 1)

    assert path != drawn[0]
    assert not {borrower.account for borrower in borrowers} & {borrower.account for borrower in drawn[1]}


@pytest.mark.parametrize("seed", range(0, 100, 9))
def test_draw_any_seed_places_everyone(seed):
    path, borrowers = drawn_from(seed)

    assert len(borrowers) >= 60
    assert [step.name for step in path[1:]] == [move.name for move in MOVES]


def test_market_has_the_accounts_a_keeper_must_cope_with(drawn):
    path, borrowers = drawn
    prices = path[0].feeds
    owing = [borrower for borrower in borrowers if borrower.borrows]
    owed = Counter(DECIMALS[symbol] for borrower in owing for symbol, _ in borrower.borrows)
    held = Counter(DECIMALS[symbol] for borrower in owing for symbol, _ in borrower.supplies)

    assert len(owing) >= 60
    assert set(owed) == {6, 8, 18} == set(held)
    assert sum(len(borrower.supplies) > 1 and len(borrower.borrows) > 1 for borrower in owing) >= 7
    assert sum(borrower.step is None for borrower in owing) >= 10
    assert {borrower.emode for borrower in borrowers} == {0, 1, 2}
    assert sum(debt_dollars(borrower, prices) < 100 for borrower in owing) >= 6
    # The deepest pool has 9,000,000 dollars a side over all prices: selling half of that halves its price and more.
    assert sum(debt_dollars(borrower, prices) > 4_500_000 for borrower in owing) >= 2


# On the chain ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def played(packages, saved, drawn):
    """Every account's data after each step, as the pool says it; None where it cannot."""
    path, borrowers = drawn
    found = {}

    with saved.start(packages) as anvil, closing(LocalChain(anvil.url)) as chain:
        open_market(anvil.url, packages, saved.world)
        head = chain.head()
        pool = saved.world.aave36.pool
        accounts = [borrower.account for borrower in borrowers]
        clock = Clock(chain, pace_s=0)
        found[START] = account_data(chain, pool, accounts, clock.number)

        for before, step in pairwise(path):
            moves = publish(chain, saved.world, step.feeds, before.feeds)
            block = clock.tick(moves + arbitrage(chain, saved.world, step.traded))
            found[step.name] = account_data(chain, pool, accounts, block)

    return head["hash"], found


@pytest.mark.anvil
def test_open_market_same_seed_gives_the_same_block(packages, saved, played):
    with saved.start(packages) as anvil, closing(LocalChain(anvil.url)) as chain:
        open_market(anvil.url, packages, saved.world)
        assert chain.head()["hash"] == played[0]


@pytest.mark.anvil
def test_accounts_are_liquidatable_from_their_step_on_and_not_before(drawn, played):
    path, borrowers = drawn

    for borrower in borrowers:
        for step in path:
            data = played[1][step.name][borrower.account]
            reached = step.name == borrower.step

            if data is not None:
                assert (data.health_factor_wad < WAD) == reached, (borrower.name, step.name)

            if reached:
                break


@pytest.mark.anvil
def test_health_as_placed_is_what_the_pool_computes(drawn, played):
    """Interest of some minutes aside: at most 60 % a year, so 1e-5 in five minutes."""
    path, borrowers = drawn
    start = played[1][START]

    for borrower in borrowers:
        if borrower.borrows and debt_dollars(borrower, path[0].feeds) > 1:
            found = start[borrower.account].health_factor_wad / WAD
            assert found == pytest.approx(health(borrower, path[0].feeds), rel=1e-5)


@pytest.mark.anvil
def test_accounts_with_link_have_no_health_while_its_feed_reads_zero(drawn, played):
    for borrower in drawn[1]:
        holds = any(symbol == "LINK" for symbol, _ in borrower.supplies)
        assert (played[1][BLANK][borrower.account] is None) == holds
        assert played[1][UNBLANK][borrower.account] is not None


@pytest.mark.anvil
def test_gapped_accounts_are_worth_less_than_they_owe(drawn, played):
    gapped = [played[1][GAP][borrower.account] for borrower in drawn[1] if borrower.kind == "gapped"]

    assert len(gapped) == 3
    assert all(data.collateral_base < data.debt_base for data in gapped)


# Moves and the clock ------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(packages, saved):
    with saved.start(packages) as anvil, closing(LocalChain(anvil.url)) as chain:
        open_scenes(anvil.url, packages, saved.world, SEED, [])
        yield Clock(chain, pace_s=0)


@pytest.mark.anvil
def test_arbitrage_brings_a_pool_to_its_price_and_then_leaves_it(clock, saved, drawn):
    traded = next(step.traded for step in drawn[0] if step.name == FOLLOW)
    clock.tick(arbitrage(clock.chain, saved.world, traded))

    pool = saved.world.uniswap.pools["WBTC/WETH/3000"]
    quotient = traded["WBTC"] / traded["WETH"] * 10**10  # WETH base units for one of WBTC's
    ratio = (pool_sqrt_price(clock.chain, pool) / 2**96) ** 2
    expected = quotient if pool.token0 == saved.world.assets["WBTC"].token else 1 / quotient
    assert ratio == pytest.approx(expected, rel=1e-9)
    assert arbitrage(clock.chain, saved.world, traded) == []


@pytest.mark.anvil
def test_tick_mines_one_block_twelve_seconds_later_and_keeps_the_base_fee_up(clock):
    before = clock.chain.head()
    number = clock.tick()
    after = clock.chain.head()

    assert int(after["number"], 16) == number == int(before["number"], 16) + 1
    assert int(after["timestamp"], 16) == int(before["timestamp"], 16) + 12
    assert int(after["baseFeePerGas"], 16) >= BASE_FEE_FLOOR_WEI


@pytest.mark.anvil
def test_tick_puts_its_own_transactions_before_those_that_wait(clock, saved):
    chain, usdc = clock.chain, saved.world.assets["USDC"]
    mint = chain.transaction(usdc.token, "mint(address,uint256)", chain.accounts[3], 1, sender=chain.accounts[3])
    waiting = chain.node.rpc("eth_sendTransaction", {**mint.fields(), "maxFeePerGas": hex(200 * GWEI)})
    clock.tick(publish(chain, saved.world, {"WETH": 1}, {"WETH": 2}))

    mined = chain.head()["transactions"]
    assert len(mined) == 2
    assert mined[1] == waiting


@pytest.mark.parametrize(
    ("fee_gwei", "used", "expected"),
    [
        # Half of 30 million is the target: at it the fee stays, a full block adds an eighth.
        (8, 15_000_000, 8 * GWEI),
        (8, 30_000_000, 9 * GWEI),
        (8, 0, 7 * GWEI),
        # The floor: an eighth less than one would be less than one.
        (1, 0, GWEI),
    ],
)
def test_following_base_fee_is_eip_1559_above_the_floor(fee_gwei, used, expected):
    head = {"baseFeePerGas": hex(fee_gwei * GWEI), "gasUsed": hex(used), "gasLimit": hex(30_000_000)}
    assert following_base_fee(head) == expected
