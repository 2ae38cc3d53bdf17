"""What the adapter says around the arithmetic: health, offers, refusals, calls, events, names."""

from dataclasses import replace

import pytest
from eth_abi.abi import encode as abi_encode

from keeper.errors import StateError
from keeper.execution.allowlist import Allowlist, Kind, Rule
from keeper.execution.explain import decode_program
from keeper.execution.operations import Allow, Amount, Patch, Source
from keeper.protocols.calls import EXECUTOR, Right
from keeper.protocols.maker import Addresses, abi, build, errors
from keeper.protocols.maker.auction import Sale
from keeper.protocols.maker.ilk import Feed, Poke
from keeper.protocols.maker.math import Linear
from keeper.protocols.maker.urn import Urn, auction_key
from keeper.protocols.words import encode, selector
from keeper.types import (
    ZERO_ADDRESS,
    Address,
    Call,
    Declined,
    Offer,
    OfferKind,
    Reason,
    Rejected,
    TokenAmount,
    TokenPrice,
)
from keeper.units import MAX_UINT256, RAD, RAY, WAD
from tests.fakes.maker_market import (
    AUCTION,
    CLIP,
    CONTRACTS,
    GEM,
    ILK,
    JOIN,
    KEY,
    NOW,
    OWNER,
    PIP,
    event,
    ilk,
    listing,
    market,
    note,
    sale,
    target,
    unsafe,
)

ADAPTER = build("maker", Addresses(*(Address(bytes(20)) for _ in range(3)), ()))
DAI = CONTRACTS.dai


def only(found, kind=Offer):
    (one,) = found
    assert isinstance(one, kind), one
    return one


def offered(of, key=KEY):
    return only(ADAPTER.offers.offers(key, of))


def declined(of, key=KEY):
    return only(ADAPTER.offers.offers(key, of), Declined)


# Health ---------------------------------------------------------------------------------------------------------------


def test_health_divides_what_may_be_owed_by_what_is():
    """105 ether at two thirds of 2,000 may owe 140,000; 141,000 are owed."""
    health = ADAPTER.health.health(KEY, market(urns={KEY: unsafe()}))
    assert health.factor_wad == 992_907_801_418_439_716  # 139,999.99... / 141,000
    assert (health.liquidatable, health.base_unit, health.base_token) == (True, WAD, DAI)
    assert (health.collateral_base, health.debt_base) == (210_000 * WAD, 141_000 * WAD)


def test_vault_that_owes_exactly_what_it_may_is_safe():
    """Ten ether at a spot of 1,000: the Dog wants strictly less."""
    at_the_edge = market([ilk(spot=1_000 * RAY, feed=Feed(PIP, 1_500 * WAD))], {KEY: Urn(10 * WAD, 10_000 * WAD)})
    health = ADAPTER.health.health(KEY, at_the_edge)
    assert (health.factor_wad, health.liquidatable) == (WAD, False)
    assert ADAPTER.health.health(KEY, at_the_edge.with_urns({KEY: Urn(10 * WAD, 10_000 * WAD + 1)})).liquidatable


