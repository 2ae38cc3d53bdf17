"""One trial of a keeper: it starts, prices move, it ends by itself; then its books and the referee's are compared.

The keeper is a process with a configuration file. What it says of itself (`keeper report`) is only ever compared.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from keeper.config.model import KeeperConfig
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.packages import SandboxError
from keeper.sandbox.scenes.base import Ward
from keeper.sandbox.stage.clock import Clock
from keeper.sandbox.stage.command import json_lines, keeper, keeper_command
from keeper.sandbox.stage.judge import Referee, manifest_of
from keeper.sandbox.stage.operator import Operator
from keeper.sandbox.stage.play import AfterBlock
from keeper.sandbox.stage.process import Process
from keeper.types import Address

IDLE_BLOCKS: Final = 20
READY_TIMEOUT_S: Final = 60.0
SLOT_S: Final = 12.0
"""How long a real slot leaves the keeper; blocks that took it longer are counted."""
START_PATIENCE_S: Final = 2.0
PATIENCE_S: Final = 60.0
"""How long the next block waits for a keeper that is still at the last one: a busy machine is not its fault."""
POLL_S: Final = 0.02
WAIT_BLOCKS: Final = 8
"""The moves start a multiple of so many blocks after the keeper does, so that its start may take longer or shorter."""
LAST_BLOCKS: Final = 120
"""Blocks after the last move within which the keeper must have ended."""

Tell: TypeAlias = Callable[[str], None]
"""Hears one line of progress."""
Valuer: TypeAlias = Callable[[LocalChain, Address, int, int], int | None]
"""Values an amount of a token as of a block, US dollars with 8 decimals, rounded down; None where nobody says."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a keeper is tried on. `play` makes the moves, given the clock and whom to tell of each block."""

    chain: LocalChain
    config: KeeperConfig
    operator: Operator
    pace_s: float
    play: Callable[[Clock, AfterBlock], None]
    wards: tuple[Ward, ...]
    """The deployments it is about."""
    dollars: Valuer
    """What an amount was worth."""
    feeds: Mapping[Address, Address] = field(default_factory=dict)
    """Dollar feeds of tokens, for the referee, where it cannot ask a deployment."""
    command: tuple[str, ...] = (keeper_command(),)
    """The keeper, and what stands before its verb."""
    idle_blocks: int = IDLE_BLOCKS
    """For how many blocks it must have had nothing to do before it ends."""
    ready_within_s: float = READY_TIMEOUT_S
    """How long it may take to its first block: on somebody's chain, to read every log there is."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it: the keeper's own rows, the referee's verdict, and the blocks it is all about."""

    rows: tuple[Mapping[str, Any], ...]
    verdict: Mapping[str, Any]
    first_block: int
    last_block: int
    keeper_exit: int
    late_blocks: int
    """Blocks that took the keeper longer than a slot."""
    seconds: Mapping[str, float]


def run_trial(trial: Trial, tell: Tell) -> Result:
    """Run it to the end; `SandboxError` where the keeper does not start, or does not end."""
    folder, started = trial.operator.folder, time.monotonic()

    with ExitStack() as held:
        clock = Clock(trial.chain, trial.pace_s, trial.config.chain.block_time_s)
        run = held.enter_context(Process("keeper", _run_command(trial), folder, trial.operator.environ))
        watch = Watch(run, tell)
        _until_ready(clock, watch, trial.ready_within_s)
        first = clock.number
        rules = manifest_of(trial.config, trial.wards, trial.feeds, trial.operator, first)
        referee = Referee(folder, trial.chain.url, rules)
        held.enter_context(referee.process)
        ready = time.monotonic()
        trial.play(clock, watch.after_block)
        _until_ended(clock, watch)
        ended = time.monotonic()
        report = keeper(("report", "--config", str(trial.operator.config), "--json"), trial.operator.environ)
        last = clock.number
        verdict = referee.verdict(report)
        judged = time.monotonic()

    seconds = {"start": ready - started, "run": ended - ready, "referee": judged - ended}
    return Result(tuple(json_lines(report)), verdict, first, last, run.wait(0), watch.late_blocks, seconds)


class Watch:
    """Reads what the keeper logs, a line per block. Invariant: `answered` is the last block it is done with."""

    def __init__(self, run: Process, tell: Tell) -> None:
        self.run = run
        self.answered = -1
        self.late_blocks = 0
        self._tell = tell
        self._told = ""

    def after_block(self, block: int, news: str | None = None) -> None:
        """Say the news, then give the keeper its time with the block; `SandboxError` when it ended with an error."""
        if news is not None:
            self._tell(news)

        since = time.monotonic()
        self.catch_up()

        # One that has not started hears of no block: the next ones are what it waits for.
        patience_s = PATIENCE_S if self.answered >= 0 else START_PATIENCE_S

        while self.answered < block and self.run.exit_code is None and time.monotonic() < since + patience_s:
            time.sleep(POLL_S)
            self.catch_up()

        self.late_blocks += time.monotonic() - since > SLOT_S

        if self.run.exit_code:
            raise SandboxError(f"the keeper ended with {self.run.exit_code}: {self.run.tail()}")

    def catch_up(self) -> None:
        """Pass on what it logged since."""
        for event in self.run.events():
            if event.get("event") == "block_processed":
                self.answered = int(event["block"])
                self._tell_once(event)

    def _tell_once(self, event: Mapping[str, Any]) -> None:
        """Say what happened at a block, unless it is what happened at the one before."""
        line = block_line(event)

        if line != self._told:
            self._tell(f"  block {event['block']}: {line}")
            self._told = line


def block_line(event: Mapping[str, Any]) -> str:
    """Render the keeper's line of a block, without its number."""
    declined = ", ".join(f"{count} {reason}" for reason, count in event["declined"].items())
    said = f"{event['liquidatable']} liquidatable, {event['planned']} planned, {event['sent']} sent"
    return f"{said}, {event['booked']} booked; declined: {declined or 'none'}"


def _run_command(trial: Trial) -> Sequence[str]:
    options = ["--config", str(trial.operator.config), "--live", "--until-idle", str(trial.idle_blocks), "--json"]
    return [*trial.command, "run", *options]


def _until_ready(clock: Clock, watch: Watch, within_s: float) -> None:
    """Mine until the keeper has gone through its first block, a whole number of waits: interest runs meanwhile."""
    deadline, waited = time.monotonic() + within_s, 0

    while watch.answered < 0 or waited % WAIT_BLOCKS:
        if watch.answered < 0 and time.monotonic() > deadline:
            raise SandboxError(f"the keeper was not ready within {within_s:.0f} s: {watch.run.tail()}")

        watch.after_block(clock.tick())
        waited += 1


def _until_ended(clock: Clock, watch: Watch) -> None:
    """Mine until the keeper has found that there is nothing left to do."""
    for _ in range(LAST_BLOCKS):
        if watch.run.exit_code is not None:
            watch.catch_up()
            return

        watch.after_block(clock.tick())

    raise SandboxError(f"the keeper still runs {LAST_BLOCKS} blocks after the last move: {watch.run.tail()}")
