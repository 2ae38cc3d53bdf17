"""What the adapter says around the arithmetic: offers and refusals, calls, events, names, encodings."""

from dataclasses import replace

import pytest
from eth_abi.abi import encode as abi_encode

from keeper.errors import DecodeError
from keeper.execution.allowlist import Allowlist, Kind, Rule
from keeper.protocols.calls import Gain, Permission
from keeper.protocols.compound_v2 import abi, build, errors
from keeper.protocols.compound_v2.account import EMPTY, Loan, decode_account, encode_account
from keeper.protocols.compound_v2.math import Totals
from keeper.protocols.words import encode, selector
from keeper.types import (
    ZERO_ADDRESS,
    Address,
    Declined,
    HealthState,
    Log,
    Offer,
    Payment,
    PositionKey,
    Reason,
    Rejected,
    TokenAmount,
    TokenPrice,
)
from keeper.units import MAX_UINT256, WAD
from tests.fakes.compound_v2_market import CONTRACTS, KEY, RULES, TARGET, account, asset, ctoken, market, token_at

ADAPTER = build("venus", Address(bytes(20)))
LIQUIDATOR = Address(b"\x11" * 20)
EXECUTOR = Address(b"\xee" * 20)
# 0.02 of a token for a cToken of 8 decimals, a token of 18: 2 * 10**26
SUMS = Totals(10**24, 10**24, 0, 10**16, WAD, TARGET.number)


def scene(owner=None, **changes):
    """Ether at 2,000 dollars, which backs 80 %, and a dollar of six decimals."""
    tokens = changes.pop("tokens", None) or [
        ctoken(0, 2_000 * WAD, stored=SUMS),
        ctoken(1, 10**30, decimals=6, stored=Totals(10**14, 10**14, 0, 10**16, WAD, TARGET.number)),
    ]
    return market(tokens, {KEY: owner or SHORT}, **changes)


# 500 ether-cTokens are 10 ether, which back 16,000 dollars.
SHORT = account({0: 500 * 10**8}, [Loan(1, 16_400 * 10**6, WAD)])


def changed(place, **changes):
    plain = scene()
    return scene(tokens=[replace(t, **changes) if i == place else t for i, t in enumerate(plain.tokens)])


def test_health_divides_what_backs_by_what_is_owed():
    health = ADAPTER.health.health(KEY, scene())
    assert health.factor_wad == 975_609_756_097_560_975  # 16,000 / 16,400
    assert (health.liquidatable, health.base_unit, health.base_token) == (True, WAD, None)
    assert (health.collateral_base, health.debt_base) == (20_000 * WAD, 16_400 * WAD)
    assert HealthState.LIQUIDATABLE == "liquidatable"


def test_who_owes_nothing_is_healthy_whatever_prices_are():
    owner = account({0: 500 * 10**8}, [])
    health = ADAPTER.health.health(KEY, scene(owner, tokens=[ctoken(0, None)]))
    assert (health.factor_wad, health.liquidatable) == (MAX_UINT256, False)


def test_an_offer_is_half_of_the_debt_and_pays_in_what_the_ctokens_redeem_for():
    (offer,) = ADAPTER.offers.offers(KEY, scene())
    assert (offer.pay_token, offer.receive_token, offer.size_token) == (asset(1), asset(0), asset(1))
    assert offer.sizes == ((1, 8_200 * 10**6),)
    settled = ADAPTER.offers.settle(offer, 8_200 * 10**6, scene())
    assert settled.pays == (Payment(asset(1), 8_200 * 10**6, 8_200 * 10**6, token_at(1)),)
    # 8,200 dollars and 8 % on it are 4.428 ether, 221.4 cTokens.
    assert settled.receives == (TokenAmount(asset(0), 4_428 * 10**15),)


