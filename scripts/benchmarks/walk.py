"""Five hundred blocks of a price walk: the skin list against deciding every position exactly, every block."""

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import numpy as np

from benchmarks.figure import Figure, same
from benchmarks.lending import Reserves, build_market, draw_accounts, draw_reserves, exact_scan
from benchmarks.timing import percentile, shown
from keeper.book.columns import PositionBook
from keeper.book.skin import SkinList
from keeper.protocols.aave_v3 import health, screen
from keeper.protocols.ledger import Ledger
from keeper.units import WAD

T = TypeVar("T")

POSITIONS = 1_000_000
BLOCKS = 500
COMPARED = 20
"""Every so many blocks a million positions are decided exactly as well: that takes two seconds each time."""
FEWER = 100_000
"""Of so many the exact answer is compared in every block."""
SEED = 11
MOVE = 0.001
"""Standard deviation of a price's logarithm per block."""
GROWTH = 38 * 10**9
"""What a debt index gains per block, per 10**18: ten per cent a year at twelve seconds a block."""


def measure() -> Iterator[Figure]:
    """Walk; whenever both sides are asked, both answers must be the same set."""
    few = walk(FEWER, 1)
    many = walk(POSITIONS, COMPARED)
    yield Figure(
        "rescreen of 1M positions by the skin list against the exact scan",
        percentile(many.exact, 50) / (sum(many.ours) / BLOCKS),
        "x",
        2_000,
        f"{BLOCKS} blocks, exact scan every {COMPARED}th ({shown(percentile(many.exact, 50))}); "
        f"of {FEWER:,} positions in every block; {few.found + many.found:,} liquidatable, none missed; "
        f"{shown(percentile(many.ours, 50))} p50, {shown(percentile(many.ours, 99))} p99; "
        f"{many.listed / POSITIONS:.1%} listed; keeping the list between blocks "
        f"{shown(percentile(many.tended, 50))} p50, {shown(max(many.tended))} at most",
    )


@dataclass(slots=True)
class Walk:
    """Seconds per block of each side, of keeping the list between blocks, and counts."""

    ours: list[float] = field(default_factory=list)
    exact: list[float] = field(default_factory=list)
    tended: list[float] = field(default_factory=list)
    found: int = 0
    listed: int = 0


def walk(positions: int, compared: int) -> Walk:
    """Let prices and interest go their way, and screen every block."""
    rng = np.random.default_rng(SEED)
    reserves = draw_reserves(SEED)
    accounts = dict(draw_accounts(SEED, positions, reserves))
    ledger = Ledger(accounts)
    skin, walked = SkinList(PositionBook()), Walk()

    for row in screen.rows(None, build_market(reserves, ledger)):
        skin.upsert(row)

    gc.freeze()

    for number in range(BLOCKS):
        reserves = moved(reserves, rng)
        market = build_market(reserves, ledger, number)
        factors = screen.factors(market)
        suspects = timed(walked.ours, partial(skin.suspects, factors))
        timed(walked.tended, partial(skin.tend, factors))

        if number % compared == 0:
            expected = timed(walked.exact, partial(exact_scan, accounts, reserves))
            same({key for key in suspects if health.health(key, market).factor_wad < WAD}, expected)
            walked.found += len(expected)

        walked.listed = max(walked.listed, skin.listed)

    return walked


def moved(reserves: Reserves, rng: np.random.Generator) -> Reserves:
    """The next block's: stable coins, every third, stand still."""
    moves = np.exp(rng.normal(0, MOVE, len(reserves.prices)))
    moves[::3] = 1.0
    return replace(
        reserves,
        prices=[max(int(price * move), 1) for price, move in zip(reserves.prices, moves, strict=True)],
        debt_indices=[index + index * GROWTH // 10**18 for index in reserves.debt_indices],
    )


def timed(samples: list[float], function: Callable[[], T]) -> T:
    """Call, and note the seconds it took."""
    start = time.perf_counter()
    answer = function()
    samples.append(time.perf_counter() - start)
    return answer
