"""What holds of every pool, whatever its ranges: selling more never pays less, and nothing comes out of nothing."""

from hypothesis import given
from hypothesis import strategies as st

from keeper.routing.tick_math import sqrt_ratio_at_tick
from tests.fakes.pools import SPACINGS, address, v3_pool

TOKENS = (address(1), address(2))
amounts = st.integers(1, 10**24)


@st.composite
def pools(draw):
    fee = draw(st.sampled_from(sorted(SPACINGS)))
    spacing, middle = SPACINGS[fee], draw(st.integers(-200_000, 200_000))
    ranges = []
    for _ in range(draw(st.integers(1, 5))):
        lower = (middle + draw(st.integers(-600 * spacing, 300 * spacing))) // spacing * spacing
        ranges.append((lower, lower + draw(st.integers(1, 600)) * spacing, draw(st.integers(1, 10**24))))

    price = draw(st.integers(sqrt_ratio_at_tick(middle), sqrt_ratio_at_tick(middle + 1) - 1))
    return v3_pool(7, TOKENS, fee, price, ranges)


@given(pools(), st.sampled_from(TOKENS), amounts, amounts)
def test_selling_more_never_pays_less(pool, token, amount, more):
    less, all_of_it = pool.quote_in(token, amount), pool.quote_in(token, amount + more)
    if less is not None and all_of_it is not None:
        assert all_of_it.amount_out >= less.amount_out


@given(pools(), st.sampled_from(TOKENS), amounts)
def test_exact_output_asks_for_no_more_than_selling_that_much_took(pool, token, amount):
    sold = pool.quote_in(token, amount)
    if sold is not None:
        bought = pool.quote_out(token, sold.amount_out)
        assert bought is not None
        assert bought.amount_in <= amount


@given(pools(), st.sampled_from(TOKENS), amounts)
def test_selling_and_buying_back_is_never_a_gain(pool, token, amount):
    sold = pool.quote_in(token, amount)
    if sold is not None:
        other = TOKENS[1] if token == TOKENS[0] else TOKENS[0]
        back = sold.after.quote_in(other, sold.amount_out)
        assert back is None or back.amount_out <= amount


@given(pools(), st.sampled_from(TOKENS), amounts)
def test_liquidity_after_a_swap_is_that_of_the_ranges_about_the_price(pool, token, amount):
    sold = pool.quote_in(token, amount)
    if sold is not None:
        after, table = sold.after, pool.ticks
        nets = zip(table.indexes, table.net, strict=True)
        assert after.liquidity == sum(net for tick, net in nets if tick <= after.tick)
        # Upward a tick begins at its own price; downward the boundary's price counts as below it.
        low, high = sqrt_ratio_at_tick(after.tick), sqrt_ratio_at_tick(after.tick + 1)
        assert low <= after.sqrt_price_x96 <= high
