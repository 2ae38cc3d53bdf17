"""Two keepers, one journal in PostgreSQL: one works, one keeps its book warm, takes over, and signs only then."""

import os
import signal
import time
from contextlib import ExitStack

import pytest
from auditor.__main__ import Place, examine

from keeper.sandbox.scenes import choose
from keeper.sandbox.stage.clock import Clock
from keeper.sandbox.stage.command import keeper_command
from keeper.sandbox.stage.opened import open_stage
from keeper.sandbox.stage.play import play
from keeper.sandbox.stage.process import Process

pytestmark = [pytest.mark.anvil, pytest.mark.full, pytest.mark.timeout(900)]

LEASE_S = 20
"""Longer than a busy machine may keep the first keeper from renewing it."""
WORKED_BLOCKS = 14
"""Blocks of the crash that the first keeper sees."""
FEW_BLOCKS = 5
PATIENCE_S = 240
POLL_S = 0.02
IDLE_BLOCKS = 12
"""For so long the standby, once it acts, has nothing to do before it ends."""
LAST_BLOCKS = 150


class Watched:
    """A keeper's process, and what it has logged so far."""

    def __init__(self, held, stage, name, place, *options):
        environ = {
            **stage.operator.environ,
            "KEEPER__RUN__POSTGRES": place.url,
            "KEEPER__RUN__LEASE_S": str(LEASE_S),
            "KEEPER__RUN__RECORDING": str(stage.operator.folder / f"{name}.rec"),
        }
        command = (keeper_command(), "run", "--config", str(stage.operator.config), "--live", "--json", *options)
        self.process = held.enter_context(Process(name, command, stage.operator.folder, environ))
        self._seen = []

    def seen(self, event):
        """Every line of an event so far."""
        self._seen += self.process.events()
        return [line for line in self._seen if line["event"] == event]

    def until(self, event):
        self._wait(lambda: self.seen(event), event)

    def until_done_with(self, block):
        """Let it come to the end of a block, or of its run."""

        def is_done():
            reached = [*self.seen("block_processed"), *self.seen("standby_took_over")]
            return self.process.exit_code == 0 or any(line["block"] >= block for line in reached)

        self._wait(is_done, f"end of block {block}")

    def _wait(self, is_over, what):
        deadline = time.monotonic() + PATIENCE_S
        while not is_over():
            assert self.process.exit_code in (None, 0), self.process.tail()
            assert time.monotonic() < deadline, f"no {what}: {self.process.tail()}"
            time.sleep(POLL_S)


class Pair:
    """The two keepers, and the blocks: the next comes when whoever acts is done with this one."""

    def __init__(self, first, standby):
        self.first = first
        self.standby = standby
        self.killed_at = None

    def kill_first(self, block):
        assert self.standby.seen("transaction_submitted") == self.standby.seen("block_processed") == []
        os.kill(self.first.process.pid, signal.SIGKILL)
        self.killed_at = block

    def after_block(self, block, _news=None):
        if self.killed_at is None:
            self.first.until_done_with(block)
        elif self.standby.seen("standby_took_over"):
            self.standby.until_done_with(block)
        else:
            time.sleep(LEASE_S / 4)  # nobody acts: the lease runs out


def test_standby_with_a_warm_book_takes_over_from_a_killed_keeper(packages, tmp_path, postgres):
    with ExitStack() as held:
        stage = open_stage(held, packages, 1, tmp_path, choose("aave_v3"))
        clock = Clock(stage.chain, 0)
        first = Watched(held, stage, "first", postgres)
        first.until("lane_armed")
        standby = Watched(held, stage, "standby", postgres, "--standby", "--until-idle", str(IDLE_BLOCKS))
        standby.until("standby_ready")
        pair, begun = Pair(first, standby), clock.number

        def after_block(block, news):
            pair.after_block(block, news)
            if pair.killed_at is None and block >= begun + WORKED_BLOCKS and first.seen("transaction_submitted"):
                pair.kill_first(block)

        play(clock, stage, after_block)
        for _ in range(LAST_BLOCKS):
            if standby.process.exit_code is not None:
                break

            pair.after_block(clock.tick())

        assert standby.process.wait(PATIENCE_S) == 0, standby.process.tail()
        (taken,) = standby.seen("standby_took_over")
        assert taken["warm"]
        assert taken["block"] >= pair.killed_at
        # It read no history: what it acts on first is one of the next blocks.
        assert standby.seen("block_processed")[0]["block"] - taken["block"] <= FEW_BLOCKS
        assert standby.seen("transaction_submitted")
        assert examine(Place(postgres.url), stage.anvil.url, at_rest=True) == []
