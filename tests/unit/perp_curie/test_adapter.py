"""From the operator's table to an adapter, and from an account to offers, calls, receipts and refusals."""

from dataclasses import replace

import pytest

from keeper.app.wiring import build_adapter
from keeper.config.adapters import PerpCurieDeployment
from keeper.errors import DecodeError, StateError
from keeper.protocols.perp_curie import abi, encode, errors, offers, settle
from keeper.protocols.perp_curie.account import Account, Holding, Order, decode_account, encode_account
from keeper.protocols.perp_curie.fold import preceding
from keeper.protocols.perp_curie.health import decide, health, position
from keeper.protocols.perp_curie.instrument import Growth, Status
from keeper.protocols.words import selector, word
from keeper.types import Address, Declined, Offer, OfferKind, Reason, Rejected, TokenAmount
from keeper.units import WAD
from tests.fakes.perp_curie_market import (
    ACCOUNTS,
    AGGREGATOR,
    BASE,
    EXCHANGE,
    FUND,
    HOUSE,
    KEY,
    NOW,
    OTHER_BASE,
    POOL,
    RULES,
    TRADER,
    USDC,
    VAULT,
    WETH,
    instrument,
    log,
    market,
    target,
)

TAKER = Address(b"\x55" * 20)
LONG = Account(700 * 10**6, 0, (), ((BASE, Holding(7_500 * WAD, -8_050 * WAD, 0)),))
"""The worked example, at a dollar a piece: worth 150, where 468.75 are required."""
ORDER = Order(10**18, -200, 200, 0, 0, 0, 0, 0, 0)


def scene(account=LONG, one=None, **changes):
    return market([one or instrument()], {KEY: account}, **changes)


def offer_of(found):
    (only,) = offers.offers(KEY, found)
    assert isinstance(only, Offer), only
    return only


def declined_of(found):
    (only,) = offers.offers(KEY, found)
    assert isinstance(only, Declined)
    return only


def test_table_becomes_an_adapter():
    adapter = build_adapter(PerpCurieDeployment(name="perp", adapter="perp_curie", clearing_house=HOUSE))
    assert (adapter.name, adapter.adapter, adapter.lenders) == ("perp", "perp_curie", None)


def test_worked_example_is_weighed_and_taken_whole():
    # 700 - 8,050 + 7,500 = 150; 6.25 % of 7,500 is 468.75, half of it 234.375: the whole position goes.
    found = decide(KEY, scene())
    assert (found.account_value, found.requirement) == (150 * WAD, 468_750_000_000_000_000_000)
    offer = offer_of(scene())
    assert (offer.kind, offer.pay_token, offer.receive_token, offer.size_token) == (OfferKind.ASSUME, USDC, USDC, BASE)
    assert offer.sizes == ((WAD, 7_500 * WAD),)
    assert offer.detail.deposit(7_500 * WAD) == 900_000_002  # 120 % of 10 % of 7,500, and of the one unit on top
    assert (offer.gas, offer.prelude) == (2_400_000, ())


def test_gain_is_the_share_of_the_penalty_less_what_the_exit_costs():
    # 2.5 % of 7,500 is 187.5, half of it 93.75. The pool pays less than a dollar each, the fee is a thousandth.
    settled = settle.settle(offer_of(scene()), 7_500 * WAD, scene())
    (paid,), (got,) = settled.pays, settled.receives
    assert (paid.token, paid.amount, paid.at_most, paid.spender) == (USDC, 0, 900_000_002, VAULT)
    assert got.token == USDC
    # Selling 7,500 into 10**25 of liquidity: 7,500 / (1 + 0.00075) = 7,494.379216, less 7.494379 of fee.
    assert got.amount == 80_634_836


def test_account_is_without_the_position_after_it_and_the_fund_gets_the_other_half():
    before = scene()
    after = settle.after(offer_of(before), 7_500 * WAD, before)
    left = after.account(KEY)
    # 700 owed nothing; the position realized 7,500 - 8,050 = -550, and 187.5 more are the penalty.
    assert (left.holdings, left.balance) == ((), 700 * 10**6 + 37_500_000)
    assert left.owed == -737_500_000_000_000_000_000
    assert after.insurance.owed == 93_750_000_000_000_000_000
    assert after.insurance.balance == -37_500_000
    assert after.instruments[BASE].pool.sqrt_price_x96 < before.instruments[BASE].pool.sqrt_price_x96


def test_healthy_account_is_declined_with_its_numbers():
    rich = replace(LONG, balance=2_000 * 10**6)
    assert declined_of(scene(rich)).reason is Reason.HEALTHY
    assert not health(KEY, scene(rich)).liquidatable