def test_after_a_liquidation_the_markets_have_accrued_and_the_account_owes_the_rest():
    before = scene()
    (offer,) = ADAPTER.offers.offers(KEY, before)
    after = ADAPTER.offers.after(offer, 8_200 * 10**6, before)
    left = after.account(KEY)
    assert left.held == ((0, 500 * 10**8 - 22_140_000_000),)
    assert left.borrowed == (Loan(1, 8_200 * 10**6, WAD),)
    assert after.tokens[0].stored == replace(SUMS, cash=10**24 - 4_428 * 10**15, supply=10**16 - 22_140_000_000)
    assert after.tokens[1].stored.cash == 10**14 + 8_200 * 10**6
    assert after.tokens[1].stored.borrows == 10**14 - 8_200 * 10**6
    assert ADAPTER.offers.offers(KEY, after)[0].reason is Reason.HEALTHY


@pytest.mark.parametrize(
    ("changed_scene", "reason"),
    [
        (scene(account({0: 500 * 10**8}, [Loan(1, 16_000 * 10**6, WAD)])), Reason.HEALTHY),
        (scene(rules=replace(RULES, paused=True)), Reason.PAUSED),
        (changed(1, debt_paused=True), Reason.PAUSED),
        (changed(0, collateral_paused=True), Reason.PAUSED),
        (changed(0, listed=False), Reason.RESERVE_INACTIVE),
        (changed(0, price=None), Reason.UNKNOWN_PRICE),
        (changed(0, trouble="it is broken"), Reason.QUARANTINED),
        (scene(replace(SHORT, restricted=True)), Reason.QUARANTINED),
        (scene(replace(SHORT, pool=True)), Reason.QUARANTINED),
        (scene(account({}, SHORT.borrowed)), Reason.NO_LEGAL_SIZE),
        (scene(replace(SHORT, entered=7)), Reason.QUARANTINED),
    ],
)
def test_each_objection_has_its_reason(changed_scene, reason):
    (no,) = ADAPTER.offers.offers(KEY, changed_scene)
    assert isinstance(no, Declined)
    assert no.reason is reason


def test_a_market_without_cash_redeems_nothing():
    poor = replace(SUMS, cash=0, borrows=2 * 10**24)
    tokens = [ctoken(0, 2_000 * WAD, stored=poor), scene().tokens[1]]
    (no,) = ADAPTER.offers.offers(KEY, scene(tokens=tokens))
    assert no.reason is Reason.NO_LIQUIDITY
    some = replace(SUMS, cash=10**17, borrows=2 * 10**24 - 10**17)
    (offer,) = ADAPTER.offers.offers(KEY, scene(tokens=[ctoken(0, 2_000 * WAD, stored=some), scene().tokens[1]]))
    # A tenth of an ether is 185.185185 dollars and 8 %; the next millionth of a dollar seizes one cToken too many.
    assert offer.sizes == ((1, 185_185_185),)


def test_ctokens_that_back_nothing_can_be_taken_as_well():
    """The comptroller asks only whether the account is short."""
    tokens = [*scene().tokens, ctoken(2, WAD, stored=SUMS)]
    owner = replace(SHORT.with_tokens(2, 10**10), entered=0b011)
    offers = ADAPTER.offers.offers(KEY, scene(owner, tokens=tokens))
    assert [offer.receive_token for offer in offers] == [asset(0), asset(2)]
    assert ADAPTER.health.position(KEY, scene(owner, tokens=tokens)).note == "1 supplies not used as collateral"


def test_of_two_markets_of_one_token_the_larger_offer_comes_first():
    """The native market and that of its wrapped token: what landed is told apart by tokens alone."""
    twin = replace(ctoken(2, 2_000 * WAD, stored=SUMS), listing=replace(ctoken(2, WAD).listing, underlying=asset(0)))
    owner = replace(account({0: 10**9, 2: 49 * 10**9}, SHORT.borrowed), entered=0b111)
    first, second = ADAPTER.offers.offers(KEY, scene(owner, tokens=[*scene().tokens, twin]))
    assert (first.reason, second.detail.collateral) == (Reason.CONFLICT, 2)


