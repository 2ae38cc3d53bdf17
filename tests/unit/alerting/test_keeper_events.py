"""What the keeper's own passes have to tell, and what they keep to themselves."""

import pytest

from keeper.alerting.alert import Event, Severity
from keeper.alerting.keeper_events import KeeperEvents
from keeper.chain.port import HeadEvent
from keeper.execution.base import Outcome, Status
from tests.fakes.town import Town


@pytest.fixture(scope="module")
def town():
    return Town({1: 1_000})


def told(events, town, **changes):
    return [(alert.event, alert.severity, alert.subject) for alert in events.of(town.seen(**changes))]


def events(*, live=True, has_profited=False):
    return KeeperEvents(live=live, has_profited=has_profited)


def outcome(status):
    return Outcome("plan", status, b"\x01" * 32, 7, b"\x02" * 32, 1, 1, None, None, None, None, "why")


def test_arming_is_told_once_and_disarming_with_its_reason(town):
    own = events()
    assert told(own, town) == [(Event.ARMED, Severity.WARNING, "keeper")]
    assert told(own, town) == []
    (alert,) = own.of(town.seen(disarmed="the key was used by somebody else"))
    assert (alert.event, alert.severity) == (Event.DISARMED, Severity.CRITICAL)
    assert "somebody else" in alert.body
    assert told(own, town, disarmed="another reason") == []
    assert told(own, town) == [(Event.ARMED, Severity.WARNING, "keeper")]


def test_start_that_does_not_arm_says_so(town):
    assert told(events(), town, disarmed="killed") == [(Event.DISARMED, Severity.CRITICAL, "keeper")]


def test_dry_run_says_nothing_of_arms(town):
    assert told(events(live=False), town) == []


def test_hold_is_told_by_its_cause_whatever_its_numbers(town):
    own = events(live=False)
    assert told(own, town, held=("loss: 5 USD lost",)) == [(Event.HELD, Severity.CRITICAL, "loss")]
    assert told(own, town, held=("loss: 6 USD lost",)) == []
    assert told(own, town) == []
    assert told(own, town, held=("loss: 7 USD lost",)) == [(Event.HELD, Severity.CRITICAL, "loss")]


def test_deployment_that_stops_and_comes_back_is_told_both_times(town):
    own = events(live=False)
    assert told(own, town, stopped={"aave": "drift"}) == [(Event.DEPLOYMENT_STOPPED, Severity.CRITICAL, "aave")]
    assert told(own, town, stopped={"aave": "drift"}) == []
    assert told(own, town) == [(Event.DEPLOYMENT_BACK, Severity.WARNING, "aave")]


@pytest.mark.parametrize(("depth", "count"), [(1, 0), (2, 0), (3, 1)])
def test_reorg_is_told_from_three_blocks_on(town, depth, count):
    head = town.deployment.market.head
    event = HeadEvent(head, head.number - depth + 1, head.number - depth, 0)
    assert len(told(events(live=False), town, event=event)) == count


def test_only_the_first_liquidation_is_news_and_losses_are(town):
    own = events(live=False)
    landed, lost = outcome(Status.LANDED), outcome(Status.REVERTED)
    assert told(own, town, booked=(landed, landed)) == [(Event.FIRST_PROFIT, Severity.WARNING, "journal")]
    assert told(own, town, booked=(landed, lost)) == [(Event.TRANSACTION_LOST, Severity.WARNING, "reverted")]
    assert told(events(live=False, has_profited=True), town, booked=(landed, outcome(Status.MISSED))) == []


def test_passes_that_fail_are_news_at_the_fifth_in_a_row(town):
    own = events(live=False)
    found = [len(list(own.of_dropped(block))) for block in range(7)]
    assert found == [0, 0, 0, 0, 1, 0, 0]
    assert told(own, town) == []
    assert [len(list(own.of_dropped(block))) for block in range(5)] == [0, 0, 0, 0, 1]
