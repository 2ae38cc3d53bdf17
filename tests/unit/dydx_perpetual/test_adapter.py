"""From the operator's table to an adapter, and from an account to offers, calls, receipts and refusals."""

from dataclasses import replace

import pytest

from keeper.app.wiring import build_adapter
from keeper.config.adapters import DydxPerpetualDeployment
from keeper.errors import ConfigError, DecodeError, DriftError, StateError
from keeper.protocols.calls import EXECUTOR
from keeper.protocols.dydx_perpetual import abi, cures, encode, math, offers, settle
from keeper.protocols.dydx_perpetual.account import EMPTY, decode_account, encode_account
from keeper.protocols.dydx_perpetual.errors import explain
from keeper.protocols.dydx_perpetual.fold import folded, preceding
from keeper.protocols.dydx_perpetual.health import decide, health, position
from keeper.protocols.dydx_perpetual.market import Taker
from keeper.protocols.dydx_perpetual.math import Index, Signed
from keeper.protocols.dydx_perpetual.state import DydxPerpetualSync
from keeper.protocols.dydx_perpetual.takeover import room, take
from keeper.protocols.words import selector, word
from keeper.types import Address, Declined, Offer, OfferKind, Reason, Rejected, Returned, TokenAmount
from keeper.units import MAX_UINT256, USD, WAD
from tests.fakes.dydx_perpetual_market import (
    FUNDER,
    KEY,
    MARGIN,
    NOW,
    ORACLE,
    PERPETUAL,
    PRICE,
    PROXY,
    RICH,
    RULES,
    STRANGER,
    TAKER,
    TRADER,
    USDC,
    account,
    head,
    log,
    market,
    target,
)

LONG = account(-42_000 * 10**6, 150_000_000)
"""The worked example: a long worth 45,000 that owes 42,000, where 45,150 are wanted."""
SHORT = account(45_000 * 10**6, -150_000_000)
"""The other one, at 290: a short of 43,500 on 45,000 of margin, where 46,762.50 are wanted."""
AT_290 = {"price": 290 * WAD}


def offer_of(found):
    (only,) = offers.offers(KEY, found)
    assert isinstance(only, Offer), only
    return only


def declined_of(found):
    (only,) = offers.offers(KEY, found)
    assert isinstance(only, Declined)
    return only


def test_table_becomes_an_adapter():
    table = DydxPerpetualDeployment(
        name="perp", adapter="dydx_perpetual", perpetual=PERPETUAL, liquidator_proxy=PROXY, account=MARGIN
    )
    adapter = build_adapter(table)
    assert (adapter.name, adapter.adapter, adapter.lenders) == ("perp", "dydx_perpetual", None)


def test_long_of_the_worked_example_is_weighed_and_taken_whole():
    # 45,000 x 1 against 42,000 x 1.075 = 45,150: liquidatable. It gains 3,000, of which a fifth is the fund's.
    found = market(LONG)
    assert decide(KEY, found)[1:] == (45_000 * 10**6 * WAD, 42_000 * 10**6 * WAD, True)
    # 45,000 / 45,150, rounded down
    assert health(KEY, found).factor_wad == 996_677_740_863_787_375
    offer = offer_of(found)
    assert (offer.kind, offer.free, offer.pay_token, offer.receive_token) == (OfferKind.ASSUME, True, USDC, USDC)
    assert (offer.size_token, offer.sizes) == (USDC, ((1, 2_400 * 10**6),))
    assert take(KEY, 50_000_000, found).payout == 800 * 10**6  # a third


def test_short_of_the_worked_example_is_taken_with_its_margin():
    found = market(SHORT, **AT_290)
    offer = offer_of(found)
    # 45,000 - 43,500 = 1,500, less a fifth
    assert offer.sizes == ((1, 1_200 * 10**6),)
    left = settle.after(offer, 1_200 * 10**6, found)
    assert left.account(KEY).balance == math.EMPTY
    ours = left.account(TAKER).balance
    assert ours.position == Signed(150_000_000, is_positive=False)
    assert ours.margin.number == (1_000_000 + 45_000 - 300 - 1_200) * 10**6


