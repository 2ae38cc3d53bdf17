"""The curve of a pool that keeps the product of two reserves, with a fee taken from the input."""

from typing import Final

from keeper.routing.curve import Segment
from keeper.units import BPS, MAX_UINT112

_ONE: Final = 1


class ConstantProduct:
    """One direction of such a pool; `fee_bps` of the input stays in it.

    Source: UniswapV2Library.getAmountOut and getAmountIn, v2-periphery 1.1; forks differ in the fee alone. A reserve
    over 112 bits makes the pair revert, so an input that would bring it there cannot be taken.
    """

    __slots__ = ("_kept", "_reserve_in", "_reserve_out", "_segment")

    def __init__(self, reserve_in: int, reserve_out: int, fee_bps: int) -> None:
        self._reserve_in = reserve_in
        self._reserve_out = reserve_out
        self._kept = BPS - fee_bps
        end = max(MAX_UINT112 - reserve_in, 0)
        self._segment = Segment(0, 0, end, self._kept * reserve_out, BPS * reserve_in, self._kept)

    def amount_out(self, amount_in: int) -> int | None:
        """Output for an exact input, rounded down; None where it gives nothing or does not fit."""
        if not 0 < amount_in <= MAX_UINT112 - self._reserve_in:
            return None

        net = amount_in * self._kept
        return net * self._reserve_out // (self._reserve_in * BPS + net) or None  # down

    def amount_in(self, amount_out: int) -> int | None:
        """Least input the library asks for an exact output: rounded down, then one more."""
        if not 0 < amount_out < self._reserve_out:
            return None

        amount_in = self._reserve_in * amount_out * BPS // ((self._reserve_out - amount_out) * self._kept) + _ONE
        return amount_in if amount_in <= MAX_UINT112 - self._reserve_in else None

    def input_to(self, numerator: int, denominator: int) -> int:
        """Greatest input whose last unit still gives `numerator / denominator`."""
        return min(max(self._segment.input_to(numerator, denominator), 0), MAX_UINT112 - self._reserve_in)

    def segment_at(self, amount_in: int) -> Segment | None:
        """The one part there is; None past what fits."""
        return self._segment if amount_in < MAX_UINT112 - self._reserve_in else None
