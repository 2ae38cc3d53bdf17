"""Texts a person writes are read exactly: money, wei, ratios, endpoints, addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.config.urls import RpcUrl, parse_rpc_url
from keeper.config.values import Money, MoneyUnit, parse_money, parse_ratio, parse_wei


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("5 USD", 5 * 10**18, MoneyUnit.USD),
        ("0.004 native", 4 * 10**15, MoneyUnit.NATIVE),
        ("1_000.5usd", 1_000_500_000_000_000_000_000, MoneyUnit.USD),
        ("0.000000000000000001 native", 1, MoneyUnit.NATIVE),
        ("0 USD", 0, MoneyUnit.USD),
    ],
)
def test_money_with_a_unit_is_exact(text, amount, unit):
    assert parse_money(text) == Money(amount, unit)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("5", 'write "5 USD" or "5 native"'),
        ("5 EUR", "unknown unit 'EUR'"),
        (5, "quoted text with a unit"),
        (0.5, "quoted text with a unit"),
        ("-5 USD", "not an amount of money"),
        ("1e18 USD", "not an amount of money"),
        ("0.0000000000000000001 USD", "more than 18 decimals"),
        ("9" * 100 + " USD", "too long"),
    ],
)
def test_money_that_is_not_understood_is_refused(value, said):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # compared below, parentheses and all
        parse_money(value)

    assert said in str(caught.value)


@given(st.integers(0, 10**30), st.sampled_from(MoneyUnit))
def test_money_as_rendered_reads_back_the_same(amount, unit):
    money = Money(amount, unit)
    assert parse_money(str(money)) == money


def test_money_in_native_becomes_dollars_rounded_up():
    # 3 base units of a native token worth 0.5 dollars are 1.5e-18 dollars: a floor of 2, never 1.
    assert Money(3, MoneyUnit.NATIVE).in_usd(5 * 10**17) == 2


def test_money_in_dollars_does_not_depend_on_the_native_price():
    assert Money(7, MoneyUnit.USD).in_usd(10**30) == 7


@pytest.mark.parametrize(
    ("value", "wei"),
    [
        (7, 7),
        ("200000000000", 2 * 10**11),
        ("200 gwei", 2 * 10**11),
        ("0.5 gwei", 5 * 10**8),
        ("0.000000001 gwei", 1),
        ("3 wei", 3),
    ],
)
def test_wei_in_each_spelling_is_exact(value, wei):
    assert parse_wei(value) == wei


@pytest.mark.parametrize("value", ["1.5", "0.0000000001 gwei", "1 ether", "1e9", True, 1.0, None, "-1"])
def test_wei_that_is_not_whole_or_understood_is_refused(value):
    with pytest.raises(ValueError, match="wei"):
        parse_wei(value)


def test_wei_of_thousands_of_digits_is_refused_in_our_words():
    with pytest.raises(ValueError, match=r"^the number is far too long$"):
        parse_wei("9" * 5_000)


@pytest.mark.parametrize(("value", "wad"), [("1.05", 1_050_000_000_000_000_000), ("1", 10**18), (2, 2 * 10**18)])
def test_ratio_as_text_is_exact(value, wad):
    assert parse_ratio(value) == wad


@pytest.mark.parametrize("value", [1.05, "105%", "-1.05", "1,05", True, None])
def test_ratio_as_float_or_with_a_sign_is_refused(value):
    with pytest.raises(ValueError, match="ratio"):
        parse_ratio(value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://node.example/v2/KEY", "https://node.example/***"),
        ("wss://user:pass@node.example:9443", "wss://node.example:9443/***"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("https://node.example/?key=KEY", "https://node.example/***"),
        ("ipc:///run/node.ipc", "ipc:///run/node.ipc"),
    ],
)
def test_rpc_url_rendered_shows_only_the_host(url, shown):
    parsed = parse_rpc_url(url)
    assert (str(parsed), repr(parsed)) == (shown, f"RpcUrl({shown})")
    assert parsed.reveal() == url


@pytest.mark.parametrize(
    "url",
    ["https//canary", "ftp://canary", "https://u:canary@h:port/x", "https://", "ipc://", "https://h/can ary", 8545],
)
def test_rpc_url_that_is_none_is_refused_without_being_repeated(url):
    with pytest.raises(ValueError, match="RPC endpoint") as caught:
        parse_rpc_url(url)

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_rpc_urls_of_one_text_are_equal():
    assert parse_rpc_url("http://h:1") == RpcUrl("http://h:1")
