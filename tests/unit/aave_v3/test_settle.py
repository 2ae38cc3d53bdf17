"""What taking an offer moves, what it may cost at most, and the market the next one sees."""

from dataclasses import replace

import pytest

from keeper.protocols.aave_v3 import health, offers, settle
from keeper.types import Declined, Offer, Payment, Reason, TokenAmount
from keeper.units import MAX_UINT256, RAY
from tests.fakes.aave_v3_market import DOLLAR, KEY, NOW, POOL, account, asset, market, reserve, target, word

WETH, USDC, DAI = 0, 1, 2
YEAR_S = 31_536_000


def scene(version="3.6", *, price=1_900, owner=None, **usdc):
    """10 WETH against 12 000 USDC and 4 000 DAI."""
    reserves = [
        reserve(WETH, price * DOLLAR, underlying=100 * 10**18, virtual=100 * 10**18),
        reserve(USDC, DOLLAR, word(decimals=6), underlying=10**12, virtual=10**12, **usdc),
        reserve(DAI, DOLLAR),
    ]
    owner = owner or account({WETH: 10 * 10**18}, {USDC: 12_000 * 10**6, DAI: 4_000 * 10**18})
    return market(reserves, {KEY: owner}, version=version)


def offer_of(scene, debt=USDC):
    (found,) = [o for o in offers.offers(KEY, scene) if isinstance(o, Offer) and o.pay_token == asset(debt)]
    return found


def test_settle_a_part_pays_exactly_its_size_and_no_more():
    """8 000 at 1 900 with 5 %, less the treasury's tenth of the bonus: 4.4 WETH."""
    found = settle.settle(offer_of(scene()), 8_000 * 10**6, scene())
    assert found.pays == (Payment(asset(USDC), 8_000 * 10**6, 8_000 * 10**6, POOL),)
    assert found.receives == (TokenAmount(asset(WETH), 4_400_000_000_000_000_000),)


def test_settle_a_size_above_the_close_factor_pays_only_what_is_allowed():
    """The price rose inside the block: what was a full close is half now."""
    offer = offer_of(scene(price=1_800))
    assert settle.settle(offer, 12_000 * 10**6, scene()).pays[0].amount == 8_000 * 10**6


