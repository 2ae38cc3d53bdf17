"""The two searches: always a number at which the answer changes, wherever they begin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.margin.search import greatest, least

NUMBERS = st.integers(1, 2**128)


@given(edge=NUMBERS, guess=st.integers(0, 2**129), most=st.integers(0, 2**129))
def test_least_is_the_edge_from_any_guess(edge, guess, most):
    assert least(lambda amount: amount >= edge, guess, most) == (edge if edge <= most else None)


@given(edge=NUMBERS, below=st.integers(2, 2**129))
def test_greatest_is_the_edge_where_there_is_one(edge, below):
    expected = edge if edge < below else None
    found = greatest(lambda number: number <= edge, below) if edge < below else expected
    assert found == expected


@given(st.sets(st.integers(1, 200), min_size=1), st.integers(0, 250))
def test_least_of_a_wavering_answer_reaches_where_one_less_does_not(reaching, guess):
    found = least(reaching.__contains__, guess, 200)
    assert found is None or (found in reaching and found - 1 not in reaching)


def test_least_asks_a_handful_of_questions_after_a_good_guess():
    asked = []

    def reaches(amount):
        asked.append(amount)
        return amount >= 10**24 + 3

    assert least(reaches, 10**24, 10**30) == 10**24 + 3
    assert len(asked) <= 6


@pytest.mark.parametrize("below", [0, 1])
def test_greatest_below_one_is_nothing(below):
    assert greatest(lambda _number: True, below) is None