def test_debt_is_what_a_drip_would_make_it():
    """A billionth a second for an hour: half a DAI more on 139,999.9."""
    growing = market([ilk(fee=RAY + 10**18)], {KEY: Urn(105 * WAD, 140_000 * WAD - WAD // 10)})
    assert ADAPTER.health.health(KEY, growing).liquidatable
    later = growing.at(target(NOW - 3_600))
    assert not ADAPTER.health.health(KEY, later).liquidatable


def test_price_that_nobody_brought_to_the_vat_counts_too():
    """The Vat still has two thirds of 2,000; the feed says 1,990, which anybody may bring."""
    stale = market([ilk(feed=Feed(PIP, 1_990 * WAD))], {KEY: Urn(105 * WAD, 139_500 * WAD)})
    assert ADAPTER.health.health(KEY, stale).liquidatable
    offer = offered(stale)
    assert offer.detail.poke is Poke.SPOT
    assert offer.prelude == (Call(CONTRACTS.spotter, encode(abi.POKE_ILK, ILK)),)


def test_next_price_counts_from_when_it_may_be_let_in():
    feed = Feed(PIP, 2_000 * WAD, 1_990 * WAD, NOW, NOW - 3_600)
    due = market([ilk(feed=feed)], {KEY: Urn(105 * WAD, 139_500 * WAD)})
    offer = offered(due)
    assert offer.detail.poke is Poke.FEED
    assert [call.to for call in offer.prelude] == [PIP, CONTRACTS.spotter]
    assert declined(due.at(target(NOW - 1))).reason is Reason.HEALTHY


def test_rise_that_nobody_brought_to_the_vat_cures_nothing():
    risen = market([ilk(feed=Feed(PIP, 3_000 * WAD))], {KEY: unsafe()})
    assert offered(risen).detail.poke is Poke.NOTHING


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"trouble": "its Clipper is of another kind"}, "its Clipper is of another kind"),
        ({"spot": 0, "feed": Feed(PIP, None)}, "its feed has no price"),
        ({"rate": 2**255, "fee": 2**255}, "its rate or price is more than the contracts can count with"),
    ],
)
def test_collateral_type_set_aside_says_why_once(changes, why):
    scene = market([ilk(**changes)], {KEY: unsafe()})
    assert ADAPTER.health.health(KEY, scene).numbers == {"ilk": "ETH-A", "why": why}
    (told,) = ADAPTER.offers.open_offers(scene)
    assert (told.key, told.reason, told.numbers["why"]) == (None, Reason.QUARANTINED, why)
    assert declined(scene).numbers == {"ilk": "ETH-A", "why": why}


def test_auction_of_a_type_set_aside_is_left_alone():
    scene = market([ilk(trouble="its Clipper is of another kind", sales={7: sale()})])
    assert declined(scene, AUCTION).reason is Reason.QUARANTINED
    assert [told.key for told in ADAPTER.offers.open_offers(scene)] == [None]


def test_auction_needs_no_price_to_be_bought_from_only_to_be_started_anew():
    blind = ilk(spot=0, feed=Feed(PIP, None), sales={7: sale()})
    scene = market([replace(blind, start=replace(blind.start, val=None))])
    assert offered(scene, AUCTION).kind is OfferKind.SALE
    assert declined(scene.at(target(NOW + 3_600)), AUCTION).reason is Reason.UNKNOWN_PRICE


def test_vault_without_debt_is_healthy_whatever_is_wrong():
    health = ADAPTER.health.health(KEY, market([ilk(trouble="anything")], {KEY: Urn(WAD, 0)}))
    assert (health.factor_wad, health.liquidatable) == (MAX_UINT256, False)


def test_vault_of_a_type_nobody_follows_is_not_decided():
    stranger = KEY[:1] + b"x" + KEY[2:]
    assert ADAPTER.health.health(stranger, market()).reason is Reason.QUARANTINED
    assert declined(market(), stranger).reason is Reason.QUARANTINED


def test_position_lists_what_can_leave_the_vat():
    scene = market([ilk(listing(decimals=8))], {KEY: Urn(WAD + 10**10 - 1, WAD + 1)})
    position = ADAPTER.health.position(KEY, scene)
    assert position.collateral == (TokenAmount(GEM, 10**8),)
    assert position.debt == (TokenAmount(DAI, WAD + 1),)
    assert position.note == "ETH-A"


def test_auction_is_listed_with_its_price():
    scene = market([ilk(sales={7: sale()})])
    position = ADAPTER.health.position(AUCTION, scene)
    assert position.collateral == (TokenAmount(GEM, 110 * WAD),)
    assert position.debt == (TokenAmount(DAI, 200_000 * WAD),)
    assert position.note == "ETH-A auction 7, price 2,200 DAI"


