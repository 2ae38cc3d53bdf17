"""Positions that opted in to be liquidated early: who did, between which thresholds, at what incentive, how much."""

import pytest

from keeper.errors import DecodeError
from keeper.protocols.calls import Permission
from keeper.protocols.morpho_blue import abi, errors, facets, pre_liquidation
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.offers import MarketSeizure
from keeper.protocols.morpho_blue.pre_liquidation import PreLiquidation, zone_of
from keeper.protocols.morpho_blue.pre_offers import PreSeizure
from keeper.protocols.morpho_blue.state import MorphoBlueSync
from keeper.protocols.words import WORD, selector
from keeper.types import Address, Declined, Log, LogQuery, Reason, Returned
from keeper.units import MAX_UINT256, WAD
from tests.fakes.morpho_blue_market import (
    BORROWER,
    KEY,
    MORPHO,
    NOW,
    ORACLE,
    PARAMS,
    borrower,
    example,
    head,
    market,
    target,
)
from tests.fakes.reads import drive
from tests.unit.morpho_blue.test_state import OPENED, Chain, words

FACTORY, CONTRACT, OTHER = (Address(bytes([n]) * 20) for n in (0xFA, 0xCC, 0xCD))
TERMS = PreLiquidation(
    CONTRACT, PARAMS.id, 82 * WAD // 100, 5 * WAD // 100, WAD // 2, 101 * WAD // 100, 104 * WAD // 100, ORACLE
)
HEALTH = OFFERS = ENCODER = facets


# The worked example of 20,000 units owed: collateral 10.1 is worth 23,691.3569, so the loan is at 84.42 % of it.
# t = (0.844189722244233297 - 0.82) / (0.86 - 0.82) = 0.604743056105832425 (down)
# incentive = t * 0.03 + 1.01 = 1.028142291683174972; close factor = t * 0.45 + 0.05 = 0.322134375247624591
# shares: 19318966044477402 * 0.3221... = 6223303057167801
def opted(collateral=10_100_000_000_000_000_000, terms=TERMS, **changes):
    return market([example()], {KEY: borrower(collateral)}, opted={KEY: (terms,)}, **changes)


def test_zone_interpolates_incentive_and_close_factor_between_the_thresholds():
    one = example()
    zone = zone_of(10_100_000_000_000_000_000, 19_318_966_044_477_402, one.now, one.price, (TERMS, PARAMS.lltv))
    assert (zone.incentive, zone.repayable_shares) == (1_028_142_291_683_174_972, 6_223_303_057_167_801)


def test_seizure_of_all_repayable_shares_is_the_worked_one():
    one = example()
    seized = pre_liquidation.seized_for(6_223_303_057_167_801, one.now, one.price, 1_028_142_291_683_174_972)
    assert seized == 2_823_915_707_804_714_572


# Numbers so large that a unit in the last place of a wad shows: a share is a millionth of an asset, 10**36 are lent.
HUGE = Totals(borrow_assets=10**36 - 1, borrow_shares=10**42 - 10**6)
ONE = 10**36
"""A price of one, and a collateral worth 10**36."""


def terms_of(pre_lltv, lcf, lif):
    return PreLiquidation(CONTRACT, PARAMS.id, pre_lltv, *lcf, *lif, oracle=ORACLE)


