import numpy as np
import pytest

from keeper.book.columns import PositionBook
from keeper.book.screen import nearest, suspects
from keeper.errors import StateError
from keeper.protocols.base import Factors, HealthRow


def key(number):
    return number.to_bytes(20, "big")


def factors(cover, required, slack=None):
    slack = [0.0] * len(cover) if slack is None else slack
    return Factors(*(np.array(values, np.float64) for values in (cover, required, slack)))


def book_of(*rows):
    book = PositionBook()
    for number, cover, required in rows:
        book.upsert(HealthRow(key(number), cover, required))

    return book


def test_suspects_are_those_whose_cover_is_below_what_is_required():
    # One unit of slot 0 covers 2; one unit owed in slot 1 needs 3: 9 * 2 < 7 * 3 < 11 * 2.
    book = book_of((1, ((0, 9),), ((1, 7),)), (2, ((0, 11),), ((1, 7),)))

    assert tuple(suspects(book, factors([2.0, 0.0], [0.0, 3.0]))) == (key(1),)


def test_slack_counts_once_per_entry():
    # Margins of 2 and 3 with slack 1 on each of two entries: 2 is not below 2 by more than the tilt, but tilted it is.
    book = book_of((1, ((0, 10),), ((0, 8),)), (2, ((0, 11),), ((0, 8),)))

    assert tuple(suspects(book, factors([1.0], [1.0], [1.0]))) == (key(1),)


def test_suspects_come_by_what_they_owe_then_by_key_whatever_the_order_of_arrival():
    rows = [(n, ((0, 1),) * (1 + n % 3), ((0, owed),)) for n, owed in ((5, 100), (3, 100), (9, 200), (1, 50))]

    assert tuple(suspects(book_of(*rows), factors([1.0], [1.0]))) == tuple(map(key, (9, 3, 5, 1)))
    assert tuple(suspects(book_of(*rows[::-1]), factors([1.0], [1.0]))) == tuple(map(key, (9, 3, 5, 1)))


def test_suspects_whose_debt_cannot_be_told_come_first():
    book = book_of((1, ((0, 1),), ((0, 9),)), (2, ((0, 1),), ((1, 1),)))

    assert tuple(suspects(book, factors([1.0, 1.0], [1.0, float("nan")]))) == (key(2), key(1))


@pytest.mark.parametrize("unknown", range(3))
def test_factor_that_is_no_number_makes_its_users_suspects_and_only_them(unknown):
    values = [[5.0, 5.0], [1.0, 1.0], [0.0, 0.0]]
    values[unknown][1] = float("nan")
    book = book_of((1, ((0, 9),), ((0, 1),)), (2, ((1, 9),), ((1, 1),)))

    assert tuple(suspects(book, factors(*values))) == (key(2),)


def test_positions_without_debt_are_no_suspects():
    assert tuple(suspects(book_of((1, ((0, 1),), ())), factors([0.0], [1.0], [9.0]))) == ()


def test_empty_book_has_no_suspects_under_no_factors():
    assert tuple(suspects(PositionBook(), factors([], []))) == ()
    assert nearest(PositionBook(), factors([], []), 3) == ()


def test_book_that_uses_more_slots_than_there_are_factors_is_an_error():
    with pytest.raises(StateError, match="uses 3 factor slots, the market gives 2"):
        suspects(book_of((1, ((2, 1),), ((0, 1),))), factors([1.0, 1.0], [1.0, 1.0]))


def test_suspects_are_found_past_the_first_block_of_rows():
    healthy = [(n, ((0, 3),), ((0, 1),)) for n in range(20_000)]
    book = book_of(*healthy, (20_000, ((0, 1),), ((0, 3),)))

    assert tuple(suspects(book, factors([1.0], [1.0]))) == (key(20_000),)


def test_nearest_are_the_lowest_ratios_and_ties_go_by_key():
    ratios = {4: (30, 10), 2: (20, 10), 8: (20, 10), 1: (20, 10), 9: (5, 10)}
    book = book_of(*((n, ((0, cover),), ((0, owed),)) for n, (cover, owed) in ratios.items()))

    found = nearest(book, factors([1.0], [1.0]), 3)

    assert [one.key for one in found] == [key(9), key(1), key(2)]
    assert [one.ratio for one in found] == pytest.approx([0.5, 2.0, 2.0])


def test_nearest_leaves_out_what_cannot_be_told():
    book = book_of((1, ((0, 1),), ((0, 1),)), (2, ((1, 1),), ((0, 1),)))

    assert [one.key for one in nearest(book, factors([1.0, float("nan")], [1.0, 1.0]), 5)] == [key(1)]
    assert nearest(book, factors([1.0, 1.0], [1.0, 1.0]), 0) == ()
