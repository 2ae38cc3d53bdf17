"""Where a condition over sizes begins or ends to hold, found without trying them all."""

from collections.abc import Callable


def first_true(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the first size in `low..high` where a condition that stays true begins; `high + 1` where it never does.

    Gallops from `low`, because it mostly begins there.
    """
    step = 1
    probe = low
    while probe <= high and not holds(probe):
        low = probe + 1
        probe += step
        step *= 2

    if probe > high and (low > high or not holds(high)):
        return high + 1

    end = min(probe, high)
    while low < end:
        middle = (low + end) // 2
        if holds(middle):
            end = middle
        else:
            low = middle + 1

    return end


def last_true(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the last size in `low..high` where a condition that ends for good still holds, `low - 1` for none."""
    if low <= high and holds(high):
        return high

    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            low = middle + 1
        else:
            high = middle

    return low - 1
