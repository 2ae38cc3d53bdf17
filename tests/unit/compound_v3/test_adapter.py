"""What the adapter says around the arithmetic: offers and refusals, calls, events, names, prices, encodings."""

from dataclasses import replace

import pytest

from keeper.errors import DecodeError, StateError
from keeper.protocols.calls import EXECUTOR
from keeper.protocols.compound_v3 import abi, build, errors, saved
from keeper.protocols.compound_v3.account import EMPTY, Account, Doubt, decode_account, encode_account
from keeper.protocols.compound_v3.fold import Fold
from keeper.protocols.compound_v3.preceding import preceding
from keeper.protocols.words import encode, selector
from keeper.types import (
    ZERO_ADDRESS,
    Address,
    Declined,
    Log,
    Offer,
    OfferKind,
    PositionKey,
    Reason,
    Rejected,
    TokenPrice,
)
from keeper.units import MAX_UINT256, USD, WAD
from tests.fakes.compound_v3_market import (
    BASE,
    COMET,
    DOLLAR,
    KEY,
    TARGET,
    USDC,
    account,
    asset,
    collateral,
    feed_at,
    market,
    token_at,
)

ADAPTER = build("comet", COMET)
OTHER = Address(b"\x02" * 20)
# 10 ether at 2,000 dollars count for 17,000 at 85 %, and credit 18,600 at 93 %.
SHORT = account(-17_500 * USDC, {0: 10 * WAD})
PLACES = {token_at(0): 0, token_at(1): 1}


def scene(owner=SHORT, **changes):
    """Ether at 2,000 dollars and bitcoin at 60,000; reserves one dollar below their target."""
    assets = changes.pop("assets", None) or [
        asset(collateral(0), 2_000 * DOLLAR),
        asset(collateral(1, decimals=8), 60_000 * DOLLAR),
    ]
    return market(assets, {KEY: owner}, **changes)


def only_offer(found, key=KEY):
    (offer,) = ADAPTER.offers.offers(key, found)
    assert isinstance(offer, Offer), offer
    return offer


def refusal(found, key=KEY):
    (no,) = ADAPTER.offers.offers(key, found)
    assert isinstance(no, Declined), no
    return no


def log(kind, *topics, data=(), emitter=COMET, index=0, tx=b"\x01"):
    words = b"".join(number.to_bytes(32, "big") for number in data)
    indexed = tuple(address.rjust(32, b"\0") for address in topics)
    return Log(emitter, (kind, *indexed), words, 1, bytes(32), tx * 32, index)


# Health -------------------------------------------------------------------------------------------------------------


def test_health_divides_what_counts_by_what_is_owed():
    health = ADAPTER.health.health(KEY, scene())
    assert health.factor_wad == 971_428_571_428_571_428  # 17,000 / 17,500
    assert (health.liquidatable, health.debt_base, health.base_unit) == (True, 17_500 * DOLLAR, DOLLAR)
    assert health.collateral_base == 20_000 * DOLLAR


def test_a_supplier_of_base_tokens_owes_nothing():
    health = ADAPTER.health.health(KEY, scene(account(5 * USDC, {0: WAD})))
    assert (health.factor_wad, health.liquidatable) == (MAX_UINT256, False)
    assert refusal(scene(account(5 * USDC, {0: WAD}))).reason is Reason.HEALTHY


def test_position_lists_collateral_and_debt():
    position = ADAPTER.health.position(KEY, scene())
    assert position.collateral == ((token_at(0), 10 * WAD),)
    assert position.debt == ((BASE, 17_500 * USDC),)
    assert "supplies" in ADAPTER.health.position(KEY, scene(account(USDC, {}))).note


