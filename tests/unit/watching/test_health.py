"""Alive is who finishes passes, ready is who would act on them; both say why not."""

from keeper.chain.port import HeadEvent
from keeper.errors import RpcError
from keeper.watching.health import Health
from tests.fakes.counting import head
from tests.unit.watching.passes import seen


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


def health(*, live=True):
    clock = Clock()
    return Health(block_time_s=12, live=live, clock=clock), clock


def test_a_keeper_that_finished_a_pass_is_alive_and_ready():
    keeper, clock = health()
    keeper.on_pass(seen(7))
    clock.now += 59
    assert keeper.alive().good
    assert keeper.ready().good
    assert (keeper.ready().block, keeper.ready().age_s) == (7, 59)


def test_silence_of_five_blocks_is_deafness():
    keeper, clock = health()
    keeper.on_pass(seen(7))
    clock.now += 60.5
    assert keeper.alive().why == ("no pass was finished for 60 s",)
    assert not keeper.ready().good


def test_dropped_passes_are_no_work_done():
    keeper, clock = health()
    keeper.on_pass(seen(7))
    for number in range(8, 14):
        clock.now += 12
        keeper.on_dropped(HeadEvent(head(number), number, None, 0), RpcError("gone"))

    assert not keeper.alive().good
    assert keeper.ready().why[-1] == "the pass of block 13 was dropped: gone"


def test_before_the_first_pass_it_is_alive_and_not_ready():
    keeper, clock = health()
    assert keeper.alive().good
    assert keeper.ready().why == ("no pass was finished yet",)
    clock.now += 61
    assert not keeper.alive().good


def test_ready_names_everything_that_stands_in_the_way():
    keeper, _ = health()
    keeper.on_pass(seen(stopped={"spark": "garbage"}, disarmed="no funds", held=("max_drawdown",)))
    assert keeper.ready().why == ("spark is stopped: garbage", "disarmed: no funds", "held: max_drawdown")
    assert keeper.alive().good


def test_dry_run_is_ready_without_being_armed():
    keeper, _ = health(live=False)
    keeper.on_pass(seen(disarmed=None, held=()))
    assert keeper.ready().good
