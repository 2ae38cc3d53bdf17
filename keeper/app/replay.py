"""Running a flight record again, without a node: the same engine on the same answers must decide the same."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keeper.app.planner import BlockPlanner
from keeper.app.wiring import build_adapter, build_venue
from keeper.chain.flight import FlightFileError, PassRecord, RunStart, read_flight
from keeper.chain.replay import ReplayedChain
from keeper.config.fingerprint import from_decisive_json
from keeper.deployment import Deployment
from keeper.errors import ChainError, StateError
from keeper.execution.limits import Subject
from keeper.journal.underway import read_underway
from keeper.mind import Mind, Pace, decision_lines
from keeper.planning.underway import Underway
from keeper.pools import PoolBook
from keeper.protocols.base import Row
from keeper.self_audit import Auditor
from keeper.types import BlockHead, PositionKey
from keeper.warmup import DeploymentSource, Source, VenueSource


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found: passes run, passes that decided otherwise, and the first differing lines."""

    runs: int
    passes: int
    plans: int
    declines: int
    differing: tuple[int, ...]
    first_difference: str | None


async def replay(path: Path) -> Replayed:
    """Run every pass of a record again; `KeeperError` where the replay asks what was never recorded."""
    runs = passes = plans = declines = 0
    differing: list[int] = []
    first: str | None = None
    player: _Player | None = None
    for record in read_flight(path):
        if isinstance(record, RunStart):
            player = _Player(record)
            runs += 1
            continue

        if player is None:
            raise FlightFileError(f"{path}: a pass stands before the start of its run")

        decided = await player.play(record)
        passes += not record.state
        plans += sum(line["kind"] == "plan" for line in decided)
        declines += sum(line["kind"] == "no" for line in decided)
        if decided != record.decisions and record.event is not None:
            differing.append(record.event.head.number)
            first = first or _difference(record.decisions, decided)

    return Replayed(runs, passes, plans, declines, tuple(differing), first)


class _Player:
    """One recorded run: its configuration's engine half that decides, and a chain that answers from the record."""

    def __init__(self, start: RunStart) -> None:
        config = from_decisive_json(start.config)
        self._config = config
        self._chain = ReplayedChain(start.chain_id)
        self._deployments = tuple(Deployment(build_adapter(each)) for each in config.deployments)
        self._mind: Mind | None = None

    async def play(self, record: PassRecord) -> list[dict[str, str]]:
        """Run one pass; a pass that was dropped then is dropped again and decides nothing."""
        self._chain.load(record)
        event = record.event
        if event is None:
            raise FlightFileError("a pass without a head: the record was written by another program")

        if record.state:
            await self._start(record, event.head)
            return []

        if self._mind is None:
            raise FlightFileError("the record of a run does not begin with its state")

        busy, ahead = _subjects(record.decisions), _ahead(record.decisions)
        try:
            await self._mind.advance(event)
            decision = await self._mind.decide(event.head, busy, ahead)
            await self._mind.audit(event.head)
        except ChainError:
            return []

        self._chain.finish()
        return decision_lines(decision, busy, ahead)

    async def _start(self, record: PassRecord, head: BlockHead) -> None:
        """Take up the state of the run's start; a deployment that was stopped then is stopped again."""
        config = self._config
        sources: list[Source] = [DeploymentSource(each, 0) for each in self._deployments]
        lending = {source.name for source in sources}
        names = [name for name in record.state if name not in lending]
        venues = [
            VenueSource(name, build_venue(each, (), config.chain.wrapped_native), 0)
            for name, each in zip(names, config.venues, strict=True)
        ]
        for source in (*sources, *venues):
            if source.name in record.state:
                source.restore([Row(key, value) for key, value in record.state[source.name]])
                await self._chain.reads(source.bootstrap(head), head)

        pace = Pace(config.chain.block_time_s)
        for deployment in self._deployments:
            error = None if deployment.name in record.state else StateError("stopped when the record began")
            await deployment.advance(self._chain, head, pace.target(head), error)

        pools = PoolBook(tuple(venue.venue for venue in venues))
        await pools.freeze(self._chain, head)
        auditor = Auditor(config.run.audit_every_blocks)
        self._mind = Mind(self._chain, self._deployments, pools, BlockPlanner.of(config), pace, auditor)


def _subjects(decisions: Sequence[Mapping[str, str]]) -> frozenset[Subject]:
    """What was in flight, as the pass wrote it down."""
    found: set[Subject] = set()
    for line in decisions:
        if line["kind"] == "in_flight":
            for word in line["subjects"].split():
                name, _, key = word.rpartition(":")
                found.add((name, PositionKey(bytes.fromhex(key)) if key else None))

    return frozenset(found)


def _ahead(decisions: Sequence[Mapping[str, str]]) -> tuple[Underway, ...]:
    """What was to land before anything new, as the pass wrote it down."""
    return tuple(read_underway(line["plan"]) for line in decisions if line["kind"] == "ahead")


def _difference(recorded: Sequence[Mapping[str, str]], replayed: Sequence[Mapping[str, str]]) -> str:
    before, after = (
        [" ".join(f"{k}={v}" for k, v in line.items()) for line in lines] for lines in (recorded, replayed)
    )
    return "\n".join(difflib.unified_diff(before, after, "recorded", "replayed", lineterm="", n=0))
