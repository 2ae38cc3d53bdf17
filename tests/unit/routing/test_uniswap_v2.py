import pytest

from keeper.routing.uniswap_v2 import Fork, UniswapV2Pool
from keeper.types import Address
from keeper.units import MAX_UINT112
from tests.fakes.pools import address
from tests.fakes.uniswap_v2_events import FORK

WETH, USDC, STRANGER = address(1), address(2), address(9)
PAIR = UniswapV2Pool(FORK.pair_of(WETH, USDC), FORK, (WETH, USDC), (1_000 * 10**18, 1_900_000 * 10**6))


def test_quote_in_matches_the_worked_example():
    # 5e18*997*1900000e6 // (1000e18*1000 + 5e18*997)
    quote = PAIR.quote_in(WETH, 5 * 10**18)

    assert (quote.amount_in, quote.amount_out) == (5 * 10**18, 9_424_518_773)
    assert quote.after.reserves == (1_005 * 10**18, 1_900_000 * 10**6 - 9_424_518_773)


def test_quote_out_matches_the_worked_example():
    # 1000e18*9400e6*1000 // ((1900000e6-9400e6)*997) + 1
    quote = PAIR.quote_out(WETH, 9_400_000_000)

    assert (quote.amount_in, quote.amount_out) == (4_986_927_353_519_354_213, 9_400_000_000)
    assert quote.after.reserves == (1_000 * 10**18 + quote.amount_in, 1_900_000 * 10**6 - 9_400_000_000)


def test_quote_of_token1_moves_the_reserves_the_other_way():
    # 1000e6*997*1000e18 // (1900000e6*1000 + 1000e6*997)
    quote = PAIR.quote_in(USDC, 1_000 * 10**6)

    assert quote.amount_out == 524_461_637_761_658_750
    assert quote.after.reserves == (1_000 * 10**18 - quote.amount_out, 1_901_000 * 10**6)


def test_fork_with_a_lower_fee_pays_more():
    # 25 bps: 100*9975*10_000 // (10_000*10_000 + 100*9975) = 98.76.. of equal reserves of 10,000.
    cheap = Fork(FORK.factory, FORK.router, 25)
    pair = UniswapV2Pool(address(5), cheap, (WETH, USDC), (10_000, 10_000))

    assert pair.quote_in(WETH, 100).amount_out == 98


@pytest.mark.parametrize("amount", [0, -1])
def test_quote_of_nothing_is_none(amount):
    assert PAIR.quote_in(WETH, amount) is None
    assert PAIR.quote_out(WETH, amount) is None


def test_quote_of_all_the_pair_holds_is_none():
    assert PAIR.quote_out(WETH, 1_900_000 * 10**6) is None


def test_quote_that_overflows_a_reserve_is_none():
    room = MAX_UINT112 - PAIR.reserves[0]

    assert PAIR.quote_in(WETH, room) is not None
    assert PAIR.quote_in(WETH, room + 1) is None


def test_quote_of_a_foreign_token_is_an_error():
    with pytest.raises(ValueError, match="not a token of pair"):
        PAIR.quote_in(STRANGER, 1)


def test_pair_address_is_the_one_on_mainnet():
    """USDC/WETH of Uniswap V2, as its factory deployed it."""
    factory = Address(bytes.fromhex("5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f"))
    usdc = Address(bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"))
    weth = Address(bytes.fromhex("c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"))

    pair = Fork(factory, address(1), 30).pair_of(usdc, weth)

    assert pair.hex() == "b4e16d0168e52d35cacd2c6185b44281ec28c9dc"