def test_exit_cost_stays_in_the_account():
    # One in a hundred of 45,000
    assert offer_of(market(LONG, exit_cost_bps=100)).sizes == ((1, (2_400 - 450) * 10**6),)


def test_closing_a_position_of_its_own_costs_no_exit_and_stops_at_zero():
    short = account(1_000_000 * 10**6, -30_000_000)
    found = market(LONG, short, exit_cost_bps=100)
    # A fifth of the long: 600 gained, 120 of it the fund's
    assert room(KEY, found) == (30_000_000, 480 * 10**6, "")
    left = settle.after(offer_of(found), 480 * 10**6, found)
    assert left.account(TAKER).balance.position.value == 0


def test_size_takes_the_least_amount_that_pays_for_it():
    found = market(LONG)
    offer = offer_of(found)
    done = settle.taken(offer, 800 * 10**6, found)
    # A unit gains 300 - 280 = 20, less a fifth: 16 each
    assert done.amount == 50_000_000
    assert settle.taken(offer, 800 * 10**6 - 15, found).amount == 50_000_000
    assert settle.taken(offer, 800 * 10**6 - 16, found).amount == 49_999_999
    moved = settle.settle(offer, 800 * 10**6, found)
    assert (moved.pays[0].amount, moved.pays[0].at_most, moved.receives) == (0, 0, (TokenAmount(USDC, 800 * 10**6),))


def test_margin_account_bounds_what_is_taken_by_what_it_must_keep():
    # Fee and profit leave the account worth 3,000 as before: 300 q on one side, 300 q - 3,000 on the other. 120 %
    # is kept while 300 q >= 1.2 x (300 q - 3,000), that is q <= 60 million units; 150 % while q <= 30 million.
    found = market(LONG, account(3_000 * 10**6, 0))
    most = room(KEY, found).most
    assert most == 60_000_000
    assert room(KEY, market(LONG, account(3_000 * 10**6, 0), collateral_bps=15_000)).most == 30_000_000


def test_margin_account_with_nothing_takes_nothing_and_says_so():
    found = declined_of(market(LONG, EMPTY))
    assert found.reason is Reason.NO_FUNDING
    assert "account is undercollateralized" in found.numbers["why"]


def test_gain_that_the_exit_eats_is_unprofitable():
    found = declined_of(market(LONG, exit_cost_bps=600))
    assert (found.reason, found.numbers["expected_profit"]) == (Reason.UNPROFITABLE, (2_400 - 2_700) * 10**6)


@pytest.mark.parametrize(
    ("theirs", "changes", "reason"),
    [
        (account(-41_000 * 10**6, 150_000_000), {}, Reason.HEALTHY),
        (account(-45_001 * 10**6, 150_000_000), {}, Reason.BAD_DEBT),
        (account(-1, 0), {}, Reason.NO_LEGAL_SIZE),
        (LONG, {"refuses": "Not permitted during final settlement"}, Reason.PAUSED),
        (LONG, {"price": 0, "trouble": "the oracle gives no price"}, Reason.QUARANTINED),
    ],
)
def test_what_stands_against_a_takeover_is_named(theirs, changes, reason):
    assert declined_of(market(theirs, **changes)).reason is reason


def test_equality_is_healthy():
    # 45,150 x 1 against 42,000 x 1.075
    assert not decide(KEY, market(LONG, price=301 * WAD)).liquidatable
    assert decide(KEY, market(LONG, price=301 * WAD - 1)).liquidatable


def test_margin_account_does_not_take_itself_over():
    found = market(LONG, LONG)
    (only,) = offers.offers(TAKER, found)
    assert (only.reason, "margin account itself" in only.numbers["why"]) == (Reason.NO_LEGAL_SIZE, True)