def test_account_that_owes_more_than_it_has_is_underwater():
    poor = health(KEY, scene(replace(LONG, balance=100 * 10**6)))
    assert poor.collateral_base < poor.debt_base
    assert poor.factor_wad == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rules": replace(RULES, paused=True)}, Reason.PAUSED),
        ({"rules": replace(RULES, vault_tokens=0)}, Reason.NO_LIQUIDITY),
        ({"rules": replace(RULES, balance_cap=10**15)}, Reason.NO_LIQUIDITY),
        ({"rules": replace(RULES, insurance_tokens=0), "insurance": Account(-(10**9))}, None),
    ],
)
def test_what_stands_against_a_takeover_is_named(changes, reason):
    found = scene(**changes)
    if reason is None:
        # Its own worth covers part of the penalty: a smaller part of the position may still go.
        assert offer_of(found).sizes[0][1] < 7_500 * WAD
    else:
        assert declined_of(found).reason is reason


def test_insurance_fund_that_can_bear_nothing_is_named():
    poor = replace(LONG, balance=100 * 10**6)
    found = scene(poor, rules=replace(RULES, insurance_tokens=0))
    assert declined_of(found).reason is Reason.NO_LIQUIDITY
    assert "insurance_fund_lacks" in declined_of(found).numbers


def test_pool_without_room_is_no_way_out():
    narrow = instrument(max_ticks=0)
    assert declined_of(scene(one=narrow)).reason is Reason.NO_ROUTE


def test_market_that_is_not_open_or_not_known_is_declined():
    assert declined_of(scene(one=instrument(status=Status.PAUSED))).reason is Reason.PAUSED
    unknown = scene(one=instrument().with_price(0))
    assert declined_of(unknown).reason is Reason.QUARANTINED
    assert [one.reason for one in offers.markets_set_aside(unknown)] == [Reason.QUARANTINED]
    elsewhere = replace(LONG, holdings=((OTHER_BASE, Holding(WAD, 0, 0)),))
    assert declined_of(scene(elsewhere)).reason is Reason.QUARANTINED


def test_orders_are_cancelled_before_and_paid_for_in_gas():
    maker = replace(LONG, holdings=((BASE, replace(LONG.holdings[0][1], orders=(ORDER,))),))
    offer = offer_of(scene(maker))
    (cancel,) = offer.prelude
    assert (cancel.to, cancel.data[:4]) == (HOUSE, selector(abi.CANCEL_ALL_EXCESS_ORDERS))
    assert offer.gas == 3_000_000
    assert settle.after(offer, offer.sizes[0][1], scene(maker)).account(KEY).has_orders is False


def test_calls_deposit_take_over_leave_and_withdraw():
    found = scene()
    offer = offer_of(found)
    steps = encode.calls(offer, 7_500 * WAD, settle.settle(offer, 7_500 * WAD, found), found, b"")
    assert [step.call.to for step in steps] == [VAULT, HOUSE, HOUSE, VAULT]
    assert [step.call.data[:4] for step in steps] == [
        selector(text) for text in (abi.DEPOSIT, abi.LIQUIDATE, abi.CLOSE_POSITION, abi.WITHDRAW_ALL)
    ]
    assert word(steps[0].call.data[4:], 1) == 900_000_002
    assert word(steps[1].call.data[4:], 2) == 7_500 * WAD
    assert (steps[2].ensures.target, steps[2].ensures.bound) == (ACCOUNTS, 1)
    assert [step.ensures for step in (steps[0], steps[1], steps[3])] == [None, None, None]
    spenders = {entry.spender for entry in encode.permissions(found)}
    assert spenders == {VAULT, None}


def test_short_is_asked_for_with_its_sign():
    short = Account(700 * 10**6, 0, (), ((BASE, Holding(-7_500 * WAD, 6_950 * WAD, 0)),))
    found = scene(short)
    offer = offer_of(found)
    steps = encode.calls(offer, WAD, settle.settle(offer, WAD, found), found, b"")
    assert word(steps[1].call.data[4:], 2) == 2**256 - WAD


def receipt(deposited, withdrawn, trader=TRADER):
    """A deposit, somebody's takeover, and a withdrawal, as a receipt has them."""
    return [
        log(VAULT, abi.DEPOSITED, USDC, TAKER, words=(deposited,)),
        log(
            HOUSE, abi.POSITION_LIQUIDATED, trader, BASE, words=(7_500 * WAD, 5 * WAD, 0, int.from_bytes(TAKER, "big"))
        ),
        log(VAULT, abi.WITHDRAWN, USDC, TAKER, words=(withdrawn,)),
    ]


def test_receipt_says_what_was_gained_or_lost():
    offer = offer_of(scene())
    gained = encode.realised(offer, receipt(900, 985))
    assert (gained.pays[0].amount, gained.receives) == (0, (TokenAmount(USDC, 85),))
    lost = encode.realised(offer, receipt(900, 880))
    assert (lost.pays[0].amount, lost.receives) == (20, (TokenAmount(USDC, 0),))
    first_of_two = encode.realised(offer, receipt(900, 985) + receipt(900, 901))
    assert first_of_two.receives == (TokenAmount(USDC, 85),)
    assert isinstance(encode.realised(offer, receipt(900, 985, trader=TAKER)), Rejected)