def test_prices_are_the_feeds_and_dai_is_worth_what_the_protocol_says():
    scene = market([ilk(feed=Feed(PIP, 2_000 * WAD, since=NOW - 60))], par=RAY * 99 // 100)
    assert scene.token_prices() == {
        DAI: TokenPrice(99 * WAD // 100, 18),
        GEM: TokenPrice(2_000 * WAD, 18, NOW - 60),
    }


def test_pending_price_is_judged_by():
    fallen = market(urns={KEY: Urn(105 * WAD, 139_000 * WAD)}).with_prices({PIP: 1_900 * WAD})
    assert ADAPTER.health.health(KEY, fallen).liquidatable


# Barking --------------------------------------------------------------------------------------------------------------


def test_bark_is_offered_for_what_can_be_taken_out_of_the_vat():
    """250 DAI and a thousandth of 141,000 * 1.13: 409.33, all sizes one."""
    offer = offered(market(urns={KEY: unsafe()}))
    assert (offer.kind, offer.pay_token, offer.receive_token, offer.prelude) == (OfferKind.TRIGGER, DAI, DAI, ())
    assert offer.sizes == ((409_330_000_000_000_000_000,) * 2,)


def test_drip_comes_first_where_it_changes_anything():
    growing = market([ilk(fee=RAY + 10**18)], {KEY: unsafe()})
    assert offered(growing).prelude == (Call(CONTRACTS.jug, encode(abi.DRIP, ILK)),)


@pytest.mark.parametrize(
    ("limits", "reason", "why"),
    [
        ({"live": 0}, Reason.PAUSED, "Dog/not-live"),
        ({"dirt": 10**7 * RAD}, Reason.NO_LEGAL_SIZE, "Dog/liquidation-limit-hit"),
        ({"dirt": 10**7 * RAD - 5_000 * RAD}, Reason.NO_LEGAL_SIZE, "Dog/dusty-auction-from-partial-liquidation"),
    ],
)
def test_bark_without_room_is_declined_by_the_dogs_words(limits, reason, why):
    plain = ilk()
    told = declined(market([replace(plain, limits=replace(plain.limits, **limits))], {KEY: unsafe()}))
    assert (told.reason, told.numbers["why"]) == (reason, why)


def test_bark_that_pays_nothing_is_declined():
    plain = ilk()
    free = replace(plain, start=replace(plain.start, tip=RAY - 1, chip=0))
    assert declined(market([free], {KEY: unsafe()})).reason is Reason.UNPROFITABLE


def test_second_bark_meets_what_the_first_left():
    other = KEY[:-20] + b"\x99" * 20
    plain = ilk()
    small = replace(plain, limits=replace(plain.limits, hole=200_000 * RAD))
    scene = market([small], {KEY: unsafe(), other: unsafe()})
    first = offered(scene)
    left = ADAPTER.offers.after(first, first.sizes[0][0], scene)
    assert left.urn(KEY) == Urn(0, 0)
    # 159,330 of 200,000 are taken: 40,670 is room for 35,991 DAI of debt, more than dust.
    second = offered(left, other)
    after = ADAPTER.offers.after(second, second.sizes[0][0], left)
    assert after.ilks[ILK].limits.dirt <= 200_000 * RAD
    assert sorted(after.ilks[ILK].auctions) == [8, 9]
    assert declined(after, other).reason is Reason.NO_LEGAL_SIZE


def test_reward_that_shrank_below_what_is_taken_out_is_an_error():
    scene = market(urns={KEY: unsafe()})
    offer = offered(scene)
    with pytest.raises(StateError):
        ADAPTER.offers.settle(offer, offer.sizes[0][0] + 1, scene)


# Auctions -------------------------------------------------------------------------------------------------------------


def test_auction_is_sized_up_to_what_leaves_chost_and_whole():
    """(200,000 - 8,475) / 2,200 a piece, or everything; 2,200 * 110 is more than is to be raised."""
    offer = offered(market([ilk(sales={7: sale()})]), AUCTION)
    assert (offer.kind, offer.pay_token, offer.receive_token, offer.calls_back) == (OfferKind.SALE, DAI, GEM, True)
    assert offer.sizes == ((1, 87_056_818_181_818_181_818), (MAX_UINT256, MAX_UINT256))
    assert offer.detail.price == 2_200 * RAY


def test_price_falls_by_the_block_that_buys():
    """Ninety seconds after the start the first step is taken."""
    scene = market([ilk(sales={7: sale()})])
    assert offered(scene.at(target(NOW + 29)), AUCTION).detail.price == 2_200 * RAY
    assert offered(scene.at(target(NOW + 30)), AUCTION).detail.price == 2_178 * RAY


def test_whole_auction_settles_to_the_wei():
    """Raising 200,000 DAI at 2,200 takes 90.909... ether, rounded down; the rest goes back."""
    scene = market([ilk(sales={7: sale()})])
    offer = offered(scene, AUCTION)
    settled = ADAPTER.offers.settle(offer, MAX_UINT256, scene)
    assert [(p.token, p.amount, p.at_most, p.spender) for p in settled.pays] == [
        (DAI, 200_000 * WAD, 200_000 * WAD, ZERO_ADDRESS)
    ]
    assert settled.receives == (TokenAmount(GEM, 90_909_090_909_090_909_090),)
    assert ADAPTER.offers.after(offer, MAX_UINT256, scene).ilks[ILK].auctions == {}


def test_token_of_fewer_decimals_comes_out_rounded_down_and_dai_goes_in_rounded_up():
    coarse = ilk(listing(decimals=8), sales={7: sale(top=2_200 * RAY + 1)})
    scene = market([coarse])
    offer = offered(scene, AUCTION)
    part, whole = (ADAPTER.offers.settle(offer, size, scene) for size in (10**8, MAX_UINT256))
    assert (part.pays[0].amount, part.receives[0].amount) == (2_200 * WAD + 1, 10**8)
    assert (whole.pays[0].amount, whole.receives[0].amount) == (200_000 * WAD, 9_090_909_090)
    assert offer.sizes[0] == (1, 8_705_681_818)


@pytest.mark.parametrize(
    ("changes", "sizes"),
    [
        ({"tab": 8_475 * RAD}, ((MAX_UINT256, MAX_UINT256),)),  # no more than chost: all or nothing
        ({"lot": 10 * WAD}, ((1, 10 * WAD - 1), (MAX_UINT256, MAX_UINT256))),  # the lot runs out first
        ({"tab": 8_475 * RAD + 2_199 * RAY}, ((MAX_UINT256, MAX_UINT256),)),  # no unit fits in between
    ],
)
def test_sizes_of_an_auction_at_its_edges(changes, sizes):
    assert offered(market([ilk(sales={7: sale(**changes)})]), AUCTION).sizes == sizes


def test_auction_worth_less_than_a_unit_is_not_offered():
    coarse = ilk(listing(decimals=0), sales={7: sale(lot=WAD - 1)})
    assert declined(market([coarse]), AUCTION).reason is Reason.NO_LEGAL_SIZE


def test_lot_given_away_is_free():
    plain = ilk(sales={7: sale()})
    free = replace(plain, rules=replace(plain.rules, curve=Linear(30), cusp=0))
    scene = market([free])
    offer = offered(scene, AUCTION)
    settled = ADAPTER.offers.settle(offer, MAX_UINT256, scene)
    assert (settled.pays[0].amount, settled.receives[0].amount) == (0, 110 * WAD)


@pytest.mark.parametrize(("stopped", "reason"), [(0, None), (2, None), (3, Reason.PAUSED)])
def test_stopped_clipper_sells_below_its_third_level(stopped, reason):
    plain = ilk(sales={7: sale()})
    (found,) = ADAPTER.offers.open_offers(market([replace(plain, rules=replace(plain.rules, stopped=stopped))]))
    assert getattr(found, "reason", None) is reason
    assert found.key == AUCTION


def test_auction_that_ran_too_long_is_started_anew_for_its_reward():
    """250 DAI and a thousandth of 200,000."""
    scene = market([ilk(sales={7: sale(tic=NOW - 3_601)})])
    offer = offered(scene, AUCTION)
    assert (offer.kind, offer.sizes) == (OfferKind.TRIGGER, ((450 * WAD, 450 * WAD),))
    after = ADAPTER.offers.after(offer, 450 * WAD, scene)
    assert after.ilks[ILK].auctions[7].sale == Sale(200_000 * RAD, 110 * WAD, NOW, 2_200 * RAY)


def test_auction_of_too_little_is_not_started_anew():
    scene = market([ilk(sales={7: sale(tic=NOW - 3_601, tab=8_474 * RAD)})])
    assert declined(scene, AUCTION).reason is Reason.UNPROFITABLE


def test_auction_that_is_over_is_not_offered():
    assert declined(market(), AUCTION).numbers["why"] == "the auction is over"
    offer = offered(market([ilk(sales={7: sale()})]), AUCTION)
    with pytest.raises(StateError):
        ADAPTER.offers.settle(offer, MAX_UINT256, market())


# Calls ----------------------------------------------------------------------------------------------------------------


def calls(offer, size, scene, inner=b""):
    return ADAPTER.encoder.calls(offer, size, ADAPTER.offers.settle(offer, size, scene), scene, inner)


def test_bark_and_its_reward_are_two_calls():
    scene = market(urns={KEY: unsafe()})
    offer = offered(scene)
    size = offer.sizes[0][0]
    bark, out = calls(offer, size, scene)
    assert bark.call == Call(CONTRACTS.dog, encode(abi.BARK, ILK, OWNER, EXECUTOR))
    assert out.call == Call(CONTRACTS.dai_join, encode(abi.EXIT, EXECUTOR, size))
    assert (bark.right, out.right) == (None, Right(CONTRACTS.vat, selector(abi.HOPE)))


def test_restart_and_its_reward_are_two_calls():
    scene = market([ilk(sales={7: sale(tic=NOW - 3_601)})])
    restart, out = calls(offered(scene, AUCTION), 450 * WAD, scene)
    assert restart.call == Call(CLIP, encode(abi.REDO, 7, EXECUTOR))
    assert out.call == Call(CONTRACTS.dai_join, encode(abi.EXIT, EXECUTOR, 450 * WAD))


@pytest.mark.parametrize(("decimals", "scale"), [(18, None), (8, 10)])
def test_purchase_takes_collateral_out_and_puts_dai_in_around_the_sale(decimals, scale):
    """Both amounts are those the Clipper names when it calls back, not the plan's."""
    scene = market([ilk(listing(decimals=decimals), sales={7: sale()})])
    offer = offered(scene, AUCTION)
    tip = bytes.fromhex("07") + bytes(15) + b"\x09"  # an operation to stand for the sale
    (step,) = calls(offer, MAX_UINT256, scene, tip)
    head = abi_encode(["uint256", "uint256", "uint256", "address"], [7, MAX_UINT256, 2_200 * RAY, EXECUTOR])
    assert step.call.data[:132] == selector(abi.TAKE) + head
    assert step.right == Right(CONTRACTS.vat, selector(abi.HOPE))
    assert (step.callback.selector.hex(), step.callback.data_argument) == ("8452c10e", 3)
    out, sold, into = decode_program(step.callback.data)
    assert (out.target, out.data) == (JOIN, encode(abi.EXIT, EXECUTOR, 0))
    assert out.patches == (Patch(36, Amount(Source.WORD, 2, divide_pow10=scale)),)
    assert sold.wei == 9
    owed = Amount(Source.WORD, 1, divide_pow10=27, round_up=True)
    assert (into.target, into.data) == (CONTRACTS.dai_join, encode(abi.JOIN, EXECUTOR, 0))
    assert (into.patches, into.allows) == ((Patch(36, owed),), (Allow(DAI, owed),))


def test_part_is_asked_for_in_the_vats_decimals():
    scene = market([ilk(listing(decimals=8), sales={7: sale()})])
    (step,) = calls(offered(scene, AUCTION), 3, scene)
    assert int.from_bytes(step.call.data[36:68], "big") == 3 * 10**10


def test_permissions_let_the_clipper_and_dai_join_take_what_is_in_the_vat():
    rules = Allowlist.from_permissions(ADAPTER.encoder.permissions(market()))
    assert Rule(CONTRACTS.vat, selector(abi.HOPE), Kind.GRANT, revoke=selector(abi.NOPE)) in rules.rules
    assert Rule(CLIP, selector(abi.TAKE), spender=CLIP) in rules.rules
    assert Rule(CONTRACTS.dai_join, selector(abi.EXIT), spender=CONTRACTS.dai_join) in rules.rules
    assert {entry.token for entry in rules.listings} == {DAI, GEM}
    assert not any(rule.target == PIP for rule in rules.rules)


def test_feed_that_holds_prices_back_may_be_poked():
    held = market([ilk(feed=Feed(PIP, WAD, WAD, NOW, NOW - 60))])
    rules = Allowlist.from_permissions(ADAPTER.encoder.permissions(held)).rules
    assert Rule(PIP, selector(abi.POKE)) in rules


def test_collateral_type_set_aside_gets_no_permission():
    rules = Allowlist.from_permissions(ADAPTER.encoder.permissions(market([ilk(trouble="anything")]))).rules
    assert CLIP not in {rule.target for rule in rules}


# What happened --------------------------------------------------------------------------------------------------------


def minted(amount, token=DAI):
    return event(token, abi.TRANSFERRED, (ZERO_ADDRESS, b"\xee" * 20), (amount,))


def barked(urn=OWNER):
    return event(CONTRACTS.dog, abi.BARKED, (ILK, urn, 8), (1, 2, 3, CLIP))


def test_reward_realised_is_what_was_minted_after_the_bark():
    offer = offered(market(urns={KEY: unsafe()}))
    before, after = minted(5), minted(400)
    found = ADAPTER.encoder.realised(offer, [before, barked(), minted(9, GEM), after])
    assert found.receives == (TokenAmount(DAI, 400),)
    assert ADAPTER.encoder.realised(offer, [barked(b"\x99" * 20), after]) == Rejected("no Bark event for it")
    assert ADAPTER.encoder.realised(offer, [before, barked()]) == Rejected("the reward was not taken out of the Vat")


def fluxed(wad, to=b"\xee" * 20, source=CLIP):
    return note(selector(abi.FLUX), ILK, source, to, wad)


def taken(number, owe):
    return event(CLIP, abi.TAKEN, (number, OWNER), (MAX_UINT256, 1, owe, 0, 5))


def test_purchase_realised_is_the_first_move_of_the_clipper_before_its_event():
    """What is left goes back to the vault by another move; another auction's purchase is not ours."""
    offer = offered(market([ilk(listing(decimals=8), sales={7: sale()})]), AUCTION)
    other = [fluxed(77 * WAD), taken(6, RAY)]
    ours = [fluxed(5, source=OWNER), fluxed(3 * WAD + 9), fluxed(4 * WAD, OWNER), taken(7, 6_000 * RAD + 1)]
    found = ADAPTER.encoder.realised(offer, [*other, *ours])
    assert found.pays[0].amount == 6_000 * WAD + 1
    assert found.receives == (TokenAmount(GEM, 3 * 10**8),)
    assert ADAPTER.encoder.realised(offer, other) == Rejected("no Take event for this auction")


def test_restart_realised_is_of_its_auction():
    offer = offered(market([ilk(sales={7: sale(tic=NOW - 3_601)})]), AUCTION)
    redone = [event(CLIP, abi.REDONE, (number, OWNER, b"\xee" * 20), (1, 2, 3, 4)) for number in (6, 7)]
    assert ADAPTER.encoder.realised(offer, [redone[1], minted(450)]).receives == (TokenAmount(DAI, 450),)
    assert ADAPTER.encoder.realised(offer, [redone[0], minted(450)]) == Rejected("no Redo event for it")


# Reverts --------------------------------------------------------------------------------------------------------------


def test_revert_is_named_by_its_text_whatever_pads_it():
    """The contracts leave dirt behind a long reason, on which strict decoders fail."""
    text = "Dog/dusty-auction-from-partial-liquidation"
    dirty = abi_encode(["string"], [text])[:-20] + b"\xff" * 20
    told = ADAPTER.encoder.explain(selector("Error(string)") + dirty)
    assert told == f"{text} (there is room for less than the smallest auction)"
    assert ADAPTER.encoder.explain(b"").startswith("reverted without a reason")
    assert ADAPTER.encoder.explain(b"\1\2\3\4") == "0x01020304"
    assert errors.explain(selector("Error(string)") + abi_encode(["string"], ["else"])) == "else"


def test_offer_of_another_adapter_is_a_programming_error():
    offer = replace(offered(market(urns={KEY: unsafe()})), detail=object())
    with pytest.raises(TypeError):
        ADAPTER.offers.settle(offer, 1, market())


def test_every_auction_stands_under_its_own_key():
    scene = market([ilk(sales={9: sale(), 7: sale()})])
    assert [offer.key for offer in ADAPTER.offers.open_offers(scene)] == [
        auction_key(ILK, 7, OWNER),
        auction_key(ILK, 9, OWNER),
    ]
