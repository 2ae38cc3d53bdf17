"""Searches over integers: the greatest value of a nearly concave function, and where a monotone condition begins.

Nearly, because every contract rounds: values may stray a few units from a concave curve. Nothing here knows money.
"""

from collections.abc import Callable
from typing import Final

_GOLDEN_PPM: Final = 381_966
"""1 - 1/golden ratio, in millionths: where an interval is probed so that one probe serves twice."""
_NOISE: Final = 4
"""Units by which roundings may bend a curve; below it a difference between two values means nothing."""
_NEIGHBOURS: Final = 3
_STEPS: Final = 2 * _NEIGHBOURS
_PROBES: Final = 6


class Memo:
    """A function of one integer, each value worked out once."""

    __slots__ = ("_function", "_known")

    def __init__(self, function: Callable[[int], int]) -> None:
        self._function = function
        self._known: dict[int, int] = {}

    def __call__(self, x: int) -> int:
        if x not in self._known:
            self._known[x] = self._function(x)

        return self._known[x]

    def best(self) -> int:
        """The argument of the greatest value seen, the greatest of equals."""
        return max(self._known, key=lambda x: (self._known[x], x))

    def points(self) -> list[tuple[int, int]]:
        """What was seen, as (argument, value), ascending."""
        return sorted(self._known.items())


def probe(value: Memo, low: int, high: int) -> None:
    """Look at both ends of `low..high` and at ever smaller shares of it, before a search that may not be needed."""
    value(low)
    for halvings in range(_PROBES):
        value(low + ((high - low) >> halvings))


def maximise(value: Memo, low: int, high: int) -> int:
    """Find where a nearly concave function is greatest in `low..high`, both included; uses what was seen before.

    Exact up to what roundings bend: a better argument, if any, is better by no more than they are.
    """
    probe(value, low, high)
    seen = [x for x, _ in value.points() if low <= x <= high]
    place = seen.index(max(seen, key=lambda x: (value(x), x)))
    a, b = seen[max(place - 1, 0)], seen[min(place + 1, len(seen) - 1)]
    a, b = _golden(value, *_from_the_ends(value, a, b))
    for x in range(_STEPS + 1):
        value(a + (b - a) * x // _STEPS)

    best = value.best()
    for x in range(max(low, best - _NEIGHBOURS), min(high, best + _NEIGHBOURS) + 1):
        value(x)

    return value.best()


def first_at_least(
    value: Callable[[int], int], wanted: int, within: tuple[int, int], *, guess: int, step: int = 1
) -> int:
    """Find the smallest x `within` with `value(x) >= wanted`, for a value that never falls; the upper end has it.

    Gallops away from the guess, by `step` at first, so that a good guess costs few questions.
    """
    low, high = within
    x = min(max(guess, low), high)
    if value(x) >= wanted:
        high = x
        while x > low:
            x = max(x - step, low)
            if value(x) < wanted:
                low = x + 1
                break

            high = x
            step *= 4
    else:
        low = x + 1
        while x < high:
            x = min(x + step, high)
            if value(x) >= wanted:
                high = x
                break

            low = x + 1
            step *= 4

    while low < high:
        middle = (low + high) // 2
        if value(middle) >= wanted:
            high = middle
        else:
            low = middle + 1

    return low


def last_where(holds: Callable[[int], bool], low: int, high: int) -> int:
    """Find the greatest x in `low..high` for which a condition that ends for good holds; `low - 1` for none."""
    if low <= high and holds(high):
        return high

    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            low = middle + 1
        else:
            high = middle

    return low - 1


def _from_the_ends(value: Memo, low: int, high: int) -> tuple[int, int]:
    """Narrow the interval to one of its ends while the function still rises toward it: where the best mostly is."""
    width = high - low
    value(low)
    value(high)
    while (width := width >> 5) > 0:
        if value(high) > value(high - width) + _NOISE:
            low = max(low, high - width)
        elif value(low) > value(low + width) + _NOISE:
            high = min(high, low + width)
        else:
            break

    return low, high


def _golden(value: Memo, a: int, b: int) -> tuple[int, int]:
    """Shrink around the greatest value until what is left is flat or small."""
    left, right = _probes(a, b)
    while b - a > _STEPS:
        if not a < left < right < b:
            left, right = _probes(a, b)

        seen = (value(a), value(left), value(right), value(b))
        if max(seen) - min(seen) <= 1:
            break

        if value(left) < value(right):
            a, left, right = left, right, left + b - right
        else:
            b, right, left = right, left, a + right - left

    return a, b


def _probes(a: int, b: int) -> tuple[int, int]:
    offset = (b - a) * _GOLDEN_PPM // 1_000_000
    return a + offset, b - offset