def test_a_price_behind_what_covers_the_debt_is_not_asked_for():
    """Ether alone covers 16,000 dollars; of 17,500 the contract asks for bitcoin's price too, and reverts."""
    assets = [asset(collateral(0), 2_000 * DOLLAR), asset(collateral(1, decimals=8), None)]
    owner = account(-16_000 * USDC, {0: 10 * WAD, 1: 10**8})
    assert ADAPTER.health.health(KEY, scene(owner, assets=assets)).factor_wad == 1_062_500_000_000_000_000
    short = replace(owner, principal=-17_500 * USDC)
    assert ADAPTER.health.health(KEY, scene(short, assets=assets)).reason is Reason.UNKNOWN_PRICE
    assert refusal(scene(short, assets=assets)).reason is Reason.UNKNOWN_PRICE


# Offers -------------------------------------------------------------------------------------------------------------


def test_an_absorbed_position_is_bought_but_for_a_hundredth():
    """At half of a discount of 7 % ether costs 1,930 dollars: 9.9 of them are 19,107, and a wei less than one more."""
    offer = only_offer(scene())
    assert (offer.kind, offer.key, offer.pay_token, offer.receive_token) == (OfferKind.SALE, KEY, BASE, token_at(0))
    assert offer.sizes == ((1, 19_107 * USDC),)
    (absorb,) = offer.prelude
    words = (ZERO_ADDRESS, 64, 1, KEY)
    assert absorb.data == encode("absorb(address,address[])", *words)
    settlement = ADAPTER.offers.settle(offer, 1_930 * USDC, scene())
    assert settlement.receives == ((token_at(0), WAD),)
    assert settlement.pays[0][1:] == (1_930 * USDC, 1_930 * USDC, COMET)


def test_every_collateral_of_a_position_is_offered_behind_the_same_absorption():
    owner = account(-70_000 * USDC, {0: 10 * WAD, 1: 10**8})
    first, second = ADAPTER.offers.offers(KEY, scene(owner))
    assert [first.receive_token, second.receive_token] == [token_at(0), token_at(1)]
    assert first.prelude == second.prelude
    assert first.gas == second.gas == 120_000 + 80_000 + 2 * 50_000


def test_stock_is_offered_under_its_assets_address():
    found = scene(EMPTY, assets=[asset(collateral(0), 2_000 * DOLLAR, stock=100 * WAD)])
    (offer,) = ADAPTER.offers.open_offers(found)
    assert (offer.key, offer.prelude, offer.sizes) == (token_at(0), (), ((1, 191_070 * USDC),))
    assert only_offer(found, PositionKey(token_at(0))) == offer


def test_purchase_moves_reserves_stock_and_account():
    found, offer = scene(), only_offer(scene())
    after = ADAPTER.offers.after(offer, 1_930 * USDC, found)
    # 18,600 dollars credit what is owed, 17,500, and leave 1,100.
    assert after.account(KEY) == Account(1_100 * USDC)
    assert after.reserves == found.reserves - 18_600 * USDC + 1_930 * USDC
    assert after.assets[0].stock == 9 * WAD
    (rest,) = ADAPTER.offers.open_offers(after)
    assert (rest.key, rest.prelude) == (token_at(0), ())
    assert refusal(after).reason is Reason.HEALTHY


def test_a_purchase_may_overshoot_the_target_and_ends_the_sale():
    assets = [asset(collateral(0), 2_000 * DOLLAR, stock=10 * WAD)]
    found = scene(EMPTY, assets=assets)
    (offer,) = ADAPTER.offers.open_offers(found)
    (no,) = ADAPTER.offers.open_offers(ADAPTER.offers.after(offer, 2 * USDC, found))
    assert (no.reason, no.numbers["reserves"]) == (Reason.NO_LIQUIDITY, 1_000_001 * USDC)


