"""Valuation: rounding goes against us, disagreement goes against us, unknown stays unknown."""

from keeper.oracles.numeraire import Numeraire
from keeper.types import Address, TokenPrice
from keeper.units import USD, WAD

WETH = Address(b"\x01" * 20)
USDC = Address(b"\x02" * 20)
OTHER = Address(b"\x03" * 20)


def test_gain_and_cost_round_against_us() -> None:
    # 3 base units of a 6-decimal token at 0.9999995 dollars: 2_999_998_500_000 exactly; at 1/3 of a wad they differ
    prices = {USDC: TokenPrice(usd=333_333_333_333_333_333, decimals=6)}
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
