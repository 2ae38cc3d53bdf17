"""Which pairs are offered, with which sizes, and why others are not."""

from dataclasses import replace

import pytest

from keeper.protocols.aave_v3 import health, offers
from keeper.protocols.aave_v3.reserve import EMode
from keeper.types import Declined, Offer, OfferKind, Reason, to_checksum
from keeper.units import MAX_UINT256, RAY
from tests.fakes.aave_v3_market import DOLLAR, KEY, NOW, account, asset, market, reserve, word

WETH, USDC, DAI = 0, 1, 2


def scene(version="3.6", *, weth=None, usdc=None, dai=None, owner=None, **changes):
    """10 WETH at 1 900 against 12 000 USDC and 4 000 DAI, each at a dollar: health 0.985625."""
    reserves = [
        weth or reserve(WETH, 1_900 * DOLLAR),
        usdc or reserve(USDC, DOLLAR, word(decimals=6)),
        dai or reserve(DAI, DOLLAR),
    ]
    owner = owner or account({WETH: 10 * 10**18}, {USDC: 12_000 * 10**6, DAI: 4_000 * 10**18})
    return market(reserves, {KEY: owner}, version=version, **changes)


def only(found, debt):
    """The one answer about a debt."""
    (answer,) = [
        x
        for x in found
        if (x.pay_token == asset(debt) if isinstance(x, Offer) else x.numbers["debt"] == to_checksum(asset(debt)))
    ]
    return answer


def test_offers_name_every_debt_with_its_legal_sizes():
    """Half of 16 000 may be repaid in USDC, leaving 4 000; DAI may be closed, or leave a thousand."""
    found = offers.offers(KEY, scene())
    usdc, dai = only(found, USDC), only(found, DAI)
    assert (usdc.kind, usdc.key, usdc.pay_token, usdc.receive_token) == (OfferKind.SEIZE, KEY, asset(USDC), asset(WETH))
    assert usdc.size_token == asset(USDC)
    assert usdc.sizes == ((1, 8_000 * 10**6),)
    # 1 900 wei of DAI buy the first wei of WETH. Rounded up, a thousand is left even 10**10 - 1 wei below it.
    assert dai.sizes == ((1_900, 3_000 * 10**18 + 10**10 - 1), (MAX_UINT256, MAX_UINT256))


def test_offers_before_33_are_half_of_each_debt():
    found = offers.offers(KEY, scene("3.0"))
    assert only(found, USDC).sizes == ((1, 6_000 * 10**6),)
    assert only(found, DAI).sizes == ((1_900, 2_000 * 10**18),)


def test_offers_before_33_close_a_debt_without_a_limit_where_all_may_be_repaid():
    """At 1 800 the health is 0.93375."""
    found = offers.offers(KEY, scene("3.0", weth=reserve(WETH, 1_800 * DOLLAR)))
    assert only(found, USDC).sizes == ((1, 12_000 * 10**6 - 1), (MAX_UINT256, MAX_UINT256))


def test_offers_take_all_collateral_without_a_limit_where_it_is_too_little():
    """At 1 000 it is worth 10 000: 9 523.81 buys it all, and 8 571.428571 leaves a thousand of it."""
    found = only(offers.offers(KEY, scene(weth=reserve(WETH, 1_000 * DOLLAR))), USDC)
    assert found.sizes == ((1, 8_571_428_571), (MAX_UINT256, MAX_UINT256))


def test_a_healthy_position_is_declined_as_healthy():
    (declined,) = offers.offers(KEY, scene(weth=reserve(WETH, 2_000 * DOLLAR)))
    assert (declined.reason, declined.numbers) == (Reason.HEALTHY, {"health_wad": 1_037_500_000_000_000_000})


