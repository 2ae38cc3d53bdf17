"""Playing a path on a chain: at each step the feeds publish, the scenes follow, and an arbitrageur moves the pools."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from keeper.sandbox.market.moves import arbitrage, publish
from keeper.sandbox.market.path import Step
from keeper.sandbox.scenes.base import Turn
from keeper.sandbox.stage.clock import Clock
from keeper.sandbox.stage.opened import Stage

ARBITRAGE_EVERY: Final = 2
"""Blocks between visits of the arbitrageur: whoever sells much pushes a pool, and it takes a while to come back."""


AfterBlock = Callable[[int, str | None], None]
"""Hears of each block that was mined, with news where there is some."""


def play(clock: Clock, stage: Stage, after_block: AfterBlock, path: Sequence[Step] | None = None) -> None:
    """Play every step after the first of the stage's path, or of another."""
    for before, step in pairwise(stage.path if path is None else path):
        for place in range(step.blocks):
            turn = Turn(before, step, place)
            moves = publish(clock.chain, stage.world, step.feeds, before.feeds) if place == 0 else []
            moves += [move for played in stage.played for move in played.opened.moves(clock.chain, turn)]

            if place % ARBITRAGE_EVERY == 0:
                moves += arbitrage(clock.chain, stage.world, step.traded)

            block = clock.tick(moves)
            after_block(block, _news(before, step, block) if place == 0 else None)


def _news(before: Step, step: Step, block: int) -> str:
    changed = [
        f"{symbol} {before.feeds[symbol] / 1e8:,.6g} to {answer / 1e8:,.6g}"
        for symbol, answer in step.feeds.items()
        if answer != before.feeds[symbol]
    ]
    return f"block {block}: {step.name}{': ' if changed else ''}{', '.join(changed)}"