def test_market_that_is_set_aside_says_so_once():
    broken = market(LONG).with_prices({PERPETUAL: 0})
    assert [one.reason for one in offers.open_offers(broken)] == [Reason.QUARANTINED]
    assert isinstance(health(KEY, broken), Declined)
    assert offers.open_offers(broken.with_prices({PERPETUAL: PRICE})) == []
    assert broken.with_prices({USDC: 1}) is broken


def test_funding_moves_margin_until_the_target():
    # A rate of 10**-6 per second over 100 s at 300: the index rises by 0.03, and a long pays 0.03 a unit.
    found = market(LONG, rate=Signed(10**12, is_positive=True)).at(target(NOW + 100))
    assert decide(KEY, found).balance.margin.number == -42_000 * 10**6 - 4_500_000
    assert position(KEY, found).debt == (TokenAmount(USDC, 42_000 * 10**6 + 4_500_000),)
    assert position(KEY, found).collateral == (TokenAmount(PERPETUAL, 150_000_000),)
    down = market(SHORT, rate=Signed(10**12, is_positive=False)).at(target(NOW + 100))
    assert decide(KEY, down).balance.margin.number == 45_000 * 10**6 - 4_500_000


def test_settlement_token_is_a_dollar_only_where_the_operator_says_so():
    found = market(LONG)
    assert found.token_prices()[USDC].price == USD
    assert replace(found, contracts=replace(found.contracts, is_usd=False)).token_prices() == {}


def test_calls_take_over_and_withdraw_to_the_executor():
    found = market(LONG)
    offer = offer_of(found)
    over, out = encode.calls(offer, 800 * 10**6, settle.settle(offer, 800 * 10**6, found), found, b"")
    assert (over.call.to, over.call.data[:4]) == (PROXY, bytes.fromhex("a5d9c62a"))
    assert [word(over.call.data[4:], i) for i in range(5)] == [
        int.from_bytes(TRADER, "big"), int.from_bytes(MARGIN, "big"), 1, 50_000_000, 1,
    ]  # fmt: skip
    assert (out.call.to, out.call.data[:4]) == (PERPETUAL, selector(abi.WITHDRAW))
    assert Address(out.call.data[4 + 44 : 4 + 64]) == EXECUTOR
    assert word(out.call.data[4:], 2) == 800 * 10**6
    assert (over.ensures.target, over.ensures.bound, over.ensures.index) == (PERPETUAL, 50_000_000, 3)
    assert (over.ensures.at_least, out.ensures) == (True, None)
    assert over.ensures.data == bytes.fromhex("93423e9c") + bytes(12) + MARGIN
    assert {entry.spender for entry in encode.permissions(found)} == {None}


def test_calls_that_close_a_position_must_leave_no_more_of_it():
    found = market(LONG, account(1_000_000 * 10**6, -80_000_000))
    offer = offer_of(found)
    over, _ = encode.calls(offer, 800 * 10**6, settle.settle(offer, 800 * 10**6, found), found, b"")
    # From a short of 80 million to one of 30: the sign of what it may end with is the short's.
    assert [word(over.call.data[4:], i) for i in (2, 3, 4)] == [1, 30_000_000, 0]
    assert (over.ensures.bound, over.ensures.at_least) == (30_000_001, False)


def used(trader=TRADER, ours=MARGIN):
    return log(PROXY, abi.LOG_LIQUIDATOR_PROXY_USED, trader, ours, words=(1, 50_000_000, 200))


def withdrawal(amount, who=MARGIN):
    return log(PERPETUAL, abi.LOG_WITHDRAW, who, words=(0, amount, 0))


def test_receipt_says_what_was_withdrawn_behind_the_takeover():
    offer = offer_of(market(LONG))
    # The proxy withdraws its fee first, and others withdraw too.
    logs = [withdrawal(200), used(STRANGER), used(), withdrawal(9, STRANGER), withdrawal(800), withdrawal(7)]
    assert encode.realised(offer, logs).receives == (TokenAmount(USDC, 800),)
    assert isinstance(encode.realised(offer, logs[:4]), Rejected)
    assert isinstance(encode.realised(offer, [used(ours=STRANGER), withdrawal(800)]), Rejected)