def test_a_forced_market_needs_no_shortfall_and_knows_no_half():
    owner = account({0: 500 * 10**8}, [Loan(1, 1_000 * 10**6, WAD)])
    tokens = [scene().tokens[0], replace(scene().tokens[1], forced=True)]
    (offer,) = ADAPTER.offers.offers(KEY, scene(owner, tokens=tokens))
    assert offer.sizes == ((1, 1_000 * 10**6),)
    assert ADAPTER.health.health(KEY, scene(owner, tokens=tokens)).liquidatable


def test_debt_in_the_stablecoin_counts_and_is_always_looked_at():
    owner = replace(account({0: 500 * 10**8}, [Loan(1, 15_000 * 10**6, WAD)]), mints=True)
    with_vai = scene(owner, vai={KEY: 1_001 * WAD})
    assert set(ADAPTER.health.always_confirm(with_vai)) == {KEY}
    assert ADAPTER.health.health(KEY, with_vai).debt_base == 16_001 * WAD
    assert ADAPTER.health.health(KEY, with_vai).liquidatable
    assert not ADAPTER.health.health(KEY, scene(owner, vai={KEY: 999 * WAD})).liquidatable
    only = scene(replace(account({}, []), mints=True), vai={KEY: WAD})
    assert not ADAPTER.health.health(KEY, only).liquidatable
    assert ADAPTER.offers.offers(KEY, only)[0].reason is Reason.HEALTHY


def test_markets_set_aside_are_told_once_each():
    """One that is in trouble, and one that is listed and has no price; an unlisted one without a price is nobody's."""
    tokens = [
        ctoken(0, None),
        ctoken(1, WAD, trouble="it is broken"),
        ctoken(2, None, listed=False),
        ctoken(3, WAD),
    ]
    told = ADAPTER.offers.open_offers(market(tokens, {}))
    assert [(no.key, no.reason) for no in told] == [(None, Reason.UNKNOWN_PRICE), (None, Reason.QUARANTINED)]


def test_prices_are_of_whole_tokens_and_of_the_first_market_of_each():
    tokens = [
        *scene().tokens,
        replace(ctoken(2, 3 * WAD), listing=replace(ctoken(2, WAD).listing, underlying=asset(0))),
    ]
    prices = market(tokens, {}).token_prices()
    assert prices == {asset(0): TokenPrice(2_000 * WAD, 18, None), asset(1): TokenPrice(WAD, 6, None)}
    cheaper = market(tokens, {}).with_prices({asset(0): 1_000 * WAD, asset(1): 0})
    assert cheaper.token_prices() == {asset(0): TokenPrice(1_000 * WAD, 18, None)}
    assert [token.price for token in cheaper.tokens] == [1_000 * WAD, None, 1_000 * WAD]


def test_a_fork_that_counts_seconds_accrues_by_the_targets_time():
    stored = replace(SUMS, accrued_at=TARGET.timestamp - 100)
    token = ctoken(0, WAD, stored=stored, rate=10**15, by_time=True)
    assert token.now.borrows == 11 * 10**23  # 100 seconds at a thousandth
    later = market([token], {}).at(replace(TARGET, timestamp=TARGET.timestamp + 100))
    assert later.tokens[0].now.borrows == 12 * 10**23


# Calls -------------------------------------------------------------------------------------------------------------


def calls(where):
    (offer,) = [o for o in ADAPTER.offers.offers(KEY, where) if isinstance(o, Offer)]
    size = offer.sizes[0][1]
    return ADAPTER.encoder.calls(offer, size, ADAPTER.offers.settle(offer, size, where), where, b"")


def test_seized_ctokens_are_all_redeemed():
    liquidate, redeem = calls(scene())
    assert liquidate.call.to == token_at(1)
    assert liquidate.call.data == encode(abi.LIQUIDATE, KEY, 8_200 * 10**6, token_at(0))
    assert (redeem.call.to, redeem.call.data[:4]) == (token_at(0), selector(abi.REDEEM))
    assert redeem.gains == (Gain(token_at(0), 4),)


