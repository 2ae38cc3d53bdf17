"""Prices, rates and the fall of an auction's price, as the contracts work them out.

Names are the contracts' own. Units: wad 10**18 for amounts (ink, art, lot) and factors (chop, chip), ray 10**27 for
prices and rates, rad 10**45 for money (tab, dust). Sources: dss 1.0.8 for Spotter and Jug, dss fa4f663 for Abaci.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from keeper.protocols.maker.checked import add, div, mul, rdiv, require, rmul
from keeper.units import RAY

_VAL_TO_RAY: Final = 10**9


def rpow(x: int, n: int) -> int:
    """Raise a ray to a whole power by squaring, half up at each step; not the same as rounding the true power.

    Source: rpow of Abaci and Jug.
    """
    if x == 0:
        return 0 if n else RAY

    z = x if n % 2 else RAY
    n //= 2
    while n:
        x = add(mul(x, x), RAY // 2) // RAY
        if n % 2:
            z = add(mul(z, x), RAY // 2) // RAY

        n //= 2

    return z


# Prices and rates ---------------------------------------------------------------------------------------------------


def feed_price(val: int, par: int) -> int:
    """DAI for one whole unit of collateral in ray, rounded down. Clipper.getFeedPrice; `val` in wad."""
    return rdiv(mul(val, _VAL_TO_RAY), par)


def spot_price(val: int, par: int, mat: int) -> int:
    """DAI that may be owed per unit of collateral, in ray, rounded down twice. Spotter.poke."""
    return rdiv(feed_price(val, par), mat)


def dripped(rate: int, fee: int, elapsed_s: int) -> int:
    """The rate of normalised debt after a time, in ray, rounded down; `fee` is base + duty. Jug.drip."""
    require(elapsed_s >= 0, "Jug/invalid-now")
    return rmul(rpow(fee, elapsed_s), rate)


def is_unsafe(ink: int, art: int, rate: int, spot: int) -> bool:
    """Whether a vault owes more than its collateral allows; without a price nobody does. Dog.bark."""
    return spot > 0 and mul(ink, spot) < mul(art, rate)


# How the price of an auction falls ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Linear:
    """LinearDecrease: in a straight line to nothing, `tau` seconds after the start."""

    tau: int


@dataclass(frozen=True, slots=True)
class Stairstep:
    """StairstepExponentialDecrease: times `cut` (ray) every `step` seconds."""

    step: int
    cut: int


@dataclass(frozen=True, slots=True)
class Exponential:
    """ExponentialDecrease: times `cut` (ray) every second."""

    cut: int


Curve: TypeAlias = Linear | Stairstep | Exponential


def price_at(curve: Curve, top: int, dur: int) -> int:
    """The price `dur` seconds after an auction started at `top`, in ray, rounded down. Abacus.price."""
    match curve:
        case Linear(tau):
            return 0 if dur >= tau else rmul(top, mul(tau - dur, RAY) // tau)
        case Stairstep(step, cut):
            return rmul(top, rpow(cut, div(dur, step)))
        case Exponential(cut):
            return rmul(top, rpow(cut, dur))
