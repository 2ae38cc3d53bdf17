"""Playing a path on a chain: at each step the feeds publish, and an arbitrageur keeps the pools where they trade."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from keeper.sandbox.market.moves import arbitrage, publish
from keeper.sandbox.market.path import Step
from keeper.sandbox.stage.clock import Clock
from keeper.sandbox.world import World

ARBITRAGE_EVERY: Final = 2
"""Blocks between visits of the arbitrageur: whoever sells much pushes a pool, and it takes a while to come back."""


AfterBlock = Callable[[int, str | None], None]
"""Hears of each block that was mined, with news where there is some."""


def play(clock: Clock, world: World, path: Sequence[Step], after_block: AfterBlock) -> None:
    """Play every step after the first."""
    for before, step in pairwise(path):
        for place in range(step.blocks):
            moves = publish(clock.chain, world, step.feeds, before.feeds) if place == 0 else []

            if place % ARBITRAGE_EVERY == 0:
                moves += arbitrage(clock.chain, world, step.traded)

            block = clock.tick(moves)
            after_block(block, _news(before, step, block) if place == 0 else None)


def _news(before: Step, step: Step, block: int) -> str:
    changed = [
        f"{symbol} {before.feeds[symbol] / 1e8:,.6g} to {answer / 1e8:,.6g}"
        for symbol, answer in step.feeds.items()
        if answer != before.feeds[symbol]
    ]
    return f"block {block}: {step.name}{': ' if changed else ''}{', '.join(changed)}"
