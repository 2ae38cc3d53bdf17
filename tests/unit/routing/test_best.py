from keeper.routing.base import Hop, Liquidity, RouteQuote
from keeper.routing.best import best, quote, routes
from tests.fakes.pools import ConstantProductPool, address

WETH, USDC, DAI, WBTC = (address(n) for n in (1, 2, 3, 4))


def pool(number, tokens, reserves=(10**12, 10**12)):
    return ConstantProductPool(address(number), tokens, reserves)


DIRECT, SECOND, LEG_IN, LEG_OUT = (
    pool(11, (WETH, USDC)),
    pool(10, (WETH, USDC)),
    pool(13, (WETH, DAI)),
    pool(12, (USDC, DAI)),
)
LIQUIDITY = Liquidity.of([DIRECT, SECOND, LEG_IN, LEG_OUT])


def addresses(found):
    return [tuple(int.from_bytes(hop.pool.address, "big") for hop in route) for route in found]


def test_routes_of_one_hop_are_the_direct_pools_in_address_order():
    assert addresses(routes(LIQUIDITY, WETH, USDC, 1)) == [(10,), (11,)]


def test_routes_of_two_hops_go_through_tokens_found_in_the_pools():
    assert addresses(routes(LIQUIDITY, WETH, USDC, 2)) == [(10,), (11,), (13, 12)]


def test_routes_name_the_tokens_of_each_swap():
    assert routes(LIQUIDITY, USDC, WETH, 2)[2] == (Hop(LEG_OUT, USDC, DAI), Hop(LEG_IN, DAI, WETH))


def test_routes_of_three_hops_cross_no_token_twice():
    more = Liquidity.of([*LIQUIDITY.by_address.values(), pool(14, (WBTC, DAI)), pool(15, (WETH, WBTC))])

    # Not WETH-DAI-WETH-USDC, not WETH-DAI-WBTC (WBTC has no way on to USDC but back through DAI).
    assert addresses(routes(more, WETH, USDC, 3)) == [(10,), (11,), (13, 12), (15, 14, 12)]


def test_routes_avoid_barred_pools():
    assert addresses(routes(LIQUIDITY, WETH, USDC, 2, {address(10), address(12)})) == [(11,)]


def test_routes_of_a_token_to_itself_are_the_empty_one():
    assert routes(LIQUIDITY, WETH, WETH, 2) == ((),)
    assert quote((), 5) == RouteQuote((), 5, 5)


def test_routes_to_an_unconnected_token_are_none():
    assert routes(LIQUIDITY, WETH, WBTC, 3) == ()


def test_quote_passes_each_output_on():
    # 1,000,000 in at 30 bps: 997,000e12 / (1e12 + 997,000) = 996,999.006.. -> 996,999;
    # then 994,008.003 net -> 994,007.01.. -> 994,007.
    quoted = quote(routes(LIQUIDITY, WETH, USDC, 2)[2], 1_000_000)

    assert quoted.amounts == (1_000_000, 996_999, 994_007)
    assert quoted.amount_out == 994_007
    assert [after.reserves for after in quoted.after] == [
        (10**12 + 1_000_000, 10**12 - 996_999),
        (10**12 - 994_007, 10**12 + 996_999),
    ]


def test_quote_that_a_pool_cannot_take_is_none():
    assert quote(routes(LIQUIDITY, WETH, USDC, 1)[0], 1) is None


def test_best_is_what_pays_most_and_the_first_of_equals():
    deep = pool(16, (WETH, USDC), (10**15, 10**15))
    candidates = routes(Liquidity.of([DIRECT, SECOND, deep]), WETH, USDC, 1)

    assert best(candidates, 10**9).hops[0].pool == deep
    assert best(candidates[:2], 10**9).hops[0].pool == SECOND
    assert best(candidates, 0) is None
    assert best((), 10**9) is None