def test_a_native_debt_is_unwrapped_and_sent_and_a_native_collateral_wrapped():
    tokens = [ctoken(0, 2_000 * WAD, stored=SUMS, native=True), scene().tokens[1]]
    *_, wrap = calls(scene(tokens=tokens))
    assert (wrap.call.to, wrap.call.data) == (asset(0), selector(abi.DEPOSIT))
    assert wrap.gains == (Gain(ZERO_ADDRESS, None),)

    owner = account({1: 15_900 * 50 * 10**6}, [Loan(0, 8 * WAD, WAD)])
    where = scene(owner, tokens=[tokens[0], replace(scene().tokens[1], factor=WAD)])
    unwrap, liquidate, _ = calls(where)
    (offer,) = ADAPTER.offers.offers(KEY, where)
    assert unwrap.call.data == encode(abi.WITHDRAW, offer.sizes[0][1])
    assert liquidate.call.value_wei == offer.sizes[0][1] == 4 * WAD
    assert liquidate.call.data == encode(abi.LIQUIDATE_NATIVE, KEY, token_at(1))
    assert ADAPTER.offers.settle(offer, WAD, where).pays == (Payment(asset(0), WAD, WAD, ZERO_ADDRESS),)


def test_where_a_liquidator_contract_is_set_it_is_called_and_paid():
    where = scene(contracts=replace(CONTRACTS, liquidator=LIQUIDATOR))
    liquidate, _ = calls(where)
    assert liquidate.call.to == LIQUIDATOR
    assert liquidate.call.data == encode(abi.LIQUIDATE_THROUGH, token_at(1), KEY, 8_200 * 10**6, token_at(0))
    (offer,) = ADAPTER.offers.offers(KEY, where)
    assert ADAPTER.offers.settle(offer, 1_000, where).pays[0].spender == LIQUIDATOR


def test_permissions_are_those_of_the_calls_and_no_more():
    rules = Allowlist.from_permissions(ADAPTER.encoder.permissions(scene()))
    assert set(rules.rules) == {
        Rule(token_at(place), selector(entry), Kind.CALL, token_at(place))
        for place in (0, 1)
        for entry in (abi.LIQUIDATE, abi.REDEEM)
    }
    assert {listing.token for listing in rules.listings} == {asset(0), asset(1)}

    native = scene(tokens=[ctoken(0, WAD, native=True), ctoken(1, WAD, trouble="it is broken")])
    assert set(ADAPTER.encoder.permissions(native)) == {
        Permission(token_at(0), selector(abi.REDEEM)),
        Permission(token_at(0), selector(abi.LIQUIDATE_NATIVE), payable=True),
        Permission(asset(0), selector(abi.WITHDRAW)),
        Permission(asset(0), selector(abi.DEPOSIT), payable=True),
    }
    guarded = replace(native, contracts=replace(CONTRACTS, liquidator=LIQUIDATOR))
    assert Permission(LIQUIDATOR, selector(abi.LIQUIDATE_THROUGH), payable=True) in ADAPTER.encoder.permissions(guarded)


def test_a_program_for_a_callback_is_a_mistake():
    (offer,) = ADAPTER.offers.offers(KEY, scene())
    with pytest.raises(ValueError, match="no callback"):
        ADAPTER.encoder.calls(offer, 1, ADAPTER.offers.settle(offer, 1, scene()), scene(), b"\1")


# Events ------------------------------------------------------------------------------------------------------------


def log(emitter, kind, *words):
    data = b"".join(w.rjust(32, b"\0") if isinstance(w, bytes) else w.to_bytes(32, "big") for w in words)
    return Log(emitter, (kind,), data, 1, bytes(32), bytes(32), 0)


def liquidated(borrower=KEY, collateral=None):
    return log(token_at(1), abi.LIQUIDATED, EXECUTOR, borrower, 700, collateral or token_at(0), 33)


REDEEMED = log(token_at(0), abi.REDEEMED, EXECUTOR, 650, 33)
FAILED = log(token_at(1), abi.FAILURE, 3, 18, 17)


def realised(*logs):
    (offer,) = ADAPTER.offers.offers(KEY, scene())
    return ADAPTER.encoder.realised(offer, logs)


