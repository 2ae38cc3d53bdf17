"""What cures a position, and what would make it fall: worked by hand on an Aave market."""

from dataclasses import replace

import pytest

from keeper.margin.cure import Patient, cures
from keeper.margin.state import DEFAULT_MARGIN_CALL_WAD
from keeper.margin.triggers import falls_at, limits, triggers
from keeper.protocols.aave_v3 import build
from keeper.protocols.cures import Action
from keeper.units import RAY, WAD
from tests.fakes.aave_v3_market import DOLLAR, KEY, NOW, account, asset, market, reserve, target, word

WETH, USDC, DAI = 0, 1, 2
ADAPTER = build("aave", asset(9))
TARGET_WAD = DEFAULT_MARGIN_CALL_WAD


def scene(version="3.6", *, price=1_900, usdc=12_000, **changes):
    """10 WETH with a threshold of 83 % against USDC and 4 000 DAI."""
    reserves = [
        reserve(WETH, price * DOLLAR, word(**changes)),
        reserve(USDC, DOLLAR, word(decimals=6)),
        reserve(DAI, DOLLAR),
    ]
    owner = account({WETH: 10 * WAD}, {USDC: usdc * 10**6, DAI: 4_000 * WAD})
    return market(reserves, {KEY: owner}, version=version)


def patient(found):
    return Patient(ADAPTER, KEY, found)


def test_cures_to_five_percent_above_liquidation_are_the_least_amounts_that_reach_it():
    """Cover 15770, debt 16000: missing (1.05 * 16000 - 15770) / 0.83 of collateral or 16000 - 15770 / 1.05 of debt.

    The first is 1240.96385543 dollars, 0.653138871278947369 WETH at 1 900; the second 980.95238096 dollars.
    """
    found = {(cure.lever.action, cure.lever.token): cure for cure in cures(patient(scene()), TARGET_WAD)}
    assert list(found) == [
        (Action.DEPOSIT, asset(WETH)),
        (Action.REPAY, asset(USDC)),
        (Action.REPAY, asset(DAI)),
    ]
    deposit = found[Action.DEPOSIT, asset(WETH)]
    assert (deposit.amount, deposit.factor_wad) == (653_138_871_278_947_369, 1_050_000_000_000_431_250)
    assert found[Action.REPAY, asset(USDC)].amount == 980_952_381
    # A debt's value rounds up: 980.95238096 less a dollar of 10**8 and its own 10**-8 are the same to the pool.
    assert found[Action.REPAY, asset(DAI)].amount == 980_952_380_960_000_000_000


@pytest.mark.parametrize("version", ["3.0", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7"])
@pytest.mark.parametrize("target_wad", [WAD, TARGET_WAD, 3 * WAD])
def test_cure_one_unit_less_does_not_reach_the_target(version, target_wad):
    sick = patient(scene(version))
    found = cures(sick, target_wad)
    assert found
    for cure in found:
        assert sick.after(cure.lever, cure.amount) == cure.factor_wad >= target_wad
        less = sick.after(cure.lever, cure.amount - 1)
        assert less is None or less < target_wad


def test_cure_of_a_position_at_its_target_is_nothing():
    assert cures(patient(scene(price=2_500)), TARGET_WAD) == ()


def test_cure_that_cannot_reach_the_target_is_left_out():
    """4 000 DAI repaid leave 12 000 of debt: 1.314 at best."""
    found = cures(patient(scene()), 2 * WAD)
    assert [(cure.lever.action, cure.lever.token) for cure in found] == [
        (Action.DEPOSIT, asset(WETH)),
        (Action.REPAY, asset(USDC)),
    ]


def test_cures_through_a_paused_reserve_are_left_out():
    found = cures(patient(scene(paused=True)), TARGET_WAD)
    assert {cure.lever.action for cure in found} == {Action.REPAY}


def test_cures_into_a_frozen_reserve_are_left_out():
    frozen = scene()
    config = frozen.reserves[WETH].config | 1 << 57
    found = cures(patient(frozen.with_reserves({WETH: replace(frozen.reserves[WETH], config=config)})), TARGET_WAD)
    assert {cure.lever.action for cure in found} == {Action.REPAY}


# Triggers ----------------------------------------------------------------------------------------------------------


def test_trigger_of_a_collateral_is_the_highest_price_at_which_it_falls():
    """10 WETH * 0.83 = 16 000 at 1 927.710843373...: the last unit at which the cover is less than the debt."""
    found = {trigger.exposure.token: trigger for trigger in triggers(patient(scene(price=2_000)))}
    assert found[asset(WETH)].price == 192_771_084_337
    # -3.6144 % of 2 000, toward zero.
    assert found[asset(WETH)].move_bps == -361


def test_trigger_of_a_debt_is_the_lowest_price_at_which_it_falls():
    """16 600 - 4 000 = 12 600 for 12 000 USDC: 1.05 exactly is still healthy, one unit more is not."""
    found = {trigger.exposure.token: trigger for trigger in triggers(patient(scene(price=2_000)))}
    assert found[asset(USDC)].price == 105_000_001
    assert found[asset(DAI)].price == 115_000_001


def test_trigger_price_and_its_neighbour_decide_otherwise():
    healthy = patient(scene(price=2_000))
    for trigger in triggers(healthy):
        toward = 1 if trigger.price < trigger.exposure.price else -1
        fallen, standing = (
            ADAPTER.health.health(KEY, healthy.market.with_prices({trigger.exposure.price_id: price})).liquidatable
            for price in (trigger.price, trigger.price + toward)
        )
        assert (fallen, standing) == (True, False)


def test_triggers_of_a_liquidatable_position_are_none():
    assert triggers(patient(scene())) == ()
    assert falls_at(patient(scene())) == NOW


def test_interest_alone_falls_at_the_first_block_that_owes_too_much():
    """4 000 DAI grow by 10 % a year, simply at first: 16 600 - 16 000 are missing, so 1.5 years and not one."""
    slow = scene(price=2_000)
    slow = slow.with_reserves({DAI: reserve(DAI, DOLLAR, borrow_rate=RAY // 10)}).at(target(NOW + 12))
    assert falls_at(patient(slow)) is None
    fast = slow.with_reserves({DAI: reserve(DAI, DOLLAR, borrow_rate=RAY)}).at(target(NOW + 12))
    when = falls_at(patient(fast))
    assert (when - NOW) % 12 == 0
    # ln(1.15) = 0.13976 of a year.
    assert 4_407_000 < when - NOW < 4_408_500
    at = [ADAPTER.health.health(KEY, fast.at(target(time))).liquidatable for time in (when - 12, when)]
    assert at == [False, True]


def test_limit_of_a_threshold_is_where_governance_would_make_it_fall():
    """20 000 at 80 % is 16 000, which still stands."""
    (found,) = limits(patient(scene(price=2_000)))
    assert (found.parameter.name, found.parameter.token) == ("liquidation_threshold_bps", asset(WETH))
    assert (found.now, found.value) == (8_300, 7_999)
