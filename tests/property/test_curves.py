"""What holds of every curve: ladders equal the contract's loop, prices fall, splits and chains lose nothing."""

from hypothesis import assume, given
from hypothesis import strategies as st

from keeper.routing.base import Hop
from keeper.routing.route import Parallel, Series, Single
from keeper.routing.tick_math import sqrt_ratio_at_tick
from tests.fakes.pools import SPACINGS, ConstantProductPool, address, v3_pool
from tests.fakes.uniswap_v3_walk import Walk

A, B, C = (address(n) for n in (1, 2, 3))


@st.composite
def v3_pools(draw, number=7, tokens=(A, B)):
    fee = draw(st.sampled_from(sorted(SPACINGS)))
    spacing, middle = SPACINGS[fee], draw(st.integers(-200_000, 200_000))
    ranges = []
    for _ in range(draw(st.integers(1, 5))):
        lower = (middle + draw(st.integers(-600 * spacing, 300 * spacing))) // spacing * spacing
        ranges.append((lower, lower + draw(st.integers(1, 600)) * spacing, draw(st.integers(1, 10**24))))

    price = draw(st.integers(sqrt_ratio_at_tick(middle), sqrt_ratio_at_tick(middle + 1) - 1))
    return v3_pool(number, tokens, fee, price, ranges)


def v2_pools(number=7, tokens=(A, B), least=10**3):
    reserves = st.tuples(st.integers(least, 10**27), st.integers(least, 10**27))
    return st.builds(lambda r, fee: ConstantProductPool(address(number), tokens, r, fee), reserves, st.integers(0, 300))


def pools(number=7, tokens=(A, B)):
    return v3_pools(number, tokens) | v2_pools(number, tokens)


def along(pool, token_in):
    token_out = pool.tokens[1] if token_in == pool.tokens[0] else pool.tokens[0]
    return Single(Hop(pool, token_in, token_out), pool.curve(token_in))


amounts = st.integers(1, 10**26) | st.integers(1, 10**9)


@given(v3_pools(), st.sampled_from((A, B)), st.lists(amounts, min_size=1, max_size=3))
def test_ladder_gives_what_the_contracts_loop_gives(pool, token, sold):
    for amount in sold:
        walk = Walk(pool, zero_for_one=token == A)
        expected = walk.swap_in(amount) or None

        quote = pool.quote_in(token, amount)

        assert pool.curve(token).amount_out(amount) == expected
        assert (quote is None) == (expected is None)
        if quote is not None:
            after = quote.after
            assert (quote.amount_out, after.sqrt_price_x96) == (expected, walk.sqrt_price_x96)
            assert (after.tick, after.liquidity) == (walk.current_tick(), walk.liquidity)


@given(v3_pools(), st.sampled_from((A, B)), st.lists(amounts, min_size=1, max_size=3))
def test_ladder_asks_for_what_the_contracts_loop_asks_for(pool, token, bought):
    for amount in bought:
        walk = Walk(pool, zero_for_one=token == A)
        expected = walk.swap_out(amount)

        quote = pool.quote_out(token, amount)

        assert (quote.amount_in if quote is not None else None) == expected
        if quote is not None:
            after = quote.after
            assert (after.sqrt_price_x96, after.tick) == (walk.sqrt_price_x96, walk.current_tick())
            assert after.liquidity == walk.liquidity


