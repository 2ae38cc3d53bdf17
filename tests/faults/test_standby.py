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

LEASE_S = 3
PACE_S = 1.0
WORKED_BLOCKS = 14
"""Blocks of the crash that the first keeper sees."""
FEW_BLOCKS = 5
PATIENCE_S = 240
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

    def until(self, event, meanwhile=lambda: time.sleep(0.05)):
        deadline = time.monotonic() + PATIENCE_S
        while not self.seen(event):
            assert self.process.exit_code is None, self.process.tail()
            assert time.monotonic() < deadline, f"no {event}: {self.process.tail()}"
            meanwhile()


def test_standby_with_a_warm_book_takes_over_from_a_killed_keeper(packages, tmp_path, postgres):
    with ExitStack() as held:
        stage = open_stage(held, packages, 1, tmp_path, choose("aave_v3"))
        clock = Clock(stage.chain, PACE_S)
        first = Watched(held, stage, "first", postgres)
        first.until("lane_armed", clock.tick)
        standby = Watched(held, stage, "standby", postgres, "--standby", "--until-idle", str(IDLE_BLOCKS))
        standby.until("standby_ready")
        killed_at = []

        def after_block(block, _news):
            if not killed_at and block >= stage_began + WORKED_BLOCKS and first.seen("transaction_submitted"):
                assert standby.seen("transaction_submitted") == standby.seen("block_processed") == []
                os.kill(first.process.pid, signal.SIGKILL)
                killed_at.append(block)

        stage_began = clock.number
        play(clock, stage, after_block)
        standby.until("block_processed", clock.tick)
        for _ in range(LAST_BLOCKS):
            if standby.process.exit_code is not None:
                break

            clock.tick()

        assert standby.process.wait(PATIENCE_S) == 0, standby.process.tail()
        (taken,) = standby.seen("standby_took_over")
        assert taken["warm"]
        assert taken["block"] >= killed_at[0]
        # It read no history: the first block it acts on is one of the next.
        assert standby.seen("block_processed")[0]["block"] - taken["block"] <= FEW_BLOCKS
        assert standby.seen("transaction_submitted")
        faults = examine(Place(postgres.url), stage.anvil.url, at_rest=True)
        assert faults == []