def test_settle_everything_is_bounded_by_twice_the_growth_until_the_plan_expires():
    """100 % a year on 4 000 DAI for 31.536 s is a millionth: 0.004 DAI and a little, twice."""
    rich = replace(scene(), reserves=(*scene().reserves[:2], reserve(DAI, DOLLAR, borrow_rate=RAY)))
    rich = rich.at(target(NOW, NOW + 31))
    found = settle.settle(offer_of(rich, DAI), MAX_UINT256, rich)
    # x = 31 / 31536000, so grown by 983003551498.2 / 10**18 and a half of its square.
    grown = 4_000 * 10**18 * (31 * 10**27 // YEAR_S) // 10**27
    assert found.pays[0].amount == 4_000 * 10**18
    assert 2 * grown < found.pays[0].at_most - 4_000 * 10**18 < 2 * grown * 1_000_001 // 1_000_000


def test_settle_everything_at_once_is_bounded_by_itself():
    found = settle.settle(offer_of(scene(), DAI), MAX_UINT256, scene())
    assert found.pays[0].at_most == found.pays[0].amount == 4_000 * 10**18


def test_settle_all_collateral_is_bounded_by_the_later_cap():
    """The debt grows by half a year of 100 %, but only 9 523.809524 buys all of the collateral, then as now."""
    broke = scene(price=1_000, borrow_rate=RAY).at(target(NOW, NOW + YEAR_S // 2))
    found = settle.settle(offer_of(broke), MAX_UINT256, broke)
    assert (found.pays[0].amount, found.pays[0].at_most) == (9_523_809_524, 9_523_809_524)
    assert found.receives[0].amount == 10 * 10**18 - 47_619_047_619_047_619


def test_settle_without_a_health_is_refused():
    with pytest.raises(Exception, match="unknown_price"):
        settle.settle(offer_of(scene()), 1, scene().with_prices({asset(WETH): 0}))


# After -------------------------------------------------------------------------------------------------------------


def test_after_a_part_the_next_offer_sees_less_of_everything():
    before = scene()
    after = settle.after(offer_of(before), 8_000 * 10**6, before)
    # 4.4 to us and 0.021052631578947368 to the treasury.
    assert after.account(KEY).supplied == ((WETH, 10**19 - 4_421_052_631_578_947_368),)
    assert after.account(KEY).borrowed == ((USDC, 4_000 * 10**6), (DAI, 4_000 * 10**18))
    assert after.reserves[WETH].underlying == after.reserves[WETH].virtual == 100 * 10**18 - 44 * 10**17
    assert after.reserves[USDC].underlying == after.reserves[USDC].virtual == 10**12 + 8_000 * 10**6
    # 5.578947368421052632 WETH at 1 900 are worth 10 600: 10 600 * 0.83 / 8 000.
    assert health.health(KEY, after).factor_wad == 1_099_750_000_000_000_000


def test_after_leaves_the_market_it_came_from_alone():
    before = scene()
    settle.after(offer_of(before), 8_000 * 10**6, before)
    assert before.account(KEY).borrowed[0] == (USDC, 12_000 * 10**6)
    assert before.reserves[USDC].underlying == 10**12


def test_after_all_collateral_every_debt_is_burned_from_33():
    broke = scene(price=1_000)
    after = settle.after(offer_of(broke), MAX_UINT256, broke)
    assert after.account(KEY) == account({}, {})
    assert offers.offers(KEY, after)[0].reason is Reason.HEALTHY


def test_after_all_collateral_the_rest_is_still_owed_before_33():
    broke = scene("3.2", price=1_000)
    after = settle.after(offer_of(broke), MAX_UINT256, broke)
    # 9 523.809523(8...) repaid, half up.
    assert after.account(KEY).borrowed == ((USDC, 12_000 * 10**6 - 9_523_809_524), (DAI, 4_000 * 10**18))
    assert after.account(KEY).supplied == ()
    assert offers.offers(KEY, after) == []


def test_after_bad_debt_a_debt_in_an_inactive_reserve_remains():
    broke = scene(price=1_000)
    idle = replace(broke.reserves[DAI], config=word(active=False))
    after = settle.after(offer_of(broke), MAX_UINT256, broke.with_reserves({DAI: idle}))
    assert after.account(KEY).borrowed == ((DAI, 4_000 * 10**18),)


def test_after_another_collateral_is_left_no_debt_is_burned():
    owner = account({WETH: 10 * 10**18, DAI: 10**18}, {USDC: 12_000 * 10**6})
    broke = scene(price=1_000, owner=owner)
    (offer,) = [o for o in offers.offers(KEY, broke) if isinstance(o, Offer) and o.receive_token == asset(WETH)]
    after = settle.after(offer, MAX_UINT256, broke)
    assert after.account(KEY).borrowed == ((USDC, 12_000 * 10**6 - 9_523_809_524),)
    assert after.account(KEY).collateral == 1 << DAI


def test_after_a_debt_in_its_own_collateral_moves_one_reserve_both_ways():
    """900 USDC against 1 000 of them; at a threshold of 0.83 it is liquidatable, and small enough to close."""
    owner = account({USDC: 1_000 * 10**6}, {USDC: 900 * 10**6})
    same = scene(owner=owner)
    after = settle.after(offer_of(same), MAX_UINT256, same)
    # 945 taken, of which 4.5 (a tenth of 45) to the treasury.
    assert after.reserves[USDC].underlying == 10**12 + 900 * 10**6 - 940_500_000
    assert after.account(KEY).supplied == ((USDC, 55 * 10**6),)


def test_a_second_offer_on_what_is_left_settles_on_what_is_left():
    before = scene(price=1_700)
    first = settle.after(offer_of(before, DAI), MAX_UINT256, before)
    found = offers.offers(KEY, first)
    assert not any(isinstance(x, Declined) for x in found)
    (usdc,) = found
    # 12 000 at 1 700 is 7.058823529411764705 WETH, with 5 % ...352940; a tenth of the bonus goes to the treasury.
    expected = 7_411_764_705_882_352_940 - 35_294_117_647_058_824
    assert settle.settle(usdc, MAX_UINT256, first).receives[0].amount == expected
    assert first.account(KEY).supplied == ((WETH, 10 * 10**18 - 2_470_588_235_294_117_647),)
    assert usdc.pay_token == asset(USDC)
