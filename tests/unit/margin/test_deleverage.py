"""Deleveraging through pools: enough is sold, one unit less is not enough, and no pool means no way."""

import pytest

from keeper.margin.cure import Patient
from keeper.margin.deleverage import deleverages
from keeper.margin.state import DEFAULT_MARGIN_CALL_WAD
from keeper.protocols.aave_v3 import build
from keeper.protocols.cures import Action, Lever
from keeper.routing.base import Liquidity
from keeper.units import WAD
from tests.fakes.aave_v3_market import DOLLAR, KEY, account, asset, market, reserve, word
from tests.fakes.pools import deep_pool

WETH, USDC = 0, 1
ADAPTER = build("aave", asset(9))


@pytest.fixture(scope="module")
def patient():
    """10 WETH at 1 900 and 83 % against 16 000 USDC: 0.985."""
    reserves = [reserve(WETH, 1_900 * DOLLAR), reserve(USDC, DOLLAR, word(decimals=6))]
    return Patient(ADAPTER, KEY, market(reserves, {KEY: account({WETH: 10 * WAD}, {USDC: 16_000 * 10**6})}))


@pytest.fixture(scope="module")
def liquidity():
    """1 000 WETH beside 1 900 000 USDC, at 30 bps."""
    return Liquidity.of([deep_pool(1, asset(WETH), 1_000 * WAD, asset(USDC), 1_900_000 * 10**6, 3_000)])


def test_deleveraging_sells_just_enough(patient, liquidity):
    """Without costs (1.05 * 16000 - 15770) / (1.05 - 0.83) = 4681.8 dollars, 2.464 WETH; fee and depth make it more."""
    (found,) = deleverages(patient, DEFAULT_MARGIN_CALL_WAD, liquidity)
    assert (found.sold_token, found.bought_token) == (asset(WETH), asset(USDC))
    assert 2_464 * WAD < 1_000 * found.sold < 2_540 * WAD
    assert found.factor_wad >= DEFAULT_MARGIN_CALL_WAD
    (pool,) = liquidity.by_address.values()

    def health_after(sold):
        bought = pool.quote_in(asset(WETH), sold).amount_out
        repaid = patient.cures.moved(KEY, Lever(Action.REPAY, asset(USDC), 0, 0), bought, patient.market)
        return patient.factor(patient.cures.moved(KEY, Lever(Action.WITHDRAW, asset(WETH), 0, 0), sold, repaid))

    assert health_after(found.sold) == found.factor_wad
    assert health_after(found.sold - 1) < DEFAULT_MARGIN_CALL_WAD


def test_deleveraging_without_a_pool_has_no_way(patient):
    assert deleverages(patient, DEFAULT_MARGIN_CALL_WAD, Liquidity.of([])) == ()


def test_deleveraging_into_a_pool_too_shallow_has_no_way(patient):
    shallow = Liquidity.of([deep_pool(2, asset(WETH), WAD, asset(USDC), 1_900 * 10**6, 3_000)])
    assert deleverages(patient, DEFAULT_MARGIN_CALL_WAD, shallow) == ()


def test_deleveraging_of_a_healthy_position_is_nothing(patient, liquidity):
    assert deleverages(patient, WAD // 2, liquidity) == ()