# t = (0.86 - 0.82) / (0.88 - 0.82) = 0.666..., down; times 0.7 it is 0.4666666666666666662, times 0.7 and one unit
# 0.46666666666666666687: both down to 0.466666666666666666.
@pytest.mark.parametrize("extra", [(0, 1), (1, 0)])
def test_zone_rounds_every_step_down(extra):
    lcf, lif = ((first, first + 7 * WAD // 10 + more) for first, more in zip((0, WAD), extra, strict=True))
    terms = terms_of(82 * WAD // 100, lcf, lif)
    zone = zone_of(ONE, 86 * 10**40, HUGE, ONE, (terms, 88 * WAD // 100))
    assert zone.incentive == 1_466_666_666_666_666_666
    assert zone.repayable_shares == 86 * 466_666_666_666_666_666 * 10**22


def test_zone_in_the_middle_is_half_way():
    # 0.85 is half way from 0.82 to 0.88: half of the shares, and half of a bonus of a tenth.
    terms = terms_of(82 * WAD // 100, (0, WAD), (WAD, 11 * WAD // 10))
    zone = zone_of(ONE, 85 * 10**40, HUGE, ONE, (terms, 88 * WAD // 100))
    assert (zone.incentive, zone.repayable_shares) == (105 * WAD // 100, 425 * 10**39)


@pytest.mark.parametrize(("hundredths", "inside"), [(82, False), (83, True), (88, True), (89, False)])
def test_zone_begins_above_one_threshold_and_ends_at_the_other(hundredths, inside):
    terms = terms_of(82 * WAD // 100, (0, WAD), (WAD, WAD))
    zone = zone_of(ONE, hundredths * 10**40, HUGE, ONE, (terms, 88 * WAD // 100))
    assert (zone is not None) is inside


def test_zone_of_a_price_the_contract_cannot_multiply_is_none():
    terms = terms_of(82 * WAD // 100, (0, WAD), (WAD, WAD))
    assert zone_of(2**128, 10**40, HUGE, 2**200, (terms, 88 * WAD // 100)) is None


def test_seizure_and_repayment_undo_each_other_where_nothing_is_rounded():
    # 10**42 shares are 10**36 assets, with half on top 1.5 * 10**36 of a collateral at a price of one.
    assert pre_liquidation.seized_for(10**42, HUGE, ONE, 15 * WAD // 10) == 15 * 10**35
    assert pre_liquidation.repaid_shares_for(15 * 10**35, HUGE, ONE, 15 * WAD // 10) == 10**42


def test_offer_reaches_to_the_close_factor_and_its_spender_is_the_contract():
    scene = opted()
    (offer,) = OFFERS.offers(KEY, scene)
    assert offer.sizes == ((1, 2_823_915_707_804_714_572),)
    settled = OFFERS.settle(offer, 2_823_915_707_804_714_572, scene)
    # 6223303057167801 shares cost 6,442.687505 rounded up; the amount seized asks for no more shares than these.
    assert (settled.pays[0].amount, settled.pays[0].spender) == (6_442_687_505, CONTRACT)
    assert settled.receives[0].amount == 2_823_915_707_804_714_572
    assert isinstance(offer.detail, PreSeizure)


def test_position_between_the_thresholds_is_liquidatable_though_its_health_is_above_one():
    health = HEALTH.health(KEY, opted())
    assert health.liquidatable
    assert health.factor_wad > WAD
    assert HEALTH.always_confirm(opted()) == [KEY]
    assert "opted in" in HEALTH.position(KEY, opted()).note


# 9.5 collateral is past the market's own threshold; 11 is worth 25,802 and 20,000 is 77.5 % of it.
@pytest.mark.parametrize(("collateral", "own"), [(9_500_000_000_000_000_000, True), (11 * WAD, False)])
def test_position_outside_the_zone_is_left_to_the_market_itself(collateral, own):
    scene = opted(collateral)
    (answer,) = OFFERS.offers(KEY, scene)
    if own:
        assert isinstance(answer.detail, MarketSeizure)
    else:
        assert (answer.reason, HEALTH.health(KEY, scene).liquidatable) == (Reason.HEALTHY, False)


def test_close_factor_of_one_or_more_offers_all_shares():
    terms = PreLiquidation(CONTRACT, PARAMS.id, 82 * WAD // 100, WAD, 2 * WAD, WAD, WAD, ORACLE)
    (offer,) = OFFERS.offers(KEY, opted(terms=terms))
    assert offer.sizes[-1] == (MAX_UINT256, MAX_UINT256)
    left = OFFERS.after(offer, MAX_UINT256, opted(terms=terms)).borrower(KEY)
    assert (left.borrow_shares, left.collateral > 0) == (0, True)


def test_contract_with_an_oracle_of_its_own_goes_by_that_price_and_by_none_without_it():
    terms = PreLiquidation(CONTRACT, PARAMS.id, TERMS.pre_lltv, *(WAD // 2, WAD // 2, WAD, WAD), oracle=OTHER)
    # At 93 % of the market's price 11 collateral are worth 23,996, and 20,000 is 83.3 % of it: within the zone.
    priced = {OTHER: example().price * 93 // 100}
    assert isinstance(OFFERS.offers(KEY, opted(11 * WAD, terms, pre_prices=priced))[0].detail, PreSeizure)
    (silent,) = OFFERS.offers(KEY, opted(11 * WAD, terms, pre_prices={OTHER: None}))
    assert (silent.reason, silent.key) == (Reason.HEALTHY, KEY)


def test_sizes_too_small_to_mend_what_roundings_take_are_left_out():
    """On the very edge of the market's threshold only a seizure that mends more than it rounds away is offered."""
    edge = 9_914_321_156_696_118_486  # one unit less and the market's own liquidation begins
    assert (_past(edge - 1), _past(edge)) == (True, False)
    (offer,) = OFFERS.offers(KEY, opted(edge))
    ((low, high),) = offer.sizes
    assert 1 < low < high
    assert not _past_after(offer, low, edge)


def _past(collateral):
    return HEALTH.health(KEY, opted(collateral)).factor_wad < WAD


def _past_after(offer, size, collateral):
    return HEALTH.health(KEY, OFFERS.after(offer, size, opted(collateral))).factor_wad < WAD


def test_calls_name_the_contract_and_its_callback():
    scene = opted()
    (offer,) = OFFERS.offers(KEY, scene)
    settled = OFFERS.settle(offer, 7, scene)
    (plain,) = ENCODER.calls(offer, 7, settled, scene, b"")
    (guarded,) = ENCODER.calls(offer, 7, settled, scene, b"\x01\x02")
    numbers = b"".join(n.to_bytes(WORD, "big") for n in (7, 0, 4 * WORD, 0))
    assert plain.call.data == selector(abi.PRE_LIQUIDATE) + BORROWER.rjust(WORD, b"\0") + numbers
    assert (plain.call.to, plain.callback) == (CONTRACT, None)
    assert (guarded.call.to, guarded.callback.selector) == (CONTRACT, selector(abi.ON_PRE_LIQUIDATE))
    assert Permission(CONTRACT, selector(abi.PRE_LIQUIDATE), CONTRACT) in ENCODER.permissions(scene)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("NotPreLiquidatablePosition()", "NotPreLiquidatablePosition (the position is below"),
        ("LiquidatablePosition()", "LiquidatablePosition (the position is past"),
        ("PreLiquidationTooLarge(uint256,uint256)", "PreLiquidationTooLarge (more than the close factor"),
    ],
)
def test_reverts_of_the_contract_are_named(error, said):
    assert errors.explain(selector(error) + bytes(64)).startswith(said)


# Who opted in -------------------------------------------------------------------------------------------------------


def event(emitter, topic, *indexed, data=b"", block=100, index=0):
    topics = (topic, *(address.rjust(WORD, b"\0") for address in indexed))
    return Log(emitter, topics, data, block, block.to_bytes(32, "big"), bytes(32), index)


def created(terms=TERMS, index=10):
    return event(FACTORY, abi.CREATE_PRE_LIQUIDATION, terms.contract, data=terms.encoded[WORD:], index=index)


def consented(contract=CONTRACT, *, given=True, block=100, index=20):
    return event(
        MORPHO, abi.SET_AUTHORIZATION, BORROWER, BORROWER, contract,
        data=int(given).to_bytes(WORD, "big"), block=block, index=index,
    )  # fmt: skip


def opened(*logs):
    sync = MorphoBlueSync("morpho", MORPHO, FACTORY)
    drive(sync.bootstrap(head()), Chain())
    sync.apply(OPENED)
    sync.apply(logs)
    return sync


def observed(sync, chain=None):
    return drive(sync.observe(head(), target(NOW + 12)), chain or Chain())


def test_new_contract_asks_for_the_authorisations_of_it():
    sync = MorphoBlueSync("morpho", MORPHO, FACTORY)
    applied = sync.apply([created()])
    wanted = LogQuery((MORPHO,), ((abi.SET_AUTHORIZATION,), (), (), (CONTRACT.rjust(WORD, b"\0"),)))
    assert applied.new_sources == (wanted,)
    assert sync.sources()[1:] == (LogQuery((FACTORY,), ((abi.CREATE_PRE_LIQUIDATION,),)), wanted)
    assert sync.apply([created()]).new_sources == ()


def test_without_a_factory_nobody_is_looked_for():
    sync = MorphoBlueSync("morpho", MORPHO)
    assert len(sync.sources()) == 1
    sync.apply([*OPENED, created(), consented()])
    assert observed(sync).opted == {}


def test_borrower_opts_in_and_out_by_authorising():
    sync = opened(created(), consented())
    before = observed(sync)
    assert before.opted == {KEY: (TERMS,)}
    sync.apply([consented(given=False, index=30)])
    assert observed(sync).opted == {}
    assert before.opted == {KEY: (TERMS,)}


def test_authorising_anything_else_opts_in_to_nothing():
    assert observed(opened(created(), consented(OTHER))).opted == {}


def test_orphaned_authorisation_is_asked_for_again():
    sync = opened(created(), consented(block=105))

    class Withdrawn(Chain):
        def __call__(self, call):
            return words(0) if call.data[:4] == selector(abi.IS_AUTHORIZED) else super().__call__(call)

    drive(sync.reread((), head(number=110)), Withdrawn())
    assert observed(sync).opted == {KEY: (TERMS,)}
    drive(sync.reread((), head(number=104)), Withdrawn())
    assert observed(sync).opted == {}


def test_opting_in_survives_a_restart_and_is_written_when_it_changed():
    sync = opened(created(), consented())
    rows = list(sync.save(()))
    again = MorphoBlueSync("morpho", MORPHO, FACTORY)
    again.restore([*sync.save(None)])
    assert again._opt_ins.by_position == {KEY: (TERMS,)}
    assert b"opt_ins" in [row.key for row in rows]
    assert b"opt_ins" not in [row.key for row in sync.save(())]


@pytest.mark.parametrize("damage", [b"", b"\x00\x00\x00\x09", None])
def test_damaged_opt_ins_are_refused(damage):
    sync = opened(created(), consented())
    data = sync._opt_ins.encoded()[:-1] if damage is None else damage
    with pytest.raises(DecodeError, match="pre-liquidation contracts have another shape"):
        MorphoBlueSync("morpho", MORPHO, FACTORY)._opt_ins.restore(data)


def test_oracle_of_a_contract_that_fails_costs_only_what_goes_by_it():
    """The market keeps its own price; the silent oracle rests, and the borrower is healthy as far as anybody knows."""
    terms = PreLiquidation(CONTRACT, PARAMS.id, 1, *(WAD, WAD, WAD, WAD), oracle=OTHER)
    sync = opened(created(terms), consented())

    class Silent(Chain):
        def __call__(self, call):
            if call.to == OTHER:
                self.asked.append(b"own")
                return Returned(False, b"")

            return super().__call__(call)

    chain = Silent()
    found = observed(sync, chain)
    assert found.isolated[PARAMS.id].usable_price == 10**38
    assert found.pre_prices == {OTHER: None}
    assert not isinstance(HEALTH.health(KEY, found), Declined)
    drive(sync.observe(head(), target(NOW + 12)), chain)
    assert chain.asked.count(b"own") == 1
