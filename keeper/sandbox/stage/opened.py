"""The chains of a stage: one on which the scenes are opened, and its fork, on which the keeper works.

To have a keeper run against it by hand, from a Python shell in a checkout:

    with ExitStack() as held:
        stage = open_stage(held, find_packages(), seed=1, folder=Path("/tmp/stage"), scenes=choose("aave_v3"))
        # keeper run --config /tmp/stage/keeper.toml --live
        play(Clock(stage.chain, pace_s=0.8), stage, lambda _block, news: news and print(news))
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.chain import BLOCK_TIME_S, LocalChain
from keeper.sandbox.market.draw import draw
from keeper.sandbox.market.opening import fund_arbitrage
from keeper.sandbox.market.path import Step
from keeper.sandbox.packages import Packages
from keeper.sandbox.saved import saved_world
from keeper.sandbox.scenes.base import Opened, Scene, Site, Ward
from keeper.sandbox.stage.operator import Operator, Table, settle_in
from keeper.sandbox.world import World
from keeper.units import WAD

DEPLOYER_WEI: Final = 1_000 * WAD


@dataclass(frozen=True, slots=True)
class Played:
    """A scene and what came of opening it."""

    scene: Scene
    opened: Opened

    @property
    def table(self) -> Table:
        """What the configuration says of it."""
        return Table(self.scene.name, self.opened.deployment, self.opened.strategy)

    @property
    def ward(self) -> Ward:
        """How it is looked at afterwards."""
        return Ward(
            self.scene.name,
            self.opened.names,
            self.opened.referee,
            self.opened.healths,
            self.opened.factor_bps,
            self.scene.least_landed,
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """A fork with scenes on it, an operator ready to start, and how the prices are going to move."""

    anvil: Anvil
    """The fork."""
    chain: LocalChain
    """The fork too."""
    world: World
    path: tuple[Step, ...]
    played: tuple[Played, ...]
    operator: Operator


def open_stage(held: ExitStack, packages: Packages, seed: int, folder: Path, scenes: Sequence[Scene]) -> Stage:
    """Start both chains, open the scenes on the first, and settle an operator in on the second; some seconds.

    `folder` must be empty and gets the operator's files; everything that runs ends with `held`.
    """
    saved = saved_world(packages)
    source = held.enter_context(saved.start(packages))
    played = open_scenes(source.url, packages, saved.world, seed, scenes)
    anvil = held.enter_context(Anvil(packages, AnvilOptions(fork_url=source.url)))
    chain = held.enter_context(closing(LocalChain(anvil.url)))
    chain.node.rpc("anvil_setBlockTimestampInterval", BLOCK_TIME_S)
    operator = settle_in(chain, saved.world, folder, anvil.ws_url, [one.table for one in played])

    for one in played:
        for grant in one.opened.grants(chain, operator.executor):
            chain.execute(grant)

    return Stage(anvil, chain, saved.world, draw(seed, "").path, played, operator)


def open_scenes(url: str, packages: Packages, world: World, seed: int, scenes: Sequence[Scene]) -> tuple[Played, ...]:
    """Open scenes one after the other on a chain that has the world on it.

    Blocks are 12 s apart by the chain's clock however fast they are mined, so that the same scenes of the same seed
    give the same chain.
    """
    with closing(LocalChain(url)) as chain:
        chain.node.rpc("anvil_setBlockTimestampInterval", BLOCK_TIME_S)
        fund_arbitrage(chain, world.assets.values(), world.uniswap)

    return tuple(Played(scene, _open(url, packages, world, seed, scene)) for scene in scenes)


def _open(url: str, packages: Packages, world: World, seed: int, scene: Scene) -> Opened:
    drawn = draw(seed, scene.name)

    with closing(LocalChain(url, drawn.account("deployer"))) as chain:
        chain.set_balance(chain.account, DEPLOYER_WEI)
        return scene.open(Site(chain, packages, world, drawn))
