import pytest

from keeper.execution.runway import DAY_S, gas_runway


@pytest.mark.parametrize(
    ("balance_wei", "spent_wei", "window_s", "daily_wei", "days"),
    [
        # 70 in a week are 10 a day; 95 last 9 whole days
        (95, 70, 7 * DAY_S, 10, 9),
        # the first hour of the first day is not 24 times as dear as it was
        (95, 10, 3_600, 10, 9),
        (5, 70, 7 * DAY_S, 10, 0),
        (95, 0, 7 * DAY_S, 0, None),
        # 6 in a week are less than one a day, rounded down: no rate to speak of
        (95, 6, 7 * DAY_S, 0, None),
    ],
)
def test_gas_runway_divides_the_balance_by_a_days_average(balance_wei, spent_wei, window_s, daily_wei, days):
    found = gas_runway(balance_wei, spent_wei, window_s)
    assert (found.daily_wei, found.days) == (daily_wei, days)
