"""The chains of a stage: one that holds the market, and its fork, on which the keeper works.

To have a keeper run against it by hand, from a Python shell in a checkout:

    with ExitStack() as held:
        stage = open_stage(held, find_packages(), seed=1, folder=Path("/tmp/stage"))
        # keeper run --config /tmp/stage/keeper.toml --live
        play(Clock(stage.chain, pace_s=0.8), stage.world, stage.path, lambda news: news and print(news))
"""

import random
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.market.borrowers import Borrower, plan_borrowers
from keeper.sandbox.market.opening import open_market
from keeper.sandbox.market.path import Step, make_path
from keeper.sandbox.packages import Packages
from keeper.sandbox.saved import saved_world
from keeper.sandbox.stage.operator import Operator, settle_in
from keeper.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Stage:
    """A fork with a market on it, an operator ready to start, and how the prices are going to move."""

    anvil: Anvil
    """The fork."""
    chain: LocalChain
    """The fork too."""
    world: World
    path: tuple[Step, ...]
    borrowers: tuple[Borrower, ...]
    operator: Operator


def draw(seed: int) -> tuple[tuple[Step, ...], tuple[Borrower, ...]]:
    """Draw the path and the borrowers of a seed."""
    rng = random.Random(seed)  # noqa: S311  # drawn again from the same seed is the point
    path = make_path(rng)
    return path, plan_borrowers(rng, path, seed)


def open_stage(held: ExitStack, packages: Packages, seed: int, folder: Path) -> Stage:
    """Start both chains, open the market on the first, and settle an operator in on the second; a few seconds.

    `folder` must be empty and gets the operator's files; everything that runs ends with `held`.
    """
    path, borrowers = draw(seed)
    saved = saved_world(packages)
    source = held.enter_context(saved.start(packages))
    there = LocalChain(source.url)
    held.callback(there.close)
    open_market(there, saved.world, borrowers)
    anvil = held.enter_context(Anvil(packages, AnvilOptions(fork_url=source.url)))
    chain = LocalChain(anvil.url)
    held.callback(chain.close)
    chain.node.rpc("anvil_setBlockTimestampInterval", 12)
    operator = settle_in(chain, saved.world, folder, anvil.ws_url)
    return Stage(anvil, chain, saved.world, path, borrowers, operator)
