"""Finding the amount at which an answer changes, in integers: the unit before it answers otherwise."""

from collections.abc import Callable


def least(reaches: Callable[[int], bool], guess: int, most: int) -> int | None:
    """Find an amount up to `most` that reaches, where one unit less does not; None where nothing found reaches.

    0 must not reach. Gallops from the guess, so a good one costs a handful of questions and a bad one a few dozen
    more. Where roundings make the answer waver, any amount that reaches right after one that does not is found.
    """
    if most <= 0:
        return None

    high = min(max(guess, 1), most)
    low, step = high, 1
    if reaches(high):
        while low > 0 and reaches(low := max(low - step, 0)):
            high, step = low, 2 * step

        return _between(reaches, low, high)

    while not reaches(high):
        if high == most:
            return None

        low, step = high, 2 * step
        high = min(high + step, most)

    return _between(reaches, low, high)


def greatest(holds: Callable[[int], bool], below: int) -> int | None:
    """Find a number from 1 to below `below` for which it holds while it does not for the next; None where 1 does not.

    It must not hold for `below`.
    """
    if below <= 1 or not holds(1):
        return None

    return _between(lambda number: not holds(number), 1, below) - 1


def _between(reaches: Callable[[int], bool], low: int, high: int) -> int:
    """Halve: `low` does not reach, `high` does."""
    while high - low > 1:
        middle = (low + high) // 2  # down: strictly between
        if reaches(middle):
            high = middle
        else:
            low = middle

    return high
