"""What leaves a position without being sold: shares of a vault redeemed, a wrapper taken off, at a rate nobody moves.

A conversion is a pool whose rate does not fall with the amount, up to a limit. Its rate is read every block, since it
grows without a log; the two roundings a vault may make are those of its own preview.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from keeper.routing.base import SwapQuote
from keeper.routing.curve import Segment
from keeper.types import Address
from keeper.units import BPS, div_up

ConversionKind: TypeAlias = Literal["erc4626", "wsteth", "wrapped_native"]


@dataclass(frozen=True, slots=True)
class Rate:
    """What an input is worth: `amount * numerator // denominator`, less the fee, less `margin` units.

    The fee is a share of what is worth (`fee_bps` of it), or of what is paid out (`fee_on_paid`), rounded up either
    way. `margin` is above zero only for what is known to come out a few units short.
    """

    numerator: int
    denominator: int
    fee_bps: int = 0
    fee_on_paid: bool = False
    margin: int = 0

    def out(self, amount: int) -> int:
        """Output for an input; not above zero where it gives nothing."""
        worth = amount * self.numerator // self.denominator  # down
        fee_of = self.fee_bps + BPS if self.fee_on_paid else BPS
        return worth - div_up(worth * self.fee_bps, fee_of) - self.margin


@dataclass(frozen=True, slots=True)
class Conversion:
    """One such way from the first of `tokens` to the second, within a limit; only that way."""

    kind: ConversionKind
    address: Address
    tokens: tuple[Address, Address]
    rate: Rate
    limit: int
    """The most that can be put in."""

    def curve(self, token_in: Address) -> "Flat | None":
        """What it gives; None for the token it does not take."""
        return Flat(self.rate, self.limit) if token_in == self.tokens[0] and self.limit > 0 else None

    def quote_in(self, token_in: Address, amount_in: int) -> SwapQuote | None:
        """Output for an exact input; None where it is over the limit or gives nothing."""
        curve = self.curve(token_in)
        amount_out = None if curve is None else curve.amount_out(amount_in)
        return None if amount_out is None else self._quoted(amount_in, amount_out)

    def quote_out(self, token_in: Address, amount_out: int) -> SwapQuote | None:
        """Least input that gives at least this much."""
        curve = self.curve(token_in)
        amount_in = None if curve is None else curve.amount_in(amount_out)
        return None if amount_in is None else self._quoted(amount_in, amount_out)

    def _quoted(self, amount_in: int, amount_out: int) -> SwapQuote:
        return SwapQuote(amount_in, amount_out, lambda: replace(self, limit=self.limit - amount_in))


class Flat:
    """The curve of a conversion."""

    __slots__ = ("_limit", "_rate")

    def __init__(self, rate: Rate, limit: int) -> None:
        self._rate = rate
        self._limit = limit

    def amount_out(self, amount_in: int) -> int | None:
        """Exact output; None where it is over the limit or gives nothing."""
        if not 0 < amount_in <= self._limit:
            return None

        given = self._rate.out(amount_in)
        return given if given > 0 else None

    def amount_in(self, amount_out: int) -> int | None:
        """Least input that gives at least this much: the ideal one, corrected by what rounding took."""
        if amount_out <= 0 or self._rate.out(self._limit) < amount_out:
            return None

        low, high = 0, self._limit
        near = self._segment.input_for(amount_out)
        step = 1
        while low + 1 < high:
            # From where it should be, in growing strides: it is a few units away.
            near = min(max(near, low + 1), high - 1)
            if self._rate.out(near) >= amount_out:
                high, near = near, near - step
            else:
                low, near = near, near + step

            step = step * 2 if low < near < high else 1
            near = near if low < near < high else (low + high) // 2

        return high

    def input_to(self, numerator: int, denominator: int) -> int:
        """All of it, or nothing: every unit gives the same."""
        return min(max(self._segment.input_to(numerator, denominator), 0), self._limit)

    def segment_at(self, amount_in: int) -> Segment | None:
        """The one part there is; None past the limit."""
        return self._segment if amount_in < self._limit else None

    @property
    def _segment(self) -> Segment:
        rate = self._rate
        kept, whole = (BPS, BPS + rate.fee_bps) if rate.fee_on_paid else (BPS - rate.fee_bps, BPS)
        return Segment(0, 0, self._limit, rate.numerator * kept, rate.denominator * whole, 0)
