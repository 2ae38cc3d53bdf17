"""What one direction of a pool, or a whole route, gives for what goes in: exact amounts, and the ideal curve behind.

Between two ticks every pool here is `out = a*d / (b + c*d)` but for rounding, and so is every chain of them: that is
what makes the best size and the best split closed forms. Prices are marginal outputs per unit of input, as fractions.
"""

from math import isqrt
from typing import Final, NamedTuple, Protocol

from keeper.units import div_up

_KEPT_BITS: Final = 320
"""Coefficients are kept to so many bits: their products stay small, and what is lost is far below one unit."""
_TRIES: Final = 400
_FAR: Final = 2**256
"""More than any token has."""


class Segment(NamedTuple):
    """A part of a curve: past `amount_in`, another `d` gives `a*d / (b + c*d)` more than `amount_out`.

    `end_in` is the input at which the next part begins, None where this one never ends. The amounts are exact, the
    coefficients those of the ideal curve, which no rounding has touched; `b` is positive.
    """

    amount_in: int
    amount_out: int
    end_in: int | None
    a: int
    b: int
    c: int

    def input_to(self, numerator: int, denominator: int) -> int:
        """Input, from the start of the curve, at which the marginal output falls to a price; rounded down.

        Not bounded by the segment, so that its answer says on which side of it to look.
        """
        wanted = self.a * denominator
        if self.c == 0:
            return self.amount_in + (_FAR if wanted >= self.b * numerator else -1)

        # The marginal output past d is a*b / (b + c*d)**2.
        return self.amount_in + (isqrt(wanted * self.b // numerator) - self.b) // self.c

    def input_for(self, amount_out: int) -> int:
        """Input, from the start of the curve, that gives an output, on the ideal curve; rounded up, not bounded."""
        more = amount_out - self.amount_out
        left = self.a - self.c * more
        return self.amount_in + (_FAR if left <= 0 else div_up(self.b * more, left))

    def moved(self, amount_in: int, amount_out: int) -> "Segment":
        """The same part as seen from another input within it, whose exact output is given."""
        base = self.b + self.c * (amount_in - self.amount_in)
        return Segment(amount_in, amount_out, self.end_in, *_trimmed(self.a * self.b, base * base, self.c * base))


class Curve(Protocol):
    """Output as a function of input: never falls, and never rises faster than before but for roundings."""

    def amount_out(self, amount_in: int) -> int | None:
        """Exact output; None where the input cannot be taken whole or gives nothing."""
        ...

    def amount_in(self, amount_out: int) -> int | None:
        """Least input for an exact output; None where that cannot be given."""
        ...

    def input_to(self, numerator: int, denominator: int) -> int:
        """Greatest input whose last unit still gives `numerator / denominator`, within what can be taken; 0 for none.

        Off by what roundings bend. Both positive.
        """
        ...

    def segment_at(self, amount_in: int) -> Segment | None:
        """The part of the curve this input ends in (at its beginning, the one that follows); None past the last."""
        ...


def chained(first: Segment, second: Segment, end_in: int | None) -> Segment:
    """What selling through one and then the other gives; both begin at the place in question."""
    return Segment(
        first.amount_in,
        second.amount_out,
        end_in,
        *_trimmed(first.a * second.a, first.b * second.b, second.b * first.c + second.c * first.a),
    )


def solve(curve: Curve, numerator: int, denominator: int, near: int = 0) -> int:
    """Find `input_to` for any curve from its segments alone: Newton's method from `near`, kept between known bounds."""
    low, guess = 0, near
    high: int | None = None
    for _ in range(_TRIES):
        here = curve.segment_at(guess)
        wanted: int | None = None
        if here is None:
            high = guess
        else:
            wanted = here.input_to(numerator, denominator)
            if wanted < guess:
                high = guess
            elif here.end_in is None or wanted <= here.end_in:
                return wanted
            else:
                low = max(here.end_in, guess + 1)

        if high is not None and low >= high:
            return high

        before, guess = guess, low if wanted is None else max(wanted, low)
        if high is not None and (wanted is None or not low <= wanted < high or guess == before):
            guess = (low + high) // 2

    return low


def _trimmed(a: int, b: int, c: int) -> tuple[int, int, int]:
    """The same fraction with fewer bits."""
    extra = max(a.bit_length(), b.bit_length(), c.bit_length()) - _KEPT_BITS
    if extra <= 0:
        return a, b, c

    return a >> extra, max(b >> extra, 1), c >> extra
