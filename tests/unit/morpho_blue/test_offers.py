"""From a borrower to an offer, its sizes, its numbers and its calls; the numbers are those of the worked examples."""

from dataclasses import replace

import pytest

from keeper.errors import StateError
from keeper.execution.allowlist import Allowlist
from keeper.protocols.calls import Callback, Permission
from keeper.protocols.morpho_blue import abi, errors, facets
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.words import selector
from keeper.types import Declined, Payment, Reason, Rejected, TokenAmount
from keeper.units import MAX_UINT256
from tests.fakes.morpho_blue_market import (
    BORROWER,
    COLLATERAL,
    KEY,
    LOAN,
    MORPHO,
    NOW,
    PARAMS,
    borrower,
    example,
    log,
    market,
    target,
)

HEALTH = OFFERS = ENCODER = LENDER = facets


def scene(collateral=95 * 10**17, one=None, **changes):
    return market([one or example()], {KEY: borrower(collateral)}, **changes)


def the_offer(where):
    (offer,) = OFFERS.offers(KEY, where)
    return offer


# Health ------------------------------------------------------------------------------------------------------------


def test_health_of_the_example_is_what_may_be_owed_over_what_is():
    """19164196620 * 1e18 // 20000000001."""
    health = HEALTH.health(KEY, scene())
    assert health.factor_wad == 958_209_830_952_089_508
    assert (health.liquidatable, health.collateral_base, health.debt_base) == (True, 22_283_949_559, 20_000_000_001)
    assert (health.base_token, health.base_unit) == (LOAN, 1)


def test_health_without_debt_asks_no_oracle():
    where = market([example().with_price(None)], {KEY: Borrower(0, 10**18)})
    assert HEALTH.health(KEY, where).factor_wad == MAX_UINT256


def test_health_without_a_price_is_declined_with_its_oracle():
    declined = HEALTH.health(KEY, scene(one=example().with_price(None)))
    assert (declined.reason, declined.key) == (Reason.QUARANTINED, KEY)
    assert declined.numbers["why"] == "its oracle has no price"


def test_health_at_a_price_that_overflows_is_declined():
    declined = HEALTH.health(KEY, scene(one=example().with_price(2**250)))
    assert isinstance(declined, Declined)


def test_position_lists_pledge_and_debt():
    found = HEALTH.position(KEY, scene())
    assert found.collateral == (TokenAmount(COLLATERAL, 95 * 10**17),)
    assert found.debt == (TokenAmount(LOAN, 20_000_000_001),)


# Offers ------------------------------------------------------------------------------------------------------------


def test_offer_where_the_debt_binds_ends_with_all_shares():
    offer = the_offer(scene())
    assert offer.sizes == ((1, 8_900_121_288_169_441_568), (MAX_UINT256, MAX_UINT256))
    assert (offer.pay_token, offer.receive_token, offer.size_token) == (LOAN, COLLATERAL, COLLATERAL)


def test_offer_where_the_collateral_binds_ends_with_all_of_it():
    assert the_offer(scene(86 * 10**17)).sizes == ((1, 86 * 10**17),)


def test_offer_of_a_healthy_borrower_is_declined():
    (declined,) = OFFERS.offers(KEY, scene(10 * 10**18))
    assert declined.reason is Reason.HEALTHY


def test_offer_of_a_borrower_without_collateral_is_declined():
    (declined,) = OFFERS.offers(KEY, scene(0))
    assert declined.reason is Reason.NO_LEGAL_SIZE


def test_market_set_aside_is_declined_once():
    (declined,) = OFFERS.open_offers(scene(one=example().with_price(None)))
    assert (declined.reason, declined.key) == (Reason.QUARANTINED, None)
    assert declined.numbers["market"] == "0x" + PARAMS.id.hex()
    assert OFFERS.open_offers(scene()) == []


@pytest.mark.parametrize(
    ("collateral", "size", "paid", "received"),
    [
        (95 * 10**17, MAX_UINT256, 20_000_000_001, 8_900_121_288_169_441_568),
        (95 * 10**17, 10**18, 2_247_160_389, 10**18),
        (86 * 10**17, 86 * 10**17, 19_325_579_331, 86 * 10**17),
    ],
)
def test_settle_of_the_examples(collateral, size, paid, received):
    where = scene(collateral)
    settled = OFFERS.settle(the_offer(where), size, where)
    assert settled.pays[0].amount == paid
    assert settled.receives == (TokenAmount(COLLATERAL, received),)


def test_settle_of_all_shares_leaves_room_for_interest_until_the_plan_expires():
    """Without interest nothing more can be asked; with it twice the growth of three minutes is allowed for."""
    still = scene(target=target(expires_at=NOW + 180))
    assert OFFERS.settle(the_offer(still), MAX_UINT256, still).pays[0].at_most == 20_000_000_001
    moving = scene(one=replace(example(), rate=10**12), target=target(expires_at=NOW + 180))
    payment = OFFERS.settle(the_offer(moving), MAX_UINT256, moving).pays[0]
    # x = 1.8e14: 0.018 % and a bit of 20000: 3.600324..., doubled.
    assert payment.amount == 20_000_000_001
    assert payment.at_most - payment.amount == 2 * 3_600_324


def test_settle_of_collateral_leaves_room_for_a_basis_point_of_price():
    """2247160389 * 10001 / 10000 = 2247385105.04, rounded up, and one for rounding."""
    where = scene()
    assert OFFERS.settle(the_offer(where), 10**18, where).pays[0].at_most == 2_247_385_106 + 1


