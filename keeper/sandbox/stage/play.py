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


def play(clock: Clock, world: World, path: Sequence[Step], tell: Callable[[Step, int], None]) -> None:
    """Play every step after the first; `tell` hears of each step with the block it is in."""
    for before, step in pairwise(path):
        for place in range(step.blocks):
            moves = publish(clock.chain, world, step.feeds, before.feeds) if place == 0 else []

            if place % ARBITRAGE_EVERY == 0:
                moves += arbitrage(clock.chain, world, step.traded)

            block = clock.tick(moves)

            if place == 0:
                tell(step, block)