def test_a_health_of_exactly_one_is_healthy_and_one_wei_below_is_not():
    """At a threshold of 100 %, 10**20 base units against as many, and one base unit less of cover."""
    for wei, healthy in ((10**30, True), (10**30 - 1, False)):
        owner = account({WETH: wei}, {DAI: 10**30})
        at = scene(owner=owner, weth=reserve(WETH, DOLLAR, word(threshold=10_000)))
        found = health.health(KEY, at)
        assert (found.factor_wad, found.liquidatable) == (10**18 - (not healthy), not healthy)
        assert isinstance(offers.offers(KEY, at)[0], Declined) == healthy


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"config": word(paused=True)}, Reason.PAUSED),
        ({"config": word(active=False)}, Reason.RESERVE_INACTIVE),
        ({"config": word(active=False, paused=True)}, Reason.RESERVE_INACTIVE),
        ({"grace_until": NOW}, Reason.GRACE_PERIOD),
        ({"underlying": 0}, Reason.NO_LIQUIDITY),
        ({"virtual": 0}, Reason.NO_LIQUIDITY),
        ({"config": word(bonus=0)}, Reason.NO_LEGAL_SIZE),
    ],
)
def test_a_collateral_that_cannot_be_seized_is_declined_with_its_reason(changes, reason):
    weth = replace(reserve(WETH, 1_900 * DOLLAR), **changes)
    found = offers.offers(KEY, scene(weth=weth))
    assert [x.reason for x in found] == [reason, reason]
    assert found[0].numbers["collateral"] == to_checksum(asset(WETH))


def test_a_paused_debt_leaves_the_other_one():
    found = offers.offers(KEY, scene(usdc=reserve(USDC, DOLLAR, word(decimals=6, paused=True))))
    assert only(found, USDC).reason is Reason.PAUSED
    assert isinstance(only(found, DAI), Offer)


def test_grace_ends_after_its_last_second():
    found = offers.offers(KEY, scene(weth=reserve(WETH, 1_900 * DOLLAR, grace_until=NOW - 1)))
    assert all(isinstance(x, Offer) for x in found)


def test_grace_before_31_does_not_exist():
    found = offers.offers(KEY, scene("3.0", weth=reserve(WETH, 1_900 * DOLLAR, grace_until=NOW + 1)))
    assert all(isinstance(x, Offer) for x in found)


def test_the_sentinel_forbids_from_a_health_of_095_on():
    """At 1 900 the health is 0.985625, at 1 800 it is 0.93375, at 1 831.325301205 just 0.95."""
    assert {x.reason for x in offers.offers(KEY, scene(liquidations_allowed=False))} == {Reason.SENTINEL}
    poor = scene(weth=reserve(WETH, 1_800 * DOLLAR), liquidations_allowed=False)
    assert all(isinstance(x, Offer) for x in offers.offers(KEY, poor))


def test_the_sentinel_forbids_at_exactly_095_and_not_one_wei_below():
    """At a threshold of 95 %, 10**20 base units against as many, and one base unit less of cover."""
    for wei, reasons in ((10**30, {Reason.SENTINEL}), (10**30 - 1, set())):
        owner = account({WETH: wei}, {DAI: 10**30})
        at = scene(owner=owner, weth=reserve(WETH, DOLLAR, word(threshold=9_500)), liquidations_allowed=False)
        assert health.health(KEY, at).factor_wad == 95 * 10**16 - (0 if reasons else 1)
        assert {x.reason for x in offers.offers(KEY, at) if isinstance(x, Declined)} == reasons


def test_the_sentinel_is_gone_in_37():
    assert all(isinstance(x, Offer) for x in offers.offers(KEY, scene("3.7", liquidations_allowed=False)))


def test_a_supply_that_is_no_collateral_is_declined():
    owner = account({WETH: 10 * 10**18, DAI: 10**18}, {USDC: 16_000 * 10**6}, collateral=1 << WETH)
    found = offers.offers(KEY, scene(owner=owner))
    assert [type(x) for x in found] == [Offer, Declined]
    assert found[1].reason is Reason.NOT_COLLATERAL


@pytest.mark.parametrize(("version", "offered"), [("3.5", False), ("3.6", True)])
def test_a_collateral_without_a_threshold_can_be_seized_from_36_on(version, offered):
    owner = account({WETH: 10 * 10**18, DAI: 2_000 * 10**18}, {USDC: 16_000 * 10**6})
    found = offers.offers(KEY, scene(version, owner=owner, dai=reserve(DAI, DOLLAR, word(threshold=0))))
    assert isinstance(found[1], Offer) == offered


