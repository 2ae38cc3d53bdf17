"""Runs of the real keeper in a real market: `keeper run --live` in a crash on the sandbox, killed at seeded moments.

`PYTHONPATH=scripts python -m tests.faults.kill.market FIRST_SEED RUNS`: a line of JSON for each, exit 1 where the books
of any were wrong. The seed draws when it is killed and for how long it is gone; how far it has come by then is the
machine's to say. `--keep FOLDER` leaves a run's files.
"""

import argparse
import dataclasses
import json
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from auditor.__main__ import Place, examine

from keeper.sandbox.packages import find_packages
from keeper.sandbox.scenes import DEFAULT, choose
from keeper.sandbox.stage.clock import Clock
from keeper.sandbox.stage.command import keeper_command
from keeper.sandbox.stage.opened import open_stage
from keeper.sandbox.stage.play import play
from keeper.sandbox.stage.process import Process

DEATHS = 12
IDLE_BLOCKS = 12
LAST_BLOCKS = 150
PATIENCE_S = 120.0
"""How long a block waits for a keeper that is neither done with it nor dead: a busy machine is not its fault."""
POLL_S = 0.005
EVENTS = ("transaction_submitted", "transaction_submitted", "outcome_booked", "plan_concluded")
"""What a death may follow, by what the keeper logs; sending twice as often as the rest."""
LATEST_S = 6.0
"""A death by the clock comes within so many seconds of a life, its start included."""
LONGEST_BLOCKS = 5
"""No life but the last sees more of them."""


@dataclass
class Told:
    """What came of a run: how often the keeper died and after what, and what the auditor found wrong."""

    seed: int
    deaths: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    transactions: int = 0
    blocks: int = 0


class Fuse:
    """When a life ends: after so many of an event or of blocks, or by the clock; and for how many blocks it is gone."""

    def __init__(self, rng):
        self.event = rng.choice((*EVENTS, None))
        self.count = rng.choice((1, 1, 2, 3, 5, 8))
        self.blocks = rng.randrange(1, LONGEST_BLOCKS + 1)
        self.after_s = rng.uniform(0.0, LATEST_S)
        self.delay_s = rng.choice((0.0, 0.0, rng.uniform(0, 0.05)))
        self.blocks_down = rng.choice((0, 0, 1, 2, 4))

    def burnt(self, events, age_s):
        """Name what ends it; None while it goes on."""
        self.count -= sum(event == self.event for event in events)
        self.blocks -= sum(event == "block_processed" for event in events)
        if self.event is None and age_s > self.after_s:
            return "clock"

        if self.event is not None and self.count <= 0:
            return self.event

        return "block_processed" if self.blocks <= 0 else None


class Lives:
    """One keeper after another on the same journal; hears of each block."""

    def __init__(self, stage, told, rng):
        self._stage = stage
        self._told = told
        self._rng = rng
        self._held = ExitStack()
        self._process = None
        self._down = 0
        self.is_over = False

    def close(self):
        self._held.close()

    def after_block(self, block, _news=None):
        """Give it its time with a block, if it is there."""
        self._told.blocks += 1
        if self._process is None and self._down:
            self._down -= 1
            return

        while not self._is_done_with(block) and not self._down:
            pass

    def _is_done_with(self, block):
        """Let it work on a block until it is done, dead, or ended."""
        if self._process is None:
            self._be_born(block)

        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            code = self._process.exit_code
            events = list(self._process.events())
            self._note(events)
            if code is not None:
                self._note_end(code)
                return True

            age_s = time.monotonic() - self._born
            burnt = self._fuse and self._fuse.burnt([event["event"] for event in events], age_s)
            if burnt is not None:
                self._die(burnt)
                return False

            if self._answered >= block:
                return True

            time.sleep(POLL_S)

        raise TimeoutError(f"the keeper did not get through block {block}: {self._process.tail()}")

    def _note(self, events):
        """Hear how far it has come: the block it is born to counts as done once it is armed."""
        for event in events:
            if event["event"] == "lane_armed":
                self._answered = self._born_at
            elif event["event"] == "block_processed":
                self._answered = event["block"]

            self._told.transactions += event["event"] == "transaction_submitted"

    def _be_born(self, block):
        number = len(self._told.deaths)
        self._fuse = Fuse(self._rng) if number < DEATHS else None
        options = ("--config", str(self._stage.operator.config), "--live", "--until-idle", str(IDLE_BLOCKS), "--json")
        command = (keeper_command(), "run", *options)
        operator = self._stage.operator
        self._process = self._held.enter_context(Process(f"life-{number}", command, operator.folder, operator.environ))
        self._born, self._born_at = time.monotonic(), block
        self._answered = -1

    def _die(self, burnt):
        time.sleep(self._fuse.delay_s)
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE_S)
        self._told.deaths.append(burnt)
        self._down = self._fuse.blocks_down
        self._process = None

    def _note_end(self, code):
        """It found nothing left to do, which is no death; anything else it ended with is a fault."""
        if code != 0:
            self._told.faults.append(f"the keeper ended with {code}: {self._process.tail()}")

        self._process = None
        self.is_over = True


def run(packages, folder, seed, scenes):
    """Play one crash; what came of it."""
    told = Told(seed)
    with ExitStack() as held:
        stage = open_stage(held, packages, seed, folder, choose(scenes))
        clock = Clock(stage.chain, pace_s=0)
        lives = Lives(stage, told, random.Random(seed))
        held.callback(lives.close)
        play(clock, stage, lives.after_block)
        lives.is_over = False
        while not lives.is_over and not told.faults:
            if told.blocks > LAST_BLOCKS:
                told.faults.append(f"never came to rest within {LAST_BLOCKS} blocks")
                break

            lives.after_block(clock.tick())

        told.faults += examine(Place(str(folder / "keeper.db")), stage.anvil.url, at_rest=True)

    return told


def main():
    parser = argparse.ArgumentParser(prog="tests.faults.kill.market", description=__doc__)
    parser.add_argument("first_seed", type=int)
    parser.add_argument("runs", type=int)
    parser.add_argument("--protocols", default=DEFAULT, help="names, comma-separated, or all  [default: %(default)s]")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    packages, failed = find_packages(), False
    with tempfile.TemporaryDirectory(prefix="keeper-kill-") as scratch:
        for seed in range(options.first_seed, options.first_seed + options.runs):
            folder = (options.keep or Path(scratch)) / str(seed)
            folder.mkdir(parents=True)
            told = run(packages, folder, seed, options.protocols)
            print(json.dumps(dataclasses.asdict(told)), flush=True)
            failed = failed or bool(told.faults)

    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
