"""A million positions screened: against exact big integers over dicts, and against reading the same bytes once."""

import gc
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np

from benchmarks.figure import Figure, same
from benchmarks.lending import build_market, draw_accounts, draw_reserves, exact_scan
from benchmarks.timing import best_of, shown
from keeper.book.columns import PositionBook
from keeper.book.screen import suspects
from keeper.protocols.aave_v3 import health, screen
from keeper.protocols.ledger import Ledger
from keeper.units import WAD

POSITIONS = 1_000_000
SEED = 7


def measure() -> Iterator[Figure]:
    """Screen one book both ways; the liquidatable sets must be the same."""
    reserves = draw_reserves(SEED)
    accounts = dict(draw_accounts(SEED, POSITIONS, reserves))
    market = build_market(reserves, Ledger(accounts))
    book = PositionBook()

    for row in screen.rows(None, market):
        book.upsert(row)

    gc.freeze()
    factors = screen.factors(market)
    found = suspects(book, factors)
    ours = {key for key in found if health.health(key, market).factor_wad < WAD}
    exact = exact_scan(accounts, reserves)
    same(ours, exact)

    screened = best_of(lambda: suspects(book, factors), repeats=9)
    scanned = best_of(lambda: exact_scan(accounts, reserves), repeats=3)
    floor = best_of(lambda: read_once(book), repeats=9)
    against = f"numpy {version('numpy')}: {shown(screened)}"

    yield Figure(
        "screen of 1M positions against exact Python over dicts",
        scanned / screened,
        "x",
        250,
        f"{against}; dicts: {shown(scanned)}; {len(exact)} liquidatable on both sides, {len(found)} suspects",
    )
    yield Figure(
        "screen of 1M positions against reading the same bytes once",
        screened / floor,
        "x",
        8,
        f"{against}; np.sum of every column: {shown(floor)}",
        at_most=True,
    )


def read_once(book: PositionBook) -> float:
    """Read every byte the screen reads, once."""
    total = 0.0
    for bucket in book.buckets():
        for chunk in bucket.chunks():
            total += float(np.sum(chunk.quantities))
            total += float(np.sum(chunk.slots[:, : len(chunk.keys) // 4 * 4].view(np.uint64)))

    return total