@given(pools(), st.sampled_from((A, B)), st.integers(1, 10**12), st.integers(1, 10**12))
def test_input_to_a_price_is_where_the_curve_has_that_slope(pool, token, numerator, denominator):
    curve = pool.curve(token)
    at = curve.input_to(numerator, denominator)

    ahead, behind = curve.segment_at(at + at // 10**6 + 10), curve.segment_at(max(at - at // 10**6 - 10, 0))
    if ahead is not None:
        further = at + at // 10**6 + 10
        slope = ahead.moved(further, 0)
        assert slope.a * denominator <= slope.b * numerator * 1_000_001 // 1_000_000 + slope.b

    if at > 10**7:
        slope = behind.moved(max(at - at // 10**6 - 10, 0), 0)
        assert slope.a * denominator * 1_000_001 >= slope.b * numerator * 1_000_000


@st.composite
def deep_pools(draw, number, tokens):
    """Deep enough that no rounding is seen; V3 ranges of any shape about a price near one."""
    if draw(st.booleans()):
        return draw(v2_pools(number, tokens, least=10**21))

    ranges = [(-887_220, 887_220, draw(st.integers(10**21, 10**24)))]
    for _ in range(draw(st.integers(0, 4))):
        lower = draw(st.integers(-50, 50)) * 60
        ranges.append((lower, lower + draw(st.integers(1, 50)) * 60, draw(st.integers(10**20, 10**25))))

    return v3_pool(number, tokens, 3_000, sqrt_ratio_at_tick(draw(st.integers(-2_000, 2_000))), ranges)


def stages(number, tokens):
    """One pool, or two side by side, as a stage of a route."""
    one, other = deep_pools(number, tokens), deep_pools(number + 1, tokens)
    token = tokens[0]
    side_by_side = st.tuples(one, other).map(lambda pair: Parallel([along(pool, token) for pool in pair]))
    return one.map(lambda pool: along(pool, token)) | side_by_side


@given(stages(7, (A, B)), stages(9, (B, C)), st.integers(1, 10**6), st.integers(1, 10**6))
def test_input_to_a_price_through_two_stages_is_better_than_around_it(first, second, numerator, denominator):
    """Where the last unit gives just its price, output less input at that price is greatest."""
    route = Series([first, second])
    at = route.input_to(numerator, denominator)

    def gain(amount):
        out = route.amount_out(amount) if amount > 0 else 0
        return None if out is None else out * denominator - amount * numerator

    here = gain(at) if at > 10**6 else 0
    for other in (at // 2, at - at // 100, at + at // 100 + 10**9, at * 2 + 10**15):
        there = gain(other)
        assert there is None or there <= here + (at * numerator >> 30) + 10**8 * denominator


@given(pools(7), pools(8), pools(9), st.sampled_from((A, B)), amounts)
def test_split_never_gives_less_than_any_pool_alone_and_adds_up(first, second, third, token, amount):
    parts = [along(pool, token) for pool in (first, second, third)]
    split = Parallel(parts)
    given_out = split.amount_out(amount)

    alone = [out for part in parts if (out := part.amount_out(amount)) is not None]
    if given_out is None:
        assert not alone
        return

    assert given_out >= max(alone, default=0) - len(parts)  # each rounds its output down once
    quoted = split.quote(amount)
    assert quoted.amount_out == given_out
    assert sum(swap.amount_in for swap in quoted.swaps) == amount
    assert sum(swap.amount_out for swap in quoted.swaps) == given_out


@given(pools(7), pools(8), st.sampled_from((A, B)), amounts, st.integers(0, 1_000))
def test_no_other_split_of_two_gives_more(first, second, token, amount, permille):
    parts = [along(first, token), along(second, token)]
    best = Parallel(parts).amount_out(amount)
    assume(best is not None)

    share = amount * permille // 1_000
    other = [
        part.amount_out(part_of) if part_of else 0 for part, part_of in zip(parts, (share, amount - share), strict=True)
    ]
    if None not in other:
        assert sum(other) <= best + 2  # each branch rounds its output down once


@given(pools(7), pools(8), st.sampled_from((A, B)), amounts)
def test_least_input_of_a_split_gives_as_much_as_was_asked(first, second, token, amount):
    split = Parallel([along(first, token), along(second, token)])
    given_out = split.amount_out(amount)
    assume(given_out is not None)

    least = split.amount_in(given_out)

    assert least is not None
    assert least <= amount
    assert split.amount_out(least) >= given_out
