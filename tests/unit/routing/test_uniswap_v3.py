import pytest

from keeper.routing.tick_math import sqrt_ratio_at_tick
from tests.fakes.pools import address, full_range, v3_pool

WETH, USDC, STRANGER = address(1), address(2), address(9)
PRICE = 3_453_475_538_820_956_156_228_900  # 1,900 USDC for 1 WETH
EDGE = full_range(500)


@pytest.fixture
def pool():
    return v3_pool(7, (WETH, USDC), 500, PRICE, [(-EDGE, EDGE, 2 * 10**16)])


def test_quote_in_of_token0_matches_the_worked_example(pool):
    quote = pool.quote_in(WETH, 5 * 10**18)

    assert (quote.amount_in, quote.amount_out) == (5 * 10**18, 9_392_943_945)
    assert quote.after.sqrt_price_x96 == 3_416_266_254_352_784_826_883_238


def test_quote_in_of_token1_matches_the_worked_example(pool):
    quote = pool.quote_in(USDC, 10_000 * 10**6)

    assert quote.amount_out == 5_200_897_756_207_556_111
    assert quote.after.sqrt_price_x96 == 3_493_069_813_037_459_758_941_273


def test_quote_leaves_the_pool_as_it_was(pool):
    before = pool.quote_in(WETH, 10**18)
    assert pool.sqrt_price_x96 == PRICE
    assert pool.quote_in(WETH, 10**18) == before


def test_quote_out_asks_for_no_more_than_selling_that_much_would(pool):
    # The example sells 5 WETH for 9,392.943945; rounding lets a little less buy the same.
    quote = pool.quote_out(WETH, 9_392_943_945)

    assert quote.amount_in <= 5 * 10**18
    assert pool.quote_in(WETH, quote.amount_in).amount_out >= 9_392_943_945


def test_second_quote_on_the_pool_after_the_first_pays_less(pool):
    first = pool.quote_in(WETH, 5 * 10**18)
    second = first.after.quote_in(WETH, 5 * 10**18)

    assert second.amount_out < first.amount_out


@pytest.mark.parametrize("amount", [0, -1])
def test_quote_of_nothing_is_none(pool, amount):
    assert pool.quote_in(WETH, amount) is None
    assert pool.quote_out(WETH, amount) is None


def test_quote_in_that_gives_nothing_is_none(pool):
    # 1e6 wei of WETH is worth 0.0000019 of USDC's smallest unit.
    assert pool.quote_in(WETH, 10**6) is None


def test_quote_beyond_what_the_pool_can_take_or_hold_is_none(pool):
    assert pool.quote_in(WETH, 10**60) is None
    assert pool.quote_out(WETH, 10**30) is None


def test_quote_of_a_foreign_token_is_an_error(pool):
    with pytest.raises(ValueError, match="not a token of pool"):
        pool.quote_in(STRANGER, 1)


def test_pool_without_liquidity_ahead_is_none_at_once():
    empty = v3_pool(7, (WETH, USDC), 100, PRICE, [])

    assert empty.quote_in(WETH, 10**18) is None
    assert empty.quote_out(USDC, 1) is None


def test_swap_down_across_a_tick_leaves_its_liquidity_behind():
    # Between 0 and 60 lies 5e18 more liquidity than below 0.
    pool = v3_pool(7, (WETH, USDC), 3_000, sqrt_ratio_at_tick(30), [(-600, 600, 10**18), (0, 60, 5 * 10**18)])
    assert pool.liquidity == 6 * 10**18

    after = pool.quote_in(WETH, 3 * 10**16).after

    assert after.liquidity == 10**18
    assert -600 <= after.tick < 0


def test_swap_up_across_a_tick_picks_its_liquidity_up():
    pool = v3_pool(7, (WETH, USDC), 3_000, sqrt_ratio_at_tick(-30), [(-600, 600, 10**18), (0, 60, 5 * 10**18)])
    assert pool.liquidity == 10**18

    after = pool.quote_in(USDC, 3 * 10**15).after

    assert after.liquidity == 6 * 10**18
    assert 0 <= after.tick < 60


def test_swap_that_ends_on_a_tick_downward_counts_as_below_it():
    """The contract sets the tick to one below the boundary although the price is the boundary's own."""
    pool = v3_pool(7, (WETH, USDC), 3_000, sqrt_ratio_at_tick(30), [(-600, 600, 10**18), (0, 60, 5 * 10**18)])
    amount_to_boundary = pool.quote_out(WETH, _out_to_boundary(pool)).amount_in

    after = pool.quote_in(WETH, amount_to_boundary).after

    assert (after.sqrt_price_x96, after.tick, after.liquidity) == (sqrt_ratio_at_tick(0), -1, 10**18)


def _out_to_boundary(pool):
    """Token1 between the price and tick 0, rounded down: 6e18 * (sqrt(1.0001**30) - 1)."""
    return 6 * 10**18 * (pool.sqrt_price_x96 - 2**96) // 2**96


def test_split_at_a_boundary_gives_the_same_as_one_swap():
    """Rounding happens per range, so stopping exactly at a tick and going on changes nothing."""
    pool = v3_pool(7, (WETH, USDC), 3_000, sqrt_ratio_at_tick(30), [(-600, 600, 10**18), (0, 60, 5 * 10**18)])
    to_boundary = pool.quote_out(WETH, _out_to_boundary(pool))
    rest = to_boundary.after.quote_in(WETH, 10**15)

    whole = pool.quote_in(WETH, to_boundary.amount_in + 10**15)

    assert whole.amount_out == to_boundary.amount_out + rest.amount_out
    assert whole.after == rest.after


def test_swap_past_the_last_liquidity_stops_within_the_contracts_price_limits():
    """What a pool of one range holds can be bought to the last unit; the price then stands at the range's end."""
    pool = v3_pool(7, (WETH, USDC), 3_000, sqrt_ratio_at_tick(30), [(0, 60, 5 * 10**18)])
    everything = 5 * 10**18 * (pool.sqrt_price_x96 - 2**96) // 2**96

    quote = pool.quote_out(WETH, everything)

    assert (quote.after.sqrt_price_x96, quote.after.liquidity) == (2**96, 0)
    assert pool.quote_out(WETH, everything + 1) is None
    assert pool.quote_in(WETH, quote.amount_in + 1) is None
