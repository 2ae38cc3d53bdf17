"""Valuation: rounding goes against us, disagreement goes against us, unknown stays unknown."""

from keeper.oracles.numeraire import Numeraire
from keeper.types import Address, TokenPrice
from keeper.units import USD, WAD

WETH = Address(b"\x01" * 20)
USDC = Address(b"\x02" * 20)
OTHER = Address(b"\x03" * 20)


def test_gain_and_cost_round_against_us() -> None:
    # 3 base units of a 6-decimal token at 0.9999995 dollars: 2_999_998_500_000 exactly; at 1/3 of a wad they differ
    prices = {USDC: TokenPrice(price=333_333_333_333_333_333, decimals=6)}
    numeraire = Numeraire.of(2_000 * USD, WETH, [prices], oldest=0)

    # 2 * 333333333333333333 / 10**6 = 666666666666.666666
    assert numeraire.gain_usd(USDC, 2) == 666_666_666_666
    assert numeraire.cost_usd(USDC, 2) == 666_666_666_667


def test_two_markets_disagree_the_worse_price_counts() -> None:
    markets = [{USDC: TokenPrice(USD, 6)}, {USDC: TokenPrice(USD * 99 // 100, 6)}]
    numeraire = Numeraire.of(2_000 * USD, WETH, markets, oldest=0)

    assert numeraire.gain_usd(USDC, 10**6) == USD * 99 // 100
    assert numeraire.cost_usd(USDC, 10**6) == USD


def test_zero_stale_or_quarrelling_prices_are_unknown() -> None:
    markets = [
        {USDC: TokenPrice(0, 6), OTHER: TokenPrice(USD, 18)},
        {OTHER: TokenPrice(USD, 6)},
        {Address(b"\x04" * 20): TokenPrice(USD, 18, updated_at=99)},
    ]
    numeraire = Numeraire.of(2_000 * USD, WETH, markets, oldest=100)

    assert numeraire.gain_usd(USDC, 1) is None
    assert numeraire.gain_usd(OTHER, 1) is None
    assert numeraire.cost_usd(Address(b"\x04" * 20), 1) is None


def test_gas_is_valued_at_the_native_price() -> None:
    numeraire = Numeraire.of(2_000 * USD, WETH, [], oldest=0)

    assert numeraire.gas_usd(WAD // 1_000) == 2 * USD
    assert numeraire.gain_usd(WETH, WAD) == 2_000 * USD


def test_amount_worth_covers_the_sum() -> None:
    prices = {USDC: TokenPrice(3 * USD, 6)}
    numeraire = Numeraire.of(2_000 * USD, WETH, [prices], oldest=0)

    assert numeraire.amount_worth(USDC, 1 * USD) == 333_334  # a third of a token, rounded up


def test_a_price_quoted_in_a_token_is_worth_what_that_token_is() -> None:
    # 0.0005 WETH at 2_000 dollars is a dollar
    numeraire = Numeraire.of(2_000 * USD, WETH, [{USDC: TokenPrice(WAD // 2_000, 6, quote=WETH)}], oldest=0)

    assert numeraire.gain_usd(USDC, 10**6) == USD
    assert numeraire.cost_usd(USDC, 10**6) == USD


def test_a_quoted_price_takes_the_worse_of_its_quote_and_rounds_against_us() -> None:
    # the quote is worth 99 to 101 cents; a third of it is 0.33 (down) to 0.3366...7 (up)
    markets = [
        {OTHER: TokenPrice(99 * USD // 100, 18)},
        {OTHER: TokenPrice(101 * USD // 100, 18)},
        {USDC: TokenPrice(333_333_333_333_333_333, 0, quote=OTHER)},
    ]
    numeraire = Numeraire.of(2_000 * USD, WETH, markets, oldest=0)

    # 333333333333333333 * 0.99 = 329999999999999999.67; * 1.01 = 336666666666666666.33
    assert numeraire.gain_usd(USDC, 1) == 329_999_999_999_999_999
    assert numeraire.cost_usd(USDC, 1) == 336_666_666_666_666_667


def test_a_price_quoted_in_an_unknown_token_is_unknown() -> None:
    markets = [{USDC: TokenPrice(WAD, 6, quote=OTHER)}, {OTHER: TokenPrice(WAD, 18, quote=WETH)}]
    numeraire = Numeraire.of(2_000 * USD, WETH, markets, oldest=0)

    assert numeraire.gain_usd(USDC, 10**6) is None  # only a price in dollars makes a token a quote
    assert numeraire.gain_usd(OTHER, WAD) == 2_000 * USD


def test_a_quoted_price_that_rounds_to_nothing_is_unknown() -> None:
    numeraire = Numeraire.of(USD // 2, WETH, [{USDC: TokenPrice(1, 6, quote=WETH)}], oldest=0)

    assert numeraire.cost_usd(USDC, 10**30) is None