def test_too_little_liquidity_leaves_the_sizes_that_can_be_paid_out():
    """2.2 WETH can leave: 4 000 DAI buys 2.2 and a fee, so everything; 8 000 USDC would need 4.4."""
    found = offers.offers(KEY, scene(weth=reserve(WETH, 1_900 * DOLLAR, underlying=22 * 10**17)))
    # 2.2 WETH to us and a tenth of the bonus on top: 2.2105263157894736 taken, 1 900 / 1.05 dollars each.
    assert only(found, USDC).sizes[0][1] == 4_000 * 10**6
    assert only(found, DAI).sizes[-1] == (MAX_UINT256, MAX_UINT256)


def test_emode_bonus_and_threshold_replace_the_reserves_own():
    """A category of WETH at 9 300 and 2 %: health 19000 * 0.93 / 18000 = 0.98166; without it 0.87611."""
    owner = account({WETH: 10 * 10**18}, {USDC: 18_000 * 10**6}, emode=1)
    inside = scene(owner=owner, emodes={1: EMode(1, 9_300, 10_200, bitmap=1 << WETH)})
    outside = scene(owner=owner, emodes={1: EMode(1, 9_300, 10_200, bitmap=1 << USDC)})
    assert health.health(KEY, inside).factor_wad == 981_666_666_666_666_666
    assert health.health(KEY, outside).factor_wad == 876_111_111_111_111_111


@pytest.mark.parametrize("place", [WETH, USDC])
def test_an_unknown_price_declines_the_whole_position(place):
    unknown = scene().with_prices({asset(place): 0})
    (declined,) = offers.offers(KEY, unknown)
    assert declined == health.health(KEY, unknown)
    assert (declined.reason, declined.numbers) == (Reason.UNKNOWN_PRICE, {"token": to_checksum(asset(place))})


def test_an_unknown_price_of_an_idle_supply_does_not_matter():
    owner = account({WETH: 10 * 10**18, DAI: 10**18}, {USDC: 16_000 * 10**6}, collateral=1 << WETH)
    assert isinstance(health.health(KEY, scene(owner=owner).with_prices({asset(DAI): -1})), health.Health)


def test_a_category_price_replaces_its_assets_prices_up_to_31():
    """Category 1 prices WETH at 2 000; its debt USDC belongs to it as well, so 12 000 USDC cost 2 000 each."""
    source = asset(9)
    category = EMode(1, 9_300, 10_200, price_source=source, price=2_000 * DOLLAR)
    owner = account({WETH: 10 * 10**18}, {DAI: 9 * 10**18}, emode=1)
    configs = {"weth": reserve(WETH, 1_900 * DOLLAR, word(category=1)), "dai": reserve(DAI, DOLLAR, word(category=1))}
    inside = scene("3.0", owner=owner, emodes={1: category}, **configs)
    found = health.health(KEY, inside)
    assert (found.collateral_base, found.debt_base) == (20_000 * DOLLAR, 18_000 * DOLLAR)
    assert health.health(KEY, inside.with_prices({source: 0})).numbers == {"emode": 1}
    assert health.health(KEY, inside.with_prices({source: 1_000 * DOLLAR})).debt_base == 9_000 * DOLLAR


def test_stable_debt_sets_a_position_aside():
    owner = replace(account({WETH: 10**18}, {USDC: 1}), stable_debt=True)
    declined = health.health(KEY, scene("3.0", owner=owner))
    assert declined.reason is Reason.QUARANTINED


@pytest.mark.parametrize(("version", "aside"), [("3.3", True), ("3.4", False), ("3.0", False)])
def test_a_debt_outside_virtual_accounting_sets_a_position_aside_from_31_to_33(version, aside):
    """Its debt token discounts balances, which only the token knows."""
    usdc = reserve(USDC, DOLLAR, word(decimals=6, virtual=False))
    assert isinstance(health.health(KEY, scene(version, usdc=usdc)), Declined) == aside


def test_position_lists_what_is_held_and_owed_at_the_target():
    owner = account({WETH: 10**18, DAI: 5}, {USDC: 7}, collateral=1 << WETH, emode=1)
    usdc = reserve(USDC, DOLLAR, word(decimals=6), borrow_index=3 * RAY // 2)
    found = health.position(KEY, scene(owner=owner, usdc=usdc))
    assert found.collateral == ((asset(WETH), 10**18),)
    assert found.debt == ((asset(USDC), 11),)
    assert found.note == "eMode 1, 1 supplies not used as collateral"
