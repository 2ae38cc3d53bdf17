from dataclasses import replace

import pytest

from keeper.execution.base import Status
from keeper.execution.thresholds import DAY_S, Cause, Result, Thresholds, cooling_until, dollars, gas_spent_wei, tripped
from keeper.units import USD
from tests.fakes.plans import position

THRESHOLDS = Thresholds(
    gas_budget_wei=10**18,
    max_loss_usd=100 * USD,
    max_drawdown_usd=150 * USD,
    max_reverts=3,
    revert_hold_s=3_600,
    max_per_minute=10,
    cooldown_s=120,
)
NOW = 1_000_000


def results(*ends, gas_usd=0, earned_usd=0, ago_s=60):
    """One mined transaction for each end, a second apart, all of the same size."""
    return [
        Result(n, NOW - ago_s + n, end, ("market", position(n)), 10**15, earned_usd, gas_usd)
        for n, end in enumerate(ends, 1)
    ]


def causes(found, counted_from=None):
    return [trip.cause for trip in tripped(found, THRESHOLDS, NOW, counted_from or {})]


def test_nothing_mined_trips_nothing():
    assert causes([]) == []


@pytest.mark.parametrize(("each", "expected"), [(50, []), (51, [Cause.LOSS])])
def test_a_day_may_lose_its_limit_and_no_more(each, expected):
    # Two misses at 50 dollars of gas are 100, which is allowed; at 51 they are 102.
    assert causes(results(Status.MISSED, Status.MISSED, gas_usd=each * USD)) == expected


def test_a_loss_of_yesterday_is_forgotten_by_the_day_but_not_by_the_drawdown():
    # 160 dollars lost, a day and a minute ago.
    lost = results(Status.MISSED, Status.MISSED, gas_usd=80 * USD, ago_s=DAY_S + 60)
    assert causes(lost) == [Cause.DRAWDOWN]


def test_a_drawdown_is_measured_from_the_peak():
    # 1,000 earned, then 151 lost in steps: ahead all the same, and 151 below the best. A day's sum is +849.
    earned = [Result(1, NOW - 50, Status.LANDED, None, 0, 1_000 * USD, 0)]
    lost = [Result(2 + n, NOW - 40 + n, Status.MISSED, None, 0, 0, part * USD) for n, part in enumerate((100, 51))]
    (trip,) = tripped([*earned, *lost], THRESHOLDS, NOW, {})
    assert (trip.cause, trip.until) == (Cause.DRAWDOWN, None)
    assert trip.reason == "fell 151.00 USD from the peak, 150.00 allowed"


def test_reverts_in_a_row_trip_for_their_time():
    (trip,) = tripped(results(*[Status.REVERTED] * 3), THRESHOLDS, NOW, {})
    assert (trip.cause, trip.until) == (Cause.REVERTS, NOW + 3_600)


@pytest.mark.parametrize(
    "ends",
    [
        (Status.REVERTED, Status.REVERTED),
        (Status.REVERTED, Status.REVERTED, Status.LANDED, Status.REVERTED),
        (Status.MISSED,) * 20,
        (Status.EXPIRED,) * 20,
    ],
)
def test_misses_cancels_and_reverts_between_successes_are_no_row(ends):
    assert causes(results(*ends)) == []


def test_a_miss_between_reverts_does_not_hide_the_row():
    assert causes(results(Status.REVERTED, Status.MISSED, Status.REVERTED, Status.EXPIRED, Status.REVERTED)) == [
        Cause.REVERTS
    ]


def test_reverts_of_one_block_are_one():
    together = [replace(result, timestamp=NOW - 60) for result in results(*[Status.REVERTED] * 10)]
    assert causes(together) == []


@pytest.mark.parametrize("cause", [Cause.LOSS, Cause.DRAWDOWN, Cause.REVERTS])
def test_what_a_cause_tripped_over_before_counts_no_more_for_it_alone(cause):
    bad = results(*[Status.REVERTED] * 3, gas_usd=100 * USD)
    assert cause in causes(bad)
    assert causes(bad, {cause: 3}) == [other for other in causes(bad) if other is not cause]


def test_a_position_rests_after_its_last_revert_and_others_do_not():
    found = results(Status.REVERTED, Status.MISSED, Status.LANDED)
    assert cooling_until(found, ("market", position(1)), 120) == NOW - 60 + 1 + 120
    assert cooling_until(found, ("market", position(2)), 120) == 0
    assert cooling_until(found, ("other", position(1)), 120) == 0


def test_gas_of_a_day_counts_everything_mined():
    old = Result(9, NOW - DAY_S, Status.LANDED, None, 10**15, 0, 0)
    assert gas_spent_wei([old, *results(Status.LANDED, Status.MISSED, Status.EXPIRED)], NOW) == 3 * 10**15


@pytest.mark.parametrize(
    ("usd", "shown"), [(0, "0.00"), (USD // 100, "0.01"), (-1_234_567 * USD // 100, "-12,345.67"), (USD - 1, "0.99")]
)
def test_dollars_are_shown_to_the_cent(usd, shown):
    assert dollars(usd) == shown
