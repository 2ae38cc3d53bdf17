"""The main job on the sandbox, from nothing to a verdict: a market, a fork of it, a keeper, a crash, the books."""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from keeper.config.load import load_config
from keeper.sandbox.packages import find_packages
from keeper.sandbox.saved import saved_world
from keeper.sandbox.stage.clock import Clock
from keeper.sandbox.stage.conclusion import conclude
from keeper.sandbox.stage.opened import Stage, open_stage
from keeper.sandbox.stage.options import Options, console_of
from keeper.sandbox.stage.play import AfterBlock, play
from keeper.sandbox.stage.trial import Trial, run_trial


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
        stage = open_stage(held, packages, options.seed, folder)
        console.print(
            f"{len(stage.borrowers)} accounts on Aave V3.6; the keeper works on the fork at {stage.anvil.url}"
        )
        before = {"build": built - started, "sandbox": time.monotonic() - built}
        trial = trial_of(stage, options.pace_s)
        result = run_trial(trial, console.print)
        return conclude(trial, result, console, before=before, as_json=options.as_json)


def trial_of(stage: Stage, pace_s: float) -> Trial:
    """Make a trial whose moves are the stage's own price path."""

    def moves(clock: Clock, after_block: AfterBlock) -> None:
        play(clock, stage.world, stage.path, after_block)

    config = load_config(stage.operator.config, stage.operator.environ).config
    names = {borrower.account: borrower.name for borrower in stage.borrowers}
    return Trial(stage.chain, config, stage.operator, pace_s, moves, names)