def test_what_was_moved_is_the_liquidation_and_the_redemption_after_it():
    found = realised(log(token_at(0), abi.REDEEMED, EXECUTOR, 9, 9), liquidated(), REDEEMED)
    assert (found.pays[0].amount, found.receives) == (700, (TokenAmount(asset(0), 650),))


@pytest.mark.parametrize(
    ("logs", "why"),
    [
        ((), "no LiquidateBorrow event for this position and pair"),
        ((FAILED,), "COMPTROLLER_REJECTION (3) in LIQUIDATE_COMPTROLLER_REJECTION (18): TOO_MUCH_REPAY (17)"),
        ((liquidated(PositionKey(b"\x02" * 20)), REDEEMED), "no LiquidateBorrow event for this position and pair"),
        ((liquidated(collateral=token_at(5)), REDEEMED), "no LiquidateBorrow event for this position and pair"),
        ((liquidated(),), "no Redeem event for what was seized"),
        ((liquidated(), log(token_at(0), abi.FAILURE, 14, 99, 0)), "TOKEN_INSUFFICIENT_CASH (14) in unknown code (99)"),
    ],
)
def test_what_was_not_moved_is_named(logs, why):
    assert realised(*logs) == Rejected(why)


def test_an_event_of_another_shape_is_not_guessed_at():
    with pytest.raises(DecodeError, match="another shape"):
        realised(log(token_at(1), abi.LIQUIDATED, EXECUTOR, KEY))


# Names and encodings -----------------------------------------------------------------------------------------------


def error_string(text):
    return selector("Error(string)") + abi_encode(["string"], [text])


@pytest.mark.parametrize(
    ("revert", "said"),
    [
        (
            error_string("LIQUIDATE_SEIZE_TOO_MUCH"),
            "LIQUIDATE_SEIZE_TOO_MUCH (the borrower has fewer cTokens than that)",
        ),
        (error_string("liquidateBorrow failed (03)"), "liquidateBorrow failed: COMPTROLLER_REJECTION (3)"),
        (error_string("action is paused"), "action is paused"),
        (error_string("odd (word)"), "odd (word)"),
        (
            selector("LiquidateComptrollerRejection(uint256)") + (3).to_bytes(32, "big"),
            "LiquidateComptrollerRejection: INSUFFICIENT_SHORTFALL (3)",
        ),
        (selector("LiquidateFreshnessCheck()"), "LiquidateFreshnessCheck"),
        (selector("LiquidationFailed(uint256)") + (99).to_bytes(32, "big"), "LiquidationFailed: unknown code (99)"),
        (selector("Panic(uint256)") + (17).to_bytes(32, "big"), "Panic(0x11): arithmetic overflow or underflow"),
        (b"\x01\x02", "0x0102"),
        (b"", "reverted without a reason"),
    ],
)
def test_reverts_are_named(revert, said):
    assert errors.explain(revert) == said


def test_the_signatures_of_custom_errors_are_the_published_ones():
    """Four bytes of each, from the rules' sheet."""
    published = {"1429a2f2", "80965b1b", "82379c68", "6f469884", "d29da7ef", "b3058b76", "c7c01c66", "91240a1b"}
    assert published <= {head.hex() for head in errors.NAMED}


def test_return_codes_are_named():
    assert errors.rejection(0) == ""
    assert errors.rejection(7) == "INVALID_CLOSE_AMOUNT_REQUESTED (7)"


@pytest.mark.parametrize(
    "owner",
    [
        EMPTY,
        SHORT,
        account({1: 1, 300: 2**100}, [Loan(2, 1, WAD), Loan(301, 2**90, 3 * WAD)], restricted=True, pool=True),
        account({}, [], mints=True),
    ],
)
def test_accounts_come_back_from_the_store(owner):
    assert decode_account(encode_account(owner)) == owner


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\0\0\1\2", encode_account(SHORT)[:-1], b"\1\xff\0\0"])
def test_an_account_of_another_shape_is_refused(data):
    with pytest.raises(DecodeError):
        decode_account(data)
