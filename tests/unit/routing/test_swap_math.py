from keeper.routing.swap_math import (
    amount0_between,
    amount0_between_up,
    amount1_between,
    amount1_between_up,
    price_after_input,
    price_after_output,
    step_in,
    step_out,
)
from keeper.units import MAX_UINT256

Q96 = 2**96
# 1 WETH (18 decimals) = 1,900 USDC (6 decimals): sqrt(1900e6 / 1e18) * 2**96.
PRICE = 3_453_475_538_820_956_156_228_900
LIQUIDITY = 2 * 10**16
FEE = 500


def test_step_in_of_token0_inside_a_range_matches_the_worked_example():
    step = step_in(PRICE, 1, LIQUIDITY, 5 * 10**18, FEE)

    # 5e18 less 500 millionths is 4.9975e18, all of it used; the fee is the rest.
    assert step == (3_416_266_254_352_784_826_883_238, 4_997_500_000_000_000_000, 9_392_943_945, 2_500_000_000_000_000)


def test_step_in_of_token1_inside_a_range_matches_the_worked_example():
    step = step_in(PRICE, 2 * PRICE, LIQUIDITY, 10_000 * 10**6, FEE)

    assert step == (3_493_069_813_037_459_758_941_273, 9_995_000_000, 5_200_897_756_207_556_111, 5_000_000)


def test_step_in_that_reaches_its_target_charges_the_fee_on_what_it_used():
    # L = 100 from price 1 (Q) down to 1/4 (Q/2): token0 in = 100 * (1/0.5 - 1/1) = 100, token1 out = 100 * 0.5 = 50.
    # At 1 % the fee is 100 * 10,000 / 990,000 = 1.01.., rounded up.
    assert step_in(Q96, Q96 // 2, 100, 1_000, 10_000) == (Q96 // 2, 100, 50, 2)


def test_step_in_one_short_of_its_target_takes_all_that_was_offered():
    # 102 less 1 % is 100.98, down to 100: enough. 101 less 1 % is 99.99, down to 99: not.
    assert step_in(Q96, Q96 // 2, 100, 102, 10_000).sqrt_price_x96 == Q96 // 2
    short = step_in(Q96, Q96 // 2, 100, 101, 10_000)

    assert short.sqrt_price_x96 > Q96 // 2
    assert short.amount_in + short.fee == 101


def test_step_without_liquidity_moves_the_price_and_nothing_else():
    assert step_in(Q96, Q96 // 2, 0, 1_000, 500) == (Q96 // 2, 0, 0, 0)
    assert step_out(Q96, 2 * Q96, 0, 1_000, 500) == (2 * Q96, 0, 0, 0)


def test_step_out_gives_exactly_what_was_asked_and_no_more():
    # Upward from 1 with L = 100: the price moves on to 100 / (100 - 30) = 1.428.., token1 in = 42.86, up to 43.
    step = step_out(Q96, 4 * Q96, 100, 30, 500)

    assert (step.amount_in, step.amount_out, step.fee) == (43, 30, 1)


def test_step_out_beyond_its_target_gives_what_the_range_holds():
    # Down from 1 to 1/4 with L = 100 holds 50 token1 and asks for 100 token0.
    assert step_out(Q96, Q96 // 2, 100, 60, 500) == (Q96 // 2, 100, 50, 1)


def test_amounts_are_rounded_up_for_the_pool_and_down_for_us():
    low, high = Q96, Q96 + Q96 // 3  # prices 1 and 4/3, as near as a binary fraction gets

    # token1 = 10 * 1/3 = 3.3; token0 = 10 * (1 - 3/4) = 2.5
    assert (amount1_between(low, high, 10), amount1_between_up(low, high, 10)) == (3, 4)
    assert (amount0_between(low, high, 10), amount0_between_up(low, high, 10)) == (2, 3)


def test_price_after_output_of_token1_rounds_down():
    # 1 token1 out of L = 3 lowers the price by 1/3: Q/3 has no exact binary form, and the pool takes the ceiling.
    assert price_after_output(Q96, 3, 1, zero_for_one=True) == Q96 - (Q96 // 3 + 1)


def test_price_after_an_input_that_overflows_256_bits_takes_the_contracts_other_formula():
    liquidity, amount = 1, 2**200
    price = 2**100
    assert amount * price > MAX_UINT256

    # ceil((1 << 96) / ((1 << 96) // 2**100 + 2**200)) = ceil(2**96 / 2**200) = 1
    assert price_after_input(price, liquidity, amount, zero_for_one=True) == 1