def test_offer_of_another_adapter_is_a_programming_error():
    with pytest.raises(TypeError):
        settle.settle(replace(offer_of(scene()), detail=None), WAD, scene())

    with pytest.raises(StateError):
        settle.settle(offer_of(scene()), WAD, scene(one=instrument(max_ticks=0)))


def test_reverts_are_said_in_words():
    text = b"CH_IIC"
    data = selector("Error(string)") + (32).to_bytes(32, "big") + len(text).to_bytes(32, "big") + text.ljust(32, b"\0")
    assert errors.explain(data) == "CH_IIC (the insurance fund cannot bear the loss)"
    assert errors.explain(b"") == "reverted without a reason"
    assert errors.explain(selector("Panic(uint256)") + (0x12).to_bytes(32, "big")) == "Panic(0x12): division by zero"
    assert errors.explain(b"\x01\x02") == "0x0102"


def test_accounts_are_written_down_and_read_back():
    orders = (ORDER, Order(2**128 - 1, -600, 600, 2**256 - 1, -5, 6, -7, 8, 9))
    account = Account(
        -5, -(10**30), ((WETH, 7),), ((BASE, Holding(-1, 2, -3, orders)), (OTHER_BASE, Holding(4, -5, 6)))
    )
    assert decode_account(encode_account(account)) == account
    for broken in (encode_account(account)[:-1], encode_account(account) + b"\0"):
        with pytest.raises(DecodeError):
            decode_account(broken)


def test_position_lists_longs_as_held_and_shorts_as_owed():
    both = Account(-7, 0, ((WETH, 9),), ((BASE, Holding(WAD, -WAD, 0)), (OTHER_BASE, Holding(-2, 3, 0, (ORDER,)))))
    found = position(KEY, market([instrument(), instrument(base=OTHER_BASE)], {KEY: both}))
    assert found.collateral == (TokenAmount(WETH, 9), TokenAmount(BASE, WAD))
    assert found.debt == (TokenAmount(USDC, 7), TokenAmount(OTHER_BASE, 2))
    assert found.note.startswith("1 open orders in 0x")


def test_half_a_block_of_events_is_folded_into_accounts_funds_and_pools():
    calm = instrument(growth=Growth(0, 0))
    before = market([calm], {KEY: LONG})
    logs = [
        log(EXCHANGE, abi.FUNDING_UPDATED, BASE, words=(1, 1)),
        log(ACCOUNTS, abi.PNL_REALIZED, TRADER, words=(-(10**12) - 1,)),
        log(HOUSE, abi.POSITION_CHANGED, TRADER, BASE, words=(-2 * WAD, 2 * WAD, 0, -4_830 * WAD, -220 * WAD, 0)),
        log(POOL, abi.SWAP, HOUSE, HOUSE, words=(1, -1, 2**96, 77, 5)),
        log(VAULT, abi.DEPOSITED, USDC, TRADER, words=(100,)),
        log(VAULT, abi.WITHDRAWN, USDC, TRADER, words=(30,)),
        log(VAULT, abi.DEPOSITED, WETH, TRADER, words=(50,)),
        log(VAULT, abi.COLLATERAL_LIQUIDATED, TRADER, WETH, TAKER, words=(20, 5, 1, 0)),
        log(VAULT, abi.BAD_DEBT_SETTLED, TRADER, words=(4,)),
        log(ACCOUNTS, abi.PNL_REALIZED, FUND, words=(9,)),
    ]
    found = preceding(before, logs, target(NOW + 12))
    account = found.account(KEY)
    # The withdrawal books what was owed first: -10**12 - 1 is two units down.
    assert (account.balance, account.owed) == (700 * 10**6 + 100 - 2 - 30 + 5 + 4, 0)
    assert account.collaterals == ((WETH, 30),)
    assert (account.holding(BASE).size, account.holding(BASE).open_notional) == (7_498 * WAD, -4_830 * WAD)
    one = found.instruments[BASE]
    assert (one.pool.sqrt_price_x96, one.pool.liquidity, one.pool.tick) == (2**96, 77, 5)
    assert (one.funding.settled_at, one.funding.tick_at) == (NOW + 12, NOW + 12)
    assert (found.insurance.owed, found.insurance.balance) == (9, -4)
    assert before.account(KEY) == LONG


def test_answer_ahead_of_us_moves_index_and_mark():
    answered = log(
        AGGREGATOR, abi.ANSWER_UPDATED, (11 * 10**7).to_bytes(32, "big"), (2).to_bytes(32, "big"), words=(NOW,)
    )
    before = scene()
    found = preceding(before, [answered], target(NOW + 12))
    assert found.instruments[BASE].index_price == 11 * WAD // 10
    assert preceding(before, [replace(answered, address=HOUSE)], target(NOW + 12)).instruments[BASE].index_price == WAD
