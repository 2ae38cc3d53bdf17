"""How long a profit stood, and whether the keeper let it."""

from types import SimpleNamespace

import pytest
from referee.judge import Finding, Record
from referee.windows import find_windows
from referee.worth import Worth

ME, OTHER = "0xme", "0xother"


def records(paid, last=20):
    """Make blocks 1 to `last`; paid: the blocks in which a position's trial beat its costs, by position."""
    return [
        Record(
            SimpleNamespace(number=number),
            {},
            {
                borrower: Finding(number, None, Worth(profit=100 + number, gas=1, floor=5))
                for borrower, blocks in paid.items()
                if number in blocks
            },
        )
        for number in range(1, last + 1)
    ]


def spans(windows):
    return [(window.subject, window.first, window.last, window.waited, window.taken) for window in windows]


def test_windows_profit_that_lapses_and_returns_is_two():
    found = find_windows(records({ME: [3, 4, 5, 8, 9]}), {})

    assert spans(found) == [(ME, 3, 5, 3, False), (ME, 8, 9, 2, False)]


def test_windows_landing_ends_one_and_begins_the_next():
    """Half the position is taken in block 5; what that block left pays again."""
    found = find_windows(records({ME: range(3, 8)}), {ME: {5}})

    assert spans(found) == [(ME, 3, 4, 2, True), (ME, 5, 7, 2, False)]


def test_windows_blocks_with_a_landing_elsewhere_are_not_waiting():
    found = find_windows(records({ME: range(3, 9)}), {OTHER: {4, 5, 7}})

    assert spans(found) == [(ME, 3, 8, 3, False)]


def test_windows_best_finding_is_the_one_worth_most():
    assert find_windows(records({ME: range(3, 9)}), {})[0].best.block == 8


@pytest.mark.parametrize(("length", "missed"), [(3, False), (4, True)])
def test_window_untaken_is_missed_from_its_length_on(length, missed):
    window = find_windows(records({ME: range(1, 1 + length)}), {})[0]

    assert window.missed(4) is missed


@pytest.mark.parametrize(("length", "missed"), [(11, False), (12, True)])
def test_window_taken_at_last_is_missed_from_three_times_its_length_on(length, missed):
    window = find_windows(records({ME: range(1, 1 + length)}), {ME: {1 + length}})[0]

    assert window.taken
    assert window.missed(4) is missed