def test_events_tell_balances_and_the_index_they_were_settled_at():
    index = Index(NOW + 5, Signed(77, is_positive=True))
    told = log(PERPETUAL, abi.LOG_INDEX, words=(math.index_word(index),))
    traded = log(
        PERPETUAL, abi.LOG_TRADE, TRADER, MARGIN,
        words=(0, 1, 2, 1, math.word_of(LONG.balance), math.word_of(RICH.balance)),
    )  # fmt: skip
    found = folded([told, traded, log(STRANGER, abi.LOG_INDEX, words=(0,))], PERPETUAL)
    assert found.current == index
    assert found.accounts == {KEY: LONG._replace(settled_at=index), TAKER: RICH}
    with pytest.raises(DecodeError, match="no index before"):
        folded([traded], PERPETUAL)


def test_market_in_the_middle_of_a_block_has_what_came_before():
    index = Index(NOW + 5, Signed(77, is_positive=True))
    told = log(PERPETUAL, abi.LOG_INDEX, words=(math.index_word(index),))
    paid = log(PERPETUAL, abi.LOG_DEPOSIT, TRADER, words=(0, math.word_of(SHORT.balance)))
    parent = market(LONG)
    after = preceding(parent, [told, paid], target(NOW + 12))
    assert (after.account(KEY).balance, after.rules.index) == (SHORT.balance, index)
    assert (parent.account(KEY), preceding(parent, [], target()).account(KEY)) == (LONG, LONG)


@pytest.mark.parametrize("one", [LONG, SHORT, RICH, EMPTY])
def test_account_is_saved_as_the_contracts_words(one):
    assert decode_account(encode_account(one)) == one
    with pytest.raises(DecodeError):
        decode_account(encode_account(one)[1:])


# Reading -------------------------------------------------------------------------------------------------------------


def words(*numbers):
    return Returned(ok=True, data=b"".join(number.to_bytes(32, "big") for number in numbers))


def answered(read, *batches):
    """Run a read on these answers, one batch a round."""
    asked = [next(read), *(read.send(tuple(batch)) for batch in batches[:-1])]
    with pytest.raises(StopIteration) as stop:
        read.send(tuple(batches[-1]))

    return stop.value.value, asked


def sync():
    return DydxPerpetualSync("perp", (PERPETUAL, PROXY), Taker(MARGIN, 12_000, 0), is_usd=True)


def booted():
    one = sync()
    behind = (words(int.from_bytes(USDC, "big")), words(int.from_bytes(PERPETUAL, "big")))
    answered(one.bootstrap(head()), behind, [words(6)])
    return one


FIRST = [
    words(NOW, 0, 0), words(RULES.min_collateral), words(0), words(1), words(int.from_bytes(ORACLE, "big")),
    words(int.from_bytes(FUNDER, "big")), words(RULES.insurance_fee),
]  # fmt: skip
SECOND = [words(PRICE), words(1, 5), words(1, 18_000)]


def observed(first=FIRST, second=SECOND, one=None):
    found, asked = answered((one or booted()).observe(head(), target()), first, second)
    assert asked[1][0].sender == PERPETUAL  # the oracle answers nobody else
    return found


def test_market_is_what_the_contracts_say():
    found = observed()
    assert found.rules == replace(RULES, rate=Signed(5, is_positive=True))


@pytest.mark.parametrize(
    ("second", "trouble"),
    [
        ([Returned(ok=False, data=b""), *SECOND[1:]], "no price"),
        ([words(0), *SECOND[1:]], "no price"),
        ([words(2**255), *SECOND[1:]], "no price"),
        ([words(1, 1), *SECOND[1:]], "no price"),
        ([SECOND[0], words(1, 5), words(1, 17_999)], "rate per second"),
        ([SECOND[0], Returned(ok=False, data=b""), words(1, 0)], "rate per second"),
    ],
)
def test_oracle_or_funder_that_fails_sets_the_market_aside(second, trouble):
    assert trouble in observed(second=second).rules.trouble


