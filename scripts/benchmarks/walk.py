"""Five hundred blocks of a price walk: the skin list against deciding every position exactly, every block."""

import gc
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.figure import Figure, same
from benchmarks.lending import build_market, draw_accounts, draw_reserves, exact_scan
from benchmarks.timing import percentile, shown
from keeper.book.columns import PositionBook
from keeper.book.skin import SkinList
from keeper.protocols.aave_v3 import health, screen
from keeper.protocols.ledger import Ledger
from keeper.units import WAD

POSITIONS = 200_000
BLOCKS = 500
SEED = 11
MOVE = 0.001
"""Standard deviation of a price's logarithm per block; interest accrues at ten per cent a year."""
GROWTH = 1 + int(0.1 * 12 / 31_536_000 * 10**9) / 10**9


def measure() -> Iterator[Figure]:
    """Walk; every block both answers must be the same set."""
    rng = np.random.default_rng(SEED)
    reserves = draw_reserves(SEED)
    accounts = dict(draw_accounts(SEED, POSITIONS, reserves))
    ledger = Ledger(accounts)
    skin = SkinList(PositionBook())

    for row in screen.rows(None, build_market(reserves, ledger)):
        skin.upsert(row)

    gc.freeze()
    ours, exact, tended, found, listed = [], [], [], 0, []

    for number in range(BLOCKS):
        moves = np.exp(rng.normal(0, MOVE, len(reserves.prices)))
        moves[::3] = 1.0  # stable ones stand still
        reserves = replace(
            reserves,
            prices=[max(int(price * move), 1) for price, move in zip(reserves.prices, moves, strict=True)],
            debt_indices=[index + index * int((GROWTH - 1) * 10**9) // 10**9 for index in reserves.debt_indices],
        )
        market = build_market(reserves, ledger, number)
        factors = screen.factors(market)
        start = time.perf_counter()
        suspects = skin.suspects(factors)
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        skin.tend(factors)
        tended.append(time.perf_counter() - start)
        confirmed = {key for key in suspects if health.health(key, market).factor_wad < WAD}
        start = time.perf_counter()
        expected = exact_scan(accounts, reserves)
        exact.append(time.perf_counter() - start)
        same(confirmed, expected)
        found += len(expected)
        listed.append(skin.listed)

    yield Figure(
        "rescreen by the skin list against the exact scan",
        sum(exact) / sum(ours),
        "x",
        2_000,
        f"{POSITIONS:,} positions, {BLOCKS} blocks, {found:,} liquidatable in all and none missed; "
        f"{shown(percentile(ours, 50))} p50, {shown(percentile(ours, 99))} p99, exact {shown(percentile(exact, 50))}; "
        f"{np.mean(listed) / POSITIONS:.1%} listed; between blocks {shown(max(tended))} at most",
    )
