"""The sandbox is what it says: real markets that liquidate, real pools that price, a chain that can be put back."""

import pytest

from keeper.sandbox.aave import AaveV3, account_data, borrow, liquidate, set_user_emode, supply
from keeper.sandbox.artifact import signature
from keeper.sandbox.assets import balance, fund
from keeper.sandbox.feeds import DOLLAR, price, set_price
from keeper.sandbox.multicall3 import MULTICALL3
from keeper.sandbox.node import NodeError
from keeper.sandbox.uniswap_v3 import move_price, pool_sqrt_price
from keeper.types import ZERO_ADDRESS
from keeper.units import MAX_UINT256, WAD

LIQUIDATION_CALL = "0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286"
DEFICIT_CREATED = "0x2bccfb3fad376d59d7accf970515eb77b2f27b082c90ed0fb15583dd5a942699"


@pytest.fixture(params=["3.6", "3.0.2"])
def market(request, scene) -> AaveV3:
    return scene.world.aave36 if request.param == "3.6" else scene.world.aave302


@pytest.fixture
def borrower(scene, market):
    """10 WETH against 22 000 USDC: health 10 * 3000 * 0.83 / 22000 = 1.1318."""
    user = scene.chain.accounts[1]
    supply(scene.chain, market, scene.asset("WETH"), user, 10 * WAD)
    borrow(scene.chain, market, scene.asset("USDC"), user, 22_000_000_000)
    return user


def test_liquidation_above_the_close_factor_threshold_takes_half(scene, market, borrower):
    """At 2 600 the health is 10 * 2600 * 0.83 / 22000 = 0.9809, so half of the debt may be repaid."""
    chain, weth, usdc = scene.chain, scene.asset("WETH"), scene.asset("USDC")
    liquidator = chain.accounts[2]
    fund(chain, usdc, liquidator, 30_000_000_000)
    set_price(chain, weth.feed, 2_600 * DOLLAR)

    receipt = liquidate(chain, market, borrower, weth, usdc, liquidator=liquidator)

    assert LIQUIDATION_CALL in [log["topics"][0] for log in receipt["logs"]]
    # Interest of the seconds since the loan: less than a hundredth of a dollar.
    assert balance(chain, usdc, liquidator) == pytest.approx(19_000_000_000, abs=10_000)
    # 11000 * 1.05 / 2600 = 4.44231 less a tenth of the bonus, 11000 * 0.05 / 2600 * 0.1 = 0.02115.
    assert balance(chain, weth, liquidator) == pytest.approx(4_421_153_846_153_846_153, rel=1e-6)
    # (5.55769 * 2600 * 0.83) / 11000
    assert account_data(chain, market, borrower).health_factor_wad == pytest.approx(1_090_318_181_818_181_818, rel=1e-6)


def test_liquidation_of_a_healthy_account_reverts(scene, market, borrower):
    liquidator = scene.chain.accounts[2]

    with pytest.raises(NodeError) as refused:
        liquidate(scene.chain, market, borrower, scene.asset("WETH"), scene.asset("USDC"), liquidator=liquidator)

    errors = {"3.6": signature("HealthFactorNotBelowThreshold()").selector, "3.0.2": b"45"}
    assert errors[market.version] in refused.value.revert


def test_liquidation_at_a_loss_leaves_a_deficit_in_36(aave36):
    """At 1 500 the collateral, 15 000, no longer covers the debt: all is taken, the rest is written off."""
    chain, weth, usdc = aave36.chain, aave36.asset("WETH"), aave36.asset("USDC")
    user, liquidator = chain.accounts[1:3]
    supply(chain, aave36.aave, weth, user, 10 * WAD)
    borrow(chain, aave36.aave, usdc, user, 22_000_000_000)
    fund(chain, usdc, liquidator, 30_000_000_000)
    set_price(chain, weth.feed, 1_500 * DOLLAR)

    receipt = liquidate(chain, aave36.aave, user, weth, usdc, liquidator=liquidator)

    assert DEFICIT_CREATED in [log["topics"][0] for log in receipt["logs"]]
    assert account_data(chain, aave36.aave, user).debt_base == 0
    # 22000 - 15000 / 1.05 = 7714.2857
    deficit = chain.call(aave36.aave.pool, "getReserveDeficit(address)(uint256)", usdc.token)
    assert deficit == pytest.approx(7_714_285_714, abs=20_000)