@pytest.mark.parametrize(
    ("changes", "reason"), [({"pause_flags": 16}, Reason.PAUSED), ({"target_reserves": 0}, Reason.NO_LIQUIDITY)]
)
def test_stock_that_is_not_sold_is_said_once_however_many_assets_it_is_of(changes, reason):
    assets = [asset(collateral(0), 2_000 * DOLLAR, stock=1), asset(collateral(1), 2_000 * DOLLAR, stock=1)]
    (no,) = ADAPTER.offers.open_offers(scene(EMPTY, assets=assets, **changes))
    assert (no.reason, no.key) == (reason, None)


def test_absorption_opens_the_sale_where_reserves_are_above_their_target():
    """A hundred dollars above it: what is paid out for the debt is more."""
    found = scene(target_reserves=999_899 * USDC)
    assert not found.is_selling
    assert only_offer(found).prelude


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pause_flags": 8}, Reason.PAUSED),
        ({"pause_flags": 16}, Reason.PAUSED),
        ({"target_reserves": 0}, Reason.NO_LIQUIDITY),
        ({"base_price": None}, Reason.UNKNOWN_PRICE),
        ({"trouble": "it cannot accrue"}, Reason.QUARANTINED),
        ({"owner": account(-16_000 * USDC, {0: 10 * WAD})}, Reason.HEALTHY),
        ({"owner": account(-16_000 * USDC, {})}, Reason.NO_LEGAL_SIZE),
        ({"owner": account(-16_000 * USDC, {7: 1})}, Reason.QUARANTINED),
    ],
)
def test_position_is_declined_for_its_reason(changes, reason):
    assert refusal(scene(**changes)).reason is reason


def test_what_cannot_be_decided_at_all_is_said_once():
    assert [one.reason for one in ADAPTER.offers.open_offers(scene(base_price=None))] == [Reason.QUARANTINED]
    broken = replace(asset(collateral(0), 2_000 * DOLLAR, stock=WAD), trouble="it quotes otherwise")
    (no,) = ADAPTER.offers.open_offers(scene(EMPTY, assets=[broken]))
    assert (no.reason, no.key) == (Reason.QUARANTINED, token_at(0))
    assert refusal(scene(assets=[broken])).reason is Reason.QUARANTINED
    assert scene(assets=[broken]).token_prices().keys() == {BASE}


def test_offers_of_others_are_a_mistake():
    with pytest.raises(TypeError):
        ADAPTER.offers.settle(replace(only_offer(scene()), detail=None), 1, scene())


# Calls and events ---------------------------------------------------------------------------------------------------


