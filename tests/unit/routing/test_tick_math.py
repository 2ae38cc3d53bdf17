from decimal import Decimal, localcontext

import pytest

from keeper.routing import tick_math
from keeper.routing.tick_math import (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    sqrt_ratio_at_tick,
    tick_at_sqrt_ratio,
)


def test_factors_are_the_nearest_integers_of_their_definition():
    with localcontext() as context:
        context.prec = 120
        root = Decimal("1.0001").sqrt()
        expected = tuple(round(Decimal(2**128) / root ** (2**i)) for i in range(20))

    assert expected == tick_math._FACTORS_X128


@pytest.mark.parametrize(
    ("tick", "ratio"),
    [
        (0, 2**96),
        (MIN_TICK, MIN_SQRT_RATIO),
        (MAX_TICK, MAX_SQRT_RATIO),
        # Two of the contract's own published test values.
        (-887_271, 4_295_343_490),
        (887_271, 1_461_373_636_630_004_318_706_518_188_784_493_106_690_254_656_249),
    ],
)
def test_sqrt_ratio_at_tick_is_the_contracts(tick, ratio):
    assert sqrt_ratio_at_tick(tick) == ratio


@pytest.mark.parametrize("tick", [MIN_TICK, -500_000, -1, 0, 1, 199_999, MAX_TICK - 1])
def test_tick_at_sqrt_ratio_holds_from_its_own_price_to_just_below_the_next(tick):
    assert tick_at_sqrt_ratio(sqrt_ratio_at_tick(tick)) == tick
    assert tick_at_sqrt_ratio(sqrt_ratio_at_tick(tick + 1) - 1) == tick


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1])
def test_sqrt_ratio_outside_the_ticks_is_an_error(tick):
    with pytest.raises(ValueError, match="outside"):
        sqrt_ratio_at_tick(tick)


@pytest.mark.parametrize("ratio", [MIN_SQRT_RATIO - 1, MAX_SQRT_RATIO])
def test_tick_at_sqrt_ratio_outside_the_prices_is_an_error(ratio):
    with pytest.raises(ValueError, match="range"):
        tick_at_sqrt_ratio(ratio)
