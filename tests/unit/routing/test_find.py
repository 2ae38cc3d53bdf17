from keeper.routing.base import Hop, Liquidity
from keeper.routing.conversion import Conversion, Rate
from keeper.routing.find import find_routes
from keeper.routing.route import STAY, Parallel, Series, Single
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


def numbers(route):
    return tuple(int.from_bytes(hop.pool.address, "big") for hop in route.hops)


def plain(found):
    return [numbers(route) for route in found if isinstance(route, Single | Series)]


def test_routes_of_one_hop_are_the_direct_pools_in_address_order_then_their_split():
    found = find_routes(LIQUIDITY, WETH, USDC, 1)

    assert [type(route) for route in found] == [Single, Single, Parallel]
    assert [numbers(route) for route in found] == [(10,), (11,), (10, 11)]


def test_routes_of_two_hops_go_through_tokens_found_in_the_pools():
    found = find_routes(LIQUIDITY, WETH, USDC, 2)

    assert plain(found) == [(10,), (11,), (13, 12)]
    assert numbers(found[-1]) == (10, 11, 13, 12)  # all paths side by side


def test_routes_name_the_tokens_of_each_swap():
    through_dai = find_routes(LIQUIDITY, USDC, WETH, 2)[2]

    assert through_dai.hops == (Hop(LEG_OUT, USDC, DAI), Hop(LEG_IN, DAI, WETH))


def test_routes_of_three_hops_cross_no_token_twice():
    more = Liquidity.of([*LIQUIDITY.by_address.values(), pool(14, (WBTC, DAI)), pool(15, (WETH, WBTC))])

    # Not WETH-DAI-WETH-USDC, not WETH-DAI-WBTC (WBTC has no way on to USDC but back through DAI).
    assert plain(find_routes(more, WETH, USDC, 3)) == [(10,), (11,), (13, 12), (15, 14, 12)]


def test_split_over_paths_shares_no_pool_and_takes_the_deepest_of_each_leg():
    shallow = pool(5, (WETH, DAI), (10**6, 10**6))
    through_wbtc = [pool(14, (WBTC, DAI)), pool(15, (WETH, WBTC))]
    more = Liquidity.of([*LIQUIDITY.by_address.values(), shallow, *through_wbtc])

    # WETH-WBTC-DAI-USDC would use pool 12 again.
    assert numbers(find_routes(more, WETH, USDC, 3)[-1]) == (10, 11, 13, 12)


def test_longer_paths_try_the_deepest_and_the_cheapest_pools_of_a_pair_only():
    depths = [pool(number, (WETH, DAI), (10**number, 10**number)) for number in range(5, 10)]
    cheap = pool(20, (WETH, DAI), (10**4, 10**4 + 5_000))
    more = Liquidity.of([*depths, cheap, LEG_OUT])

    found = [numbers(route) for route in find_routes(more, WETH, USDC, 2)]

    assert found == [(8, 12), (9, 12), (20, 12), (5, 6, 7, 8, 9, 20, 12)]
    assert len(find_routes(more, WETH, DAI, 1)) == 7  # alone, every one is tried, and their split


def test_leg_with_several_pools_is_split_along_the_same_tokens():
    more = Liquidity.of([LEG_IN, LEG_OUT, pool(5, (WETH, DAI))])
    found = find_routes(more, WETH, USDC, 2)

    assert [numbers(route) for route in found] == [(5, 12), (13, 12), (5, 13, 12)]
    sold = found[-1].quote(10**9)
    assert all(abs(swap.amount_in - 5 * 10**8) <= 1 for swap in sold.swaps[:2])  # two equal pools
    assert sold.swaps[2].amount_in == sum(swap.amount_out for swap in sold.swaps[:2])


def test_routes_avoid_barred_pools():
    assert [numbers(route) for route in find_routes(LIQUIDITY, WETH, USDC, 2, {address(10), address(12)})] == [(11,)]


def test_routes_of_a_token_to_itself_make_no_swap():
    (stay,) = find_routes(LIQUIDITY, WETH, WETH, 2)

    assert stay is STAY
    assert (stay.quote(5).swaps, stay.quote(5).amounts, stay.amount_in(7)) == ((), (5,), 7)
    assert stay.amount_out(0) is None
    assert (stay.input_to(1, 1) > 10**77, stay.input_to(2, 1)) == (True, 0)
    assert stay.segment_at(3).amount_out == 3


def test_routes_to_an_unconnected_token_are_none():
    assert find_routes(LIQUIDITY, WETH, WBTC, 3) == ()


def test_conversion_is_a_leg_in_its_own_direction_only():
    shares = address(7)
    vault = Conversion("erc4626", shares, (shares, WETH), Rate(3, 2), 10**10)
    found = Liquidity.of([vault, DIRECT])

    (through,) = find_routes(found, shares, USDC, 2)

    # 1,000 shares are 1,500 WETH: 1,500*9970*1e12 // (1e12*10000 + 1,500*9970)
    assert through.amount_out(1_000) == 1_495
    assert find_routes(found, WETH, shares, 2) == ()


def test_quote_passes_each_output_on():
    # 1,000,000 in at 30 bps: 997,000e12 / (1e12 + 997,000) = 996,999.006.. -> 996,999;
    # then 994,008.003 net -> 994,007.01.. -> 994,007.
    quoted = find_routes(LIQUIDITY, WETH, USDC, 2)[2].quote(1_000_000)

    assert quoted.amounts == (1_000_000, 996_999, 994_007)
    assert quoted.amount_out == 994_007
    assert [after.reserves for after in quoted.after] == [
        (10**12 + 1_000_000, 10**12 - 996_999),
        (10**12 - 994_007, 10**12 + 996_999),
    ]
    assert quoted.sells_rest == (True, True)


def test_quote_of_an_exact_output_sells_the_least_that_gives_it():
    through_dai = find_routes(LIQUIDITY, WETH, USDC, 2)[2]
    quoted = through_dai.quote_out(994_007)

    assert quoted.amount_out >= 994_007
    assert quoted.amount_in <= 1_000_000
    assert through_dai.amount_out(quoted.amount_in - 1) < 994_007
    assert through_dai.quote_out(10**13) is None


def test_quote_that_a_pool_cannot_take_is_none():
    tiny = Liquidity.of([pool(9, (WETH, DAI), (10**12, 10)), LEG_OUT])

    assert find_routes(tiny, WETH, USDC, 2)[0].quote(1_000) is None


def test_only_the_last_swap_of_a_token_sells_the_rest():
    split = find_routes(LIQUIDITY, WETH, USDC, 2)[-1].quote(10**12)

    assert [
        (numbers_in, rest) for numbers_in, rest in zip(map(_number, split.swaps), split.sells_rest, strict=True)
    ] == [
        (10, False),
        (11, False),
        (13, True),
        (12, True),
    ]


def test_exact_outputs_of_a_split_are_the_least_found():
    # Two equal pools of 10^12 at 30 bps: each gives half; 5e8 out needs 1e12*5e8*1e4 // ((1e12-5e8)*9970) + 1.
    split = find_routes(LIQUIDITY, WETH, USDC, 1)[-1]

    assert split.amount_in(10**9) == 2 * 501_755_392
    assert split.amount_in(2 * 10**12) is None
    assert split.amount_in(0) is None


def _number(swap):
    return int.from_bytes(swap.hop.pool.address, "big")