def test_purchase_is_for_the_executor_and_for_little_less_than_expected():
    found, offer = scene(), only_offer(scene())
    settlement = ADAPTER.offers.settle(offer, 1_930 * USDC, found)
    (step,) = ADAPTER.encoder.calls(offer, 1_930 * USDC, settlement, found, b"")
    arguments = (token_at(0), 99 * WAD // 100, 1_930 * USDC, EXECUTOR)
    assert step.call.data == encode("buyCollateral(address,uint256,uint256,address)", *arguments)
    assert step.call.to == COMET
    with pytest.raises(ValueError, match="no callback"):
        ADAPTER.encoder.calls(offer, 1, settlement, found, b"program")


def test_permissions_are_the_two_actions_and_approvals():
    found = {(one.target, one.selector, one.spender) for one in ADAPTER.encoder.permissions(scene())}
    approve = selector("approve(address,uint256)")
    assert found == {
        (COMET, selector(abi.ABSORB), None),
        (COMET, selector(abi.BUY_COLLATERAL), None),
        *((token, approve, COMET) for token in (BASE, token_at(0), token_at(1))),
    }


def test_receipt_tells_the_purchase_behind_the_positions_own_absorption():
    """Another position's purchase of the same asset in the same transaction is not ours."""
    offer = only_offer(scene())
    absorbed = [log(abi.DEBT_ABSORBED, ZERO_ADDRESS, owner, data=(1, 1)) for owner in (OTHER, KEY)]
    bought = [log(abi.BOUGHT, OTHER, token_at(0), data=(paid, 10 * paid)) for paid in (5, 7)]
    elsewhere = log(abi.BOUGHT, OTHER, token_at(1), data=(1, 1))
    logs = [absorbed[0], bought[0], absorbed[1], elsewhere, bought[1]]
    realised = ADAPTER.encoder.realised(offer, logs)
    assert (realised.pays[0].amount, realised.receives) == (7, ((token_at(0), 70),))
    assert isinstance(ADAPTER.encoder.realised(offer, logs[:2]), Rejected)
    assert isinstance(ADAPTER.encoder.realised(offer, logs[:4]), Rejected)
    with pytest.raises(DecodeError):
        ADAPTER.encoder.realised(offer, [absorbed[1], log(abi.BOUGHT, OTHER, token_at(0), data=(1,))])


def test_reverts_are_named():
    assert errors.explain(selector("NotForSale()")) == "NotForSale (reserves have reached their target)"
    assert errors.explain(bytes.fromhex("9e87fac8")) == "Paused"
    assert errors.explain(selector("Panic(uint256)") + (0x11).to_bytes(32, "big")).startswith("Panic(0x11): ")
    text = selector("Error(string)") + (32).to_bytes(32, "big") + (2).to_bytes(32, "big") + b"no".ljust(32, b"\0")
    assert errors.explain(text) == "no"
    assert (errors.explain(b""), errors.explain(b"\x01\x02")) == ("reverted without a reason", "0x0102")


@pytest.mark.parametrize(
    ("name", "digits"),
    [
        ("NotLiquidatable", "ddeb79ba"), ("NotForSale", "1d99ddbf"), ("BadAsset", "36405305"), ("BadPrice", "fd1ee349"),
        ("TooMuchSlippage", "fa6ad355"), ("InsufficientReserves", "945e9268"), ("TransferInFailed", "e7a3dfa0"),
        ("TransferOutFailed", "cefaffeb"), ("ReentrantCallBlocked", "4e6d90d4"), ("InvalidUInt64", "e54396a2"),
    ],
)  # fmt: skip
def test_errors_have_the_selectors_of_the_real_contracts(name, digits):
    assert errors.explain(bytes.fromhex(digits)).split(" ")[0] == name


# Prices -------------------------------------------------------------------------------------------------------------


def test_prices_are_in_dollars_or_in_the_token_that_was_named():
    prices = scene().token_prices()
    assert prices[BASE] == TokenPrice(USD, 6)
    assert prices[token_at(1)] == TokenPrice(60_000 * USD, 8)
    ether = scene(price_token=BASE).token_prices()
    assert BASE not in ether
    assert ether[token_at(0)].quote == BASE


def test_prices_are_replaced_by_token():
    moved = scene().with_prices({token_at(0): 1_000 * DOLLAR, BASE: 0})
    assert (moved.assets[0].quoted.price, moved.base_quoted.price) == (1_000 * DOLLAR, None)


# Events -------------------------------------------------------------------------------------------------------------


def folded(*logs, known=None):
    accounts = known or {}
    fold = Fold(COMET, PLACES, lambda key: accounts.get(key, EMPTY))
    fold.apply(logs)
    return fold


def test_collateral_comes_from_events_and_principals_are_put_in_doubt():
    fold = folded(
        log(abi.COLLATERAL_SUPPLIED, OTHER, KEY, token_at(0), data=(5,)),
        log(abi.COLLATERAL_MOVED, KEY, OTHER, token_at(0), data=(2,)),
        log(abi.COLLATERAL_WITHDRAWN, KEY, OTHER, token_at(0), data=(1,)),
        log(abi.WITHDRAWN, KEY, OTHER, data=(9,)),
        log(abi.SUPPLIED, OTHER, OTHER, data=(9,), emitter=BASE),
    )
    assert fold.changes == {KEY: Account(0, ((0, 2),), Doubt.PRINCIPAL), OTHER: Account(0, ((0, 2),))}


def test_an_absorbed_account_holds_nothing_and_its_principal_is_read():
    fold = folded(
        log(abi.COLLATERAL_ABSORBED, OTHER, KEY, token_at(0), data=(5, 1)),
        log(abi.DEBT_ABSORBED, OTHER, KEY, data=(5, 1)),
        log(abi.TRANSFER, ZERO_ADDRESS, KEY, data=(5,)),
        known={KEY: account(-7, {0: 5})},
    )
    assert fold.changes == {KEY: Account(-7, (), Doubt.PRINCIPAL)}


def test_an_asset_listed_meanwhile_puts_all_of_an_account_in_doubt():
    fold = folded(log(abi.COLLATERAL_SUPPLIED, KEY, KEY, token_at(9), data=(5,)), log(abi.UPGRADED, OTHER))
    assert fold.changes == {KEY: Account(doubt=Doubt.ALL)}
    assert fold.upgraded


def test_more_leaving_than_came_is_not_believed():
    with pytest.raises(DecodeError, match="start_block"):
        folded(log(abi.COLLATERAL_WITHDRAWN, KEY, KEY, token_at(0), data=(5,)))


# Half a block -------------------------------------------------------------------------------------------------------


def test_half_a_block_moves_prices_stock_pauses_and_debts():
    found = preceding(
        scene(),
        [
            log(abi.ANSWER_UPDATED, (1_900 * DOLLAR).to_bytes(32, "big"), emitter=feed_at(1).aggregator),
            log(abi.TRANSFER, COMET, OTHER, data=(5,), emitter=token_at(0)),
            log(abi.TRANSFER, OTHER, COMET, data=(500 * USDC,), emitter=BASE),
            log(abi.SUPPLIED, OTHER, KEY, data=(500 * USDC,)),
            log(abi.PAUSED, data=(0, 0, 0, 0, 1)),
        ],
        TARGET,
    )
    plain = scene()
    assert found.assets[0].quoted.price == 1_900 * DOLLAR
    assert (found.assets[0].balance, found.pause_flags) == (plain.assets[0].balance - 5, 16)
    assert found.account(KEY).principal == -17_000 * USDC
    # What was paid in was owed: reserves stay.
    assert found.reserves == plain.reserves


def test_a_transfer_behind_its_own_event_says_nothing_new_and_a_stranger_s_does():
    """The market's transfers repeat what a supply just told, for the same account in the same transaction alone."""
    supplied = log(abi.SUPPLIED, OTHER, OTHER, data=(10,), index=1)
    repeats = log(abi.TRANSFER, ZERO_ADDRESS, OTHER, data=(10,), index=2)
    stands_alone = log(abi.TRANSFER, ZERO_ADDRESS, OTHER, data=(10,), index=2, tx=b"\x02")
    assert preceding(scene(), [supplied, repeats], TARGET).account(PositionKey(OTHER)).principal == 10
    assert preceding(scene(), [supplied, stands_alone], TARGET).account(PositionKey(OTHER)).principal == 20


def test_half_a_block_with_an_upgrade_is_not_known():
    with pytest.raises(StateError, match="upgraded"):
        preceding(scene(), [log(abi.UPGRADED, OTHER)], TARGET)


# Store --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "owner", [EMPTY, SHORT, Account(2**103, ((0, 1), (23, 2**128 - 1))), Account(-1, (), Doubt.ALL), Account(1)]
)
def test_accounts_are_written_down_and_read_back(owner):
    assert decode_account(encode_account(owner)) == owner


def test_saved_rows_of_another_shape_are_refused():
    for data in (b"", b"\x01\x07\x00", encode_account(SHORT) + b"\x01\x01"):
        with pytest.raises(DecodeError):
            decode_account(data)

    for key, value in ((b"assets", b"\x01"), (b"other", b"")):
        with pytest.raises(DecodeError):
            saved.decoded([saved.Row(key, value)])