def test_emode_raises_the_threshold_of_both_versions(scene, market):
    """10 WETH against 7 wstETH: 30000 * 0.83 / 24500 = 1.0163, and in eMode 30000 * 0.93 / 24500 = 1.1388."""
    chain, user = scene.chain, scene.chain.accounts[1]
    supply(chain, market, scene.asset("WETH"), user, 10 * WAD)
    borrow(chain, market, scene.asset("wstETH"), user, 68 * WAD // 10)
    before = account_data(chain, market, user).health_factor_wad

    set_user_emode(chain, market, user, 1)

    assert account_data(chain, market, user).health_factor_wad == pytest.approx(before * 93 / 83, rel=1e-6)


def test_every_reserve_can_be_borrowed_by_its_decimals(scene, market):
    chain, user = scene.chain, scene.chain.accounts[1]
    supply(chain, market, scene.asset("WETH"), user, 100 * WAD)

    for symbol in market.reserves:
        asset = scene.asset(symbol)
        borrow(chain, market, asset, user, asset.worth(10_000))
        assert balance(chain, asset, user) == asset.worth(10_000)

    assert account_data(chain, market, user).debt_base == pytest.approx(
        len(market.reserves) * 10_000 * DOLLAR, rel=1e-6
    )


def test_36_lists_six_decimals_and_more_while_302_lists_two(scene):
    assert "GUSD" in scene.world.aave302.reserves
    assert "GUSD" not in scene.world.aave36.reserves
    assert scene.world.aave302.reserves["WETH"].stable_debt_token != ZERO_ADDRESS


def test_liquidation_data_provider_agrees_that_nothing_can_be_taken_from_a_healthy_account(aave36):
    chain, user = aave36.chain, aave36.chain.accounts[1]
    supply(chain, aave36.aave, aave36.asset("WETH"), user, WAD)

    info = chain.call(
        aave36.aave.liquidation_data_provider,
        "getUserPositionFullInfo(address)((uint256,uint256,uint256,uint256,uint256,uint256))",
        user,
    )

    assert info[-1] == MAX_UINT256


def test_pool_price_follows_a_sale_and_comes_back_with_the_snapshot(scene):
    chain, pool = scene.chain, scene.world.uniswap.pools["WETH/USDC/500"]
    before = pool_sqrt_price(chain, pool)

    with chain.undone():
        move_price(chain, scene.world.uniswap, pool, scene.asset("WETH"), 1_000)
        moved = pool_sqrt_price(chain, pool)

    # A price 10 % lower is a square root 5.13 % lower, or higher where WETH is token1.
    expected = 0.9**0.5 if pool.token0 == scene.asset("WETH").token else 0.9**-0.5
    assert moved / before == pytest.approx(expected, rel=1e-3)
    assert pool_sqrt_price(chain, pool) == before


def test_quoter_prices_a_small_sale_near_the_feed(scene):
    """1 WETH at 3 000 less 0.05 % fee is 2998.5; the pool is 9 000 000 deep, so it moves by 0.07 %."""
    weth, usdc = scene.asset("WETH"), scene.asset("USDC")
    quoted = scene.chain.call(
        scene.world.uniswap.quoter,
        "quoteExactInputSingle((address,address,uint256,uint24,uint160))(uint256,uint160,uint32,uint256)",
        (weth.token, usdc.token, WAD, 500, 0),
    )
    assert quoted[0] == pytest.approx(2_998_500_000, rel=1e-3)


def test_feed_answers_like_chainlink(scene):
    """Round ids of the proxy carry the phase; the event comes from the aggregator."""
    chain, feed = scene.chain, scene.asset("WETH").feed
    receipt = chain.send(feed.aggregator, "setAnswer(int256)", 2_900 * DOLLAR)

    answer_updated = "0x0559884fd3a460db3073b7fc896cc77986f16e378210ded43186175bf646fc5f"
    assert answer_updated in [log["topics"][0] for log in receipt["logs"]]
    assert price(chain, feed) == 2_900 * DOLLAR
    round_id, answer, _, updated_at, _ = chain.call(
        feed.proxy, "latestRoundData()(uint80,int256,uint256,uint256,uint80)"
    )
    assert (round_id, answer, updated_at) == ((1 << 64) + 2, 2_900 * DOLLAR, chain.timestamp())


def test_multicall3_is_where_everyone_looks_for_it(scene):
    assert scene.chain.call(MULTICALL3, "getBlockNumber()(uint256)") == int(scene.chain.head()["number"], 16)


def test_time_goes_back_with_the_snapshot(scene):
    chain, before = scene.chain, scene.chain.timestamp()

    with chain.undone():
        chain.mine(interval_s=365 * 86_400)

    chain.mine()
    assert chain.timestamp() == before + 12


def test_many_transactions_are_mined_in_one_block(scene):
    chain, usdc = scene.chain, scene.asset("USDC")
    before = int(chain.head()["number"], 16)

    chain.execute_many(
        [
            chain.transaction(usdc.token, "mint(address,uint256)", chain.accounts[3], 1, sender=sender)
            for sender in chain.accounts
            for _ in range(30)
        ]
    )

    assert balance(chain, usdc, chain.accounts[3]) == 300
    assert int(chain.head()["number"], 16) == before + 1
    assert chain.node.rpc("anvil_getAutomine") is True
