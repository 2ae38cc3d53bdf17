"""How time is taken: the best of several repeats, or percentiles of many single calls; never a mean."""

import gc
import math
import time
from collections.abc import Callable, Sequence


def best_of(function: Callable[[], object], repeats: int = 5, calls: int = 1) -> float:
    """Seconds one call takes, the least of `repeats` runs of `calls` calls, with collection off as `timeit` does."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return min(_run(function, calls) for _ in range(repeats)) / calls
    finally:
        if collecting:
            gc.enable()


def each(function: Callable[[], object], times: int) -> list[float]:
    """Seconds of each of `times` calls."""
    return [_run(function, 1) for _ in range(times)]


def percentile(samples: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the least sample that `percent` of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def shown(seconds: float) -> str:
    """A duration for people."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"

    return f"{seconds * 1e9:.3g} ns"


def _run(function: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        function()

    return time.perf_counter() - start