def test_settle_of_more_than_there_is_raises():
    where = scene()
    with pytest.raises(StateError, match="more than there is"):
        OFFERS.settle(the_offer(where), 95 * 10**17, where)


def test_after_bad_debt_nobody_owes_and_lenders_have_lost():
    where = scene(86 * 10**17)
    after = OFFERS.after(the_offer(where), 86 * 10**17, where)
    assert after.borrower(KEY) == Borrower()
    assert after.isolated[PARAMS.id].now.supply_assets == 59_999_325_579_330
    assert after.balances == {LOAN: 10**30 + 19_325_579_331, COLLATERAL: 10**30 - 86 * 10**17}
    assert where.borrower(KEY) == borrower(86 * 10**17)


def test_at_another_block_interest_runs_from_the_last_accrual():
    """A day at 1585489599 a second adds 6257812322 to the market."""
    one = replace(example(), rate=1_585_489_599)
    later = scene(one=one).at(target(timestamp=NOW + 86_400))
    assert later.isolated[PARAMS.id].now.borrow_assets == 45_678_901_123_456 + 6_257_812_322


def test_with_prices_replaces_the_price_of_an_oracle():
    where = scene().with_prices({PARAMS.oracle: 10**40, COLLATERAL: 1})
    assert where.isolated[PARAMS.id].usable_price == 10**40
    assert where.with_prices({PARAMS.oracle: 0}).isolated[PARAMS.id].usable_price is None


# Bytes -------------------------------------------------------------------------------------------------------------


def test_calls_by_collateral_and_by_all_shares():
    where = scene()
    offer = the_offer(where)
    for size, seized, shares in ((5, 5, 0), (MAX_UINT256, 0, 19_318_966_044_477_402)):
        (step,) = ENCODER.calls(offer, size, OFFERS.settle(offer, size, where), where, b"")
        words = [step.call.data[4 + 32 * i : 36 + 32 * i] for i in range(10)]
        assert step.call.data[:4] == bytes.fromhex("d8eabcb8")
        assert b"".join(words[:5]) == PARAMS.encoded
        assert words[5] == BORROWER.rjust(32, b"\0")
        assert [int.from_bytes(w, "big") for w in words[6:]] == [seized, shares, 288, 0]
        assert (step.call.to, step.callback, len(step.call.data)) == (MORPHO, None, 4 + 320)


def test_calls_with_a_program_expect_the_callback():
    where = scene()
    offer = the_offer(where)
    (step,) = ENCODER.calls(offer, 5, OFFERS.settle(offer, 5, where), where, b"\x07" * 33)
    assert step.callback == Callback(bytes.fromhex("cf7ea196"), 1, b"\x07" * 33)
    assert step.call.data[4 + 9 * 32 :] == (33).to_bytes(32, "big") + b"\x07" * 33 + bytes(31)


def test_realised_reads_the_event_of_this_borrower_in_this_market():
    where = scene()
    offer = the_offer(where)
    words = (20_000_000_001, 19_318_966_044_477_402, 8_900_121_288_169_441_568, 0, 0)
    other = log(abi.LIQUIDATED, PARAMS.id, MORPHO, MORPHO, words=(1, 1, 1, 0, 0))
    ours = log(abi.LIQUIDATED, PARAMS.id, MORPHO, BORROWER, words=words)
    assert isinstance(ENCODER.realised(offer, [other]), Rejected)
    realised = ENCODER.realised(offer, [other, ours])
    assert realised.pays == (Payment(LOAN, 20_000_000_001, 20_000_000_001, MORPHO),)
    assert realised.receives == (TokenAmount(COLLATERAL, 8_900_121_288_169_441_568),)


def test_permissions_name_morpho_alone_whatever_markets_there_are():
    entries = [Permission(MORPHO, bytes.fromhex(entry), MORPHO) for entry in ("d8eabcb8", "e0232b42")]
    assert ENCODER.permissions(scene()) == ENCODER.permissions(market([], {})) == entries
    rules = Allowlist.from_permissions(entries)
    assert [(rule.target, rule.selector, rule.spender) for rule in rules.rules] == [
        (MORPHO, bytes.fromhex(entry), MORPHO) for entry in ("d8eabcb8", "e0232b42")
    ]
    assert rules.listings == ()


def test_lenders_are_free_and_lend_what_morpho_holds():
    (loan,) = LENDER.lenders(scene(balances={LOAN: 7, COLLATERAL: 0}))
    assert (loan.kind, loan.token, loan.available, loan.fee_bps) == ("morpho", LOAN, 7, 0)


def words_of(text):
    raw = text.encode()
    return selector("Error(string)") + (32).to_bytes(32, "big") + len(raw).to_bytes(32, "big") + raw.ljust(32, b"\0")


@pytest.mark.parametrize(
    ("revert", "named"),
    [
        (words_of("position is healthy"), "position is healthy"),
        (
            words_of("transferFrom reverted"),
            "transferFrom reverted (the loan token could not be pulled: too little of it, or no allowance)",
        ),
        (selector("Panic(uint256)") + (0x11).to_bytes(32, "big"), "Panic(0x11): arithmetic overflow or underflow"),
        (bytes.fromhex("deadbeef"), "0xdeadbeef"),
        (b"", "reverted without a reason"),
    ],
)
def test_explain_names_reverts(revert, named):
    assert errors.explain(revert) == named
