"""What the adapter says around the arithmetic: names, prices, loans, encodings, and what it refuses to guess."""

import pytest
from eth_abi.abi import encode as abi_encode

from keeper.errors import DecodeError, StateError
from keeper.protocols.aave_v2 import build, errors
from keeper.protocols.aave_v2.account import Account, StableDebt, decode_account, encode_account
from keeper.protocols.aave_v2.discovery import Base, read_base, read_pool_facts
from keeper.protocols.words import selector
from keeper.types import Address, Declined, Reason, Returned, TokenPrice
from keeper.units import MAX_UINT256, RAY, WAD
from tests.fakes.aave_v2_market import ETHER, KEY, POOL, account, asset, market, reserve, word
from tests.fakes.aave_v3_market import NOW
from tests.parity.aave_v3_lab import drive_batched

ADAPTER = build("aave-v2", Address(bytes(20)))
DOLLAR_IN_ETHER = WAD // 2_000


def scene(owner, **changes):
    """WETH at 18 decimals and one ether, USDC at 6 and a two-thousandth."""
    usdc = word(decimals=6)
    return market([reserve(0, WAD), reserve(1, DOLLAR_IN_ETHER, usdc)], {KEY: owner}, **changes)


def error_string(text):
    return selector("Error(string)") + abi_encode(["string"], [text])


@pytest.mark.parametrize(
    ("revert", "said"),
    [
        (error_string("42"), "LPCM_HEALTH_FACTOR_NOT_BELOW_THRESHOLD ('42')"),
        (error_string("ERC20: transfer amount exceeds balance"), "ERC20: transfer amount exceeds balance"),
        (b"", "reverted without a reason"),
        (b"\x01\x02", "0x0102"),
    ],
)
def test_reverts_are_named(revert, said):
    assert errors.explain(revert) == said


def test_prices_are_quoted_in_what_the_oracle_quotes():
    ether = scene(Account())

    assert ether.token_prices()[asset(1)] == TokenPrice(DOLLAR_IN_ETHER, 6, None, quote=ETHER)
    # 8 decimals to 18
    dollars = market([reserve(0, 3 * 10**8)], {}, base=Base(None, 10**8))
    assert dollars.token_prices() == {asset(0): TokenPrice(3 * WAD, 18, None, quote=None)}


def test_the_token_that_prices_are_quoted_in_has_none_of_its_own():
    assert list(scene(Account(), base=Base(asset(0), WAD)).token_prices()) == [asset(1)]


def test_health_names_its_base():
    # 10 ether at 82.5 % against 16,600 dollars of 8.3 ether: 8.25 / 8.3
    owner = account({0: 10 * WAD}, {1: 16_600 * 10**6})
    health = ADAPTER.health.health(KEY, scene(owner))

    assert (health.collateral_base, health.debt_base) == (10 * WAD, 83 * WAD // 10)
    assert (health.base_unit, health.base_token) == (WAD, ETHER)
    assert health.factor_wad == 993_975_903_614_457_831  # 0.99397590361445783132...
    assert health.liquidatable


def test_stable_and_variable_debt_of_a_reserve_are_owed_together():
    # 10,000 at the pool's rate and 6,600 at an own one of nothing
    owner = account({0: 10 * WAD}, {1: 10_000 * 10**6}, stable=[StableDebt(1, 6_600 * 10**6, 0, NOW - 9)])
    market_ = scene(owner)
    (offer,) = ADAPTER.offers.offers(KEY, market_)

    assert ADAPTER.health.position(KEY, market_).debt == ((asset(1), 16_600 * 10**6),)
    assert offer.sizes == ((1, 8_300 * 10**6),)
    assert ADAPTER.health.always_confirm(market_) == {KEY}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"paused": True}, Reason.PAUSED), ({}, None)],
)
def test_a_paused_pool_declines(changes, reason):
    owner = account({0: 10 * WAD}, {1: 16_600 * 10**6})
    (found,) = ADAPTER.offers.offers(KEY, scene(owner, **changes))

    assert (found.reason if isinstance(found, Declined) else None) == reason


def test_a_paused_pool_lends_nothing():
    assert [loan.fee_rounds_down for loan in ADAPTER.lenders.lenders(scene(Account()))] == [True, True]
    assert ADAPTER.lenders.lenders(scene(Account(), paused=True)) == ()


def test_account_survives_its_encoding():
    owner = Account(
        ((0, MAX_UINT256), (5, 1)), ((127, 2),), (StableDebt(3, 7, RAY, 2**40 - 1),), (1 << 127) | 1, unsure=True
    )

    assert decode_account(encode_account(owner)) == owner
    with pytest.raises(DecodeError):
        decode_account(encode_account(owner)[:-1])

    with pytest.raises(DecodeError):
        decode_account(b"\0")


def answers(*found):
    """Answers to one round: a number or an address, None for a revert."""
    return lambda _: [Returned(x is not None, b"" if x is None else abi_encode(["uint256"], [x])) for x in found]


def number(address):
    return int.from_bytes(address, "big")


@pytest.mark.parametrize(
    ("currency", "unit", "weth", "base"),
    [
        (None, None, number(ETHER), Base(ETHER, WAD)),
        (0, 10**8, None, Base(None, 10**8)),
        (number(ETHER), 10**18, number(ETHER), Base(ETHER, WAD)),
    ],
)
def test_the_oracle_says_what_prices_are_quoted_in(currency, unit, weth, base):
    assert drive_batched(read_base(POOL), answers(currency, unit, weth)) == base


def test_an_oracle_that_does_not_say_is_refused():
    with pytest.raises(StateError, match="neither BASE_CURRENCY nor WETH"):
        drive_batched(read_base(POOL), answers(None, None, None))


def test_a_pool_of_unknown_revision_is_refused():
    listed = Returned(True, abi_encode(["address[]"], [[]]))
    revision, premium, paused = answers(7, 9, 0)(())
    with pytest.raises(StateError, match="revision 7"):
        drive_batched(read_pool_facts(POOL), lambda _: [revision, listed, premium, paused])
