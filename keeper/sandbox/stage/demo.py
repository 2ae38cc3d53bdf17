"""The main job on the sandbox, from nothing to a verdict: scenes, a fork of them, a keeper, a crash, the books."""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from keeper.config.load import load_config
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.packages import find_packages
from keeper.sandbox.saved import saved_world
from keeper.sandbox.scenes.past import read_at
from keeper.sandbox.stage.clock import Clock
from keeper.sandbox.stage.conclusion import conclude
from keeper.sandbox.stage.opened import Stage, open_stage
from keeper.sandbox.stage.options import Options, console_of
from keeper.sandbox.stage.play import AfterBlock, play
from keeper.sandbox.stage.trial import Trial, Valuer, run_trial
from keeper.sandbox.world import World
from keeper.telemetry.plurals import counted
from keeper.types import Address


def demo(options: Options) -> int:
    """Run the demo; 0 only where the keeper's books add up and the referee agrees, else 1."""
    console, started = console_of(), time.monotonic()

    with ExitStack() as held:
        folder = options.keep or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="keeper-demo-")))
        folder.mkdir(parents=True, exist_ok=True)
        packages = find_packages()
        saved_world(packages)  # compiled and deployed the first time; not part of the run
        built = time.monotonic()
        console.print(f"seed {options.seed}: opening the market, then forking its chain")
        stage = open_stage(held, packages, options.seed, folder, options.protocols)
        counts = [f"{counted(len(one.opened.names), 'account')} on {one.scene.name}" for one in stage.played]
        console.print(f"{', '.join(counts)}; the keeper works on the fork at {stage.anvil.url}")
        before = {"build": built - started, "sandbox": time.monotonic() - built}
        trial = trial_of(stage, options.pace_s)
        result = run_trial(trial, console.print)
        return conclude(trial, result, console, before=before, as_json=options.as_json)


def trial_of(stage: Stage, pace_s: float) -> Trial:
    """Make a trial whose moves are the stage's own price path."""

    def moves(clock: Clock, after_block: AfterBlock) -> None:
        play(clock, stage, after_block)

    config = load_config(stage.operator.config, stage.operator.environ).config
    wards = tuple(played.ward for played in stage.played)
    feeds = {asset.token: asset.feed.proxy for asset in stage.world.assets.values()}
    return Trial(stage.chain, config, stage.operator, pace_s, moves, wards, dollars_by_feed(stage.world), feeds)


def dollars_by_feed(world: World) -> Valuer:
    """Value amounts by the feeds that all scenes share."""
    assets = {asset.token: asset for asset in world.assets.values()}

    def dollars(chain: LocalChain, token: Address, amount: int, block: int) -> int | None:
        asset = assets.get(token)

        if asset is None:
            return None

        (price,) = read_at(chain, block, [(asset.feed.proxy, "latestAnswer()(int256)")])
        return None if price is None else int(amount * price // 10**asset.listing.decimals)  # down

    return dollars
