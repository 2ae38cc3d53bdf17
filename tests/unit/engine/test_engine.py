"""The acting half: what is decided is carried out in time or not at all, and every pass is told."""

from keeper.chain.port import HeadEvent
from keeper.engine import Engine
from keeper.errors import RpcError
from keeper.mind import Decision, Pace
from keeper.types import Reason
from tests.fakes.counting import head
from tests.fakes.plans import make_plan


class Deciding:
    """Decides on these plans at every head; fails where told to."""

    def __init__(self, *plans, failing=()):
        self.deployments = ()
        self.advanced = []
        self._plans = plans
        self._failing = list(failing)

    async def advance(self, event):
        self.advanced.append((event.first_new, event.head.number))
        if self._failing and self._failing.pop(0):
            raise RpcError("the node fell over")

    async def decide(self, block, busy, ahead):
        assert busy == frozenset()
        assert ahead == ()
        return Decision(block, Pace(12).target(block), (), self._plans, (), 1)

    async def audit(self, block):
        self.audited_at = block.number

    def tend(self):
        self.tended_at = self.advanced[-1][1]


class Watching:
    """An observer that writes down what it is told."""

    def __init__(self):
        self.told = []

    def on_pass(self, seen):
        self.told.append(("pass", seen.decision.head.number, seen.line["planned"], seen.answers))

    def on_dropped(self, event, error):
        self.told.append(("dropped", event.head.number, error.message))


class Desk:
    held = ()
    disarmed = None

    def __init__(self):
        self.executed = []
        self.tracked = []
        self.idle_from = 0

    async def execute(self, plans, head, native_usd):
        self.executed.append((list(plans), head.number, native_usd))
        return []

    async def track(self, head):
        self.tracked.append(head.number)
        return []

    def in_flight(self, head):
        assert head.number
        return frozenset()

    def ahead(self, head):
        assert head.number
        return ()

    def is_idle(self):
        return max(self.tracked, default=0) >= self.idle_from


class Told:
    def __init__(self):
        self.lines = []

    def record_pass(self, head, line, declines):
        self.lines.append((head.number, line, list(declines)))


async def heads(*numbers):
    for number in numbers:
        yield HeadEvent(head(number), number, None, 0)


async def test_a_plan_whose_last_block_has_come_is_not_sent_and_says_so():
    plan = make_plan()
    desk, told = Desk(), Told()
    engine = Engine(Deciding(plan), desk, told)
    await engine.run(heads(1), lambda _idle: False, lambda: plan.max_block)
    assert desk.executed == [([], 1, 1)]
    ((_, line, (no,)),) = told.lines
    assert (no.reason, no.numbers["newest_block"]) == (Reason.TOO_LATE, plan.max_block)
    assert (line["planned"], line["declined"]) == (1, {"too_late": 1})


async def test_a_plan_that_can_still_land_is_sent():
    plan = make_plan()
    desk = Desk()
    await Engine(Deciding(plan), desk, Told()).run(heads(1), lambda _idle: False, lambda: plan.max_block - 1)
    assert desk.executed == [([plan], 1, 1)]


async def test_a_dropped_pass_rides_along_with_the_next_one():
    mind = Deciding(failing=[True, False])
    engine = Engine(mind, Desk(), Told())
    await engine.run(heads(1, 2), lambda _idle: False)
    assert mind.advanced == [(1, 1), (1, 2)]
    assert engine.true_at == head(2)


async def test_a_run_that_is_told_to_stop_follows_what_is_in_flight_and_sends_nothing_new():
    desk, told = Desk(), Told()
    engine = Engine(Deciding(make_plan()), desk, told)
    await engine.run(heads(1), lambda _idle: False)
    desk.idle_from = 4
    await engine.wind_down(heads(2, 3, 4, 5), most=6)
    assert desk.tracked == [1, 2, 3, 4]
    assert [number for _, number, _ in desk.executed] == [1], "nothing was handed to the desk any more"
    assert told.lines[-1][1]["declined"] == {"disarmed": 1}


async def test_a_run_that_is_told_to_stop_waits_no_longer_than_it_may():
    desk = Desk()
    desk.idle_from = 100
    await Engine(Deciding(), desk, Told()).wind_down(heads(1, 2, 3, 4, 5), most=3)
    assert desk.tracked == [1, 2, 3]


async def test_a_run_with_nothing_in_flight_ends_at_once():
    desk = Desk()
    await Engine(Deciding(), desk, Told()).wind_down(heads(1), most=3)
    assert desk.tracked == []


async def test_a_pass_that_was_dropped_before_the_stop_rides_along_after_it():
    mind, desk = Deciding(failing=[True, False]), Desk()
    engine = Engine(mind, desk, Told())
    await engine.run(heads(1), lambda _idle: False)
    desk.idle_from = 2
    await engine.wind_down(heads(2), most=3)
    assert mind.advanced == [(1, 1), (1, 2)]


async def test_a_run_ends_when_it_has_been_idle_for_long_enough():
    told = Told()
    await Engine(Deciding(), Desk(), told).run(heads(1, 2, 3, 4), lambda idle: idle >= 3)
    assert [number for number, _, _ in told.lines] == [1, 2, 3]


async def test_a_pass_with_plans_is_not_idle():
    told = Told()
    await Engine(Deciding(make_plan()), Desk(), told).run(heads(1, 2, 3), lambda idle: idle >= 1)
    assert len(told.lines) == 3


async def test_observers_are_told_of_every_pass_and_of_those_that_were_dropped():
    first, second = Watching(), Watching()
    engine = Engine(Deciding(failing=[False, True, False]), Desk(), Told(), observers=[first, second])
    await engine.run(heads(1, 2, 3), lambda _idle: False)
    assert first.told == [("pass", 1, 0, ()), ("dropped", 2, "the node fell over"), ("pass", 3, 0, ())]
    assert second.told == first.told