def test_market_that_is_closed_or_whose_proxy_lost_its_role_says_so():
    closed = [*FIRST[:2], words(1), *FIRST[3:]]
    fired = [*FIRST[:3], words(0), *FIRST[4:]]
    assert "final settlement" in observed(closed).rules.refuses
    assert "global operator" in observed(fired).rules.refuses


def test_index_that_the_logs_did_not_tell_stops_the_deployment_once():
    one = booted()
    one.apply([log(PERPETUAL, abi.LOG_INDEX, words=(math.index_word(Index(NOW, Signed(3, is_positive=True))),))])
    read = one.observe(head(), target())
    next(read)
    read.send(tuple(FIRST))
    with pytest.raises(DriftError, match="index"):
        read.send(tuple(SECOND))

    assert observed(one=one).rules.index == RULES.index


def test_proxy_of_another_market_is_refused():
    wrong = (words(int.from_bytes(USDC, "big")), words(int.from_bytes(STRANGER, "big")))
    read = sync().bootstrap(head())
    next(read)
    with pytest.raises(ConfigError, match="liquidates on"):
        read.send(wrong)

    read = sync().bootstrap(head())
    next(read)
    with pytest.raises(ConfigError, match="does not answer like"):
        read.send((Returned(ok=False, data=b""), wrong[1]))


def test_state_is_saved_restored_and_reread():
    one = booted()
    index = log(PERPETUAL, abi.LOG_INDEX, words=(math.index_word(RULES.index),))
    paid = log(PERPETUAL, abi.LOG_DEPOSIT, TRADER, words=(0, math.word_of(LONG.balance)))
    assert one.apply([index, paid]).touched == {KEY}
    again = booted()
    again.restore(one.save(None))
    assert list(again.save([KEY, TAKER])) == list(one.save([KEY, TAKER]))
    answered(again.reread([KEY], head()), [words(1, 0, 45_000 * 10**6, 150_000_000), words(NOW, 0, 0)])
    assert observed(one=again).account(KEY) == SHORT
    with pytest.raises(StateError):
        next(sync().observe(head(), target()))


# The rest ------------------------------------------------------------------------------------------------------------


def test_deposit_cures_and_the_price_is_what_it_hangs_on():
    found = market(LONG)
    (lever,) = cures.levers(KEY, found)
    assert (lever.token, lever.now) == (USDC, 0)
    # 45,000 / 1.075 = 41,860.465...: 139.534884 more are enough, one unit less is not.
    assert not decide(KEY, cures.moved(KEY, lever, 139_534_884, found)).liquidatable
    assert decide(KEY, cures.moved(KEY, lever, 139_534_883, found)).liquidatable
    (exposure,) = cures.exposures(KEY, found)
    assert (exposure.price_id, exposure.price) == (PERPETUAL, PRICE)
    ((parameter, value),) = cures.parameters(found).items()
    assert not decide(KEY, cures.with_parameter(parameter, WAD, found)).liquidatable
    assert value == RULES.min_collateral
    assert cures.levers(KEY, market(LONG, refuses="Not permitted during final settlement")) == ()
    assert cures.exposures(TAKER, found) == ()


def test_account_that_owes_nothing_has_no_factor():
    assert health(TAKER, market(LONG)).factor_wad == MAX_UINT256


def test_reverts_that_are_no_sentence_are_shown_as_they_are():
    assert explain(b"") == "reverted without a reason"
    assert explain(b"\1\2\3\4") == "0x01020304"
    assert (
        explain(selector("Panic(uint256)") + (0x11).to_bytes(32, "big"))
        == "Panic(0x11): arithmetic overflow or underflow"
    )
