import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.planning.search import Memo, first_at_least, last_where, maximise


def counted(function):
    """The function as a memo, and the list of arguments it was really asked for."""
    asked = []

    def recorded(x):
        asked.append(x)
        return function(x)

    return Memo(recorded), asked


@pytest.mark.parametrize("peak", [0, 1, 7, 500_000, 999_999, 10**6])
def test_maximise_finds_the_peak_wherever_it_is(peak):
    assert maximise(Memo(lambda x: -((x - peak) ** 2)), 0, 10**6) == peak


def test_maximise_of_a_single_point_is_that_point():
    assert maximise(Memo(lambda x: -x), 5, 5) == 5


def test_maximise_asks_little_of_a_wide_interval():
    peak = 123_456_789_012_345_678
    value, asked = counted(lambda x: -(abs(x - peak) ** 2))

    assert maximise(value, 0, 10**18) == peak
    # Golden section alone needs ln(10**18 / 6) / 0.481 = 82 questions to come down to six points; a dozen go before
    # it, and a dozen look around.
    assert len(asked) < 110
    assert len(asked) == len(set(asked))


def test_maximise_of_what_rises_to_the_end_asks_least():
    value, asked = counted(lambda x: x)

    assert maximise(value, 0, 10**18) == 10**18
    assert len(asked) < 50


@given(
    st.integers(-(10**6), 2 * 10**6),
    st.integers(1, 50),
    st.integers(0, 10**6),
    st.integers(1, 10**6),
    st.integers(1, 9),
)
def test_maximise_of_a_rounded_concave_curve_is_off_by_roundings_only(peak, steep, low, width, divisor):
    def value(x):
        return -(steep * (x - peak) ** 2 // divisor)

    high = low + width
    found = maximise(Memo(value), low, high)
    assert value(found) >= value(min(max(peak, low), high)) - 1


@given(st.integers(0, 1_000), st.integers(-50, 1_050), st.integers(1, 400))
def test_first_at_least_is_the_first_whatever_the_guess(wanted, guess, step):
    def value(x):
        return x // 7

    # 1000 // 7 = 142 is the greatest value there is.
    expected = min(7 * wanted, 994)
    assert first_at_least(value, min(wanted, 142), (0, 1_000), guess=guess, step=step) == expected


def test_first_at_least_near_its_guess_asks_little():
    value, asked = counted(lambda x: x)
    assert first_at_least(value, 10**17, (0, 10**18), guess=10**17 + 1) == 10**17
    assert len(asked) < 8


@pytest.mark.parametrize("last", [-1, 0, 41, 100])
def test_last_where_is_the_last_that_holds(last):
    assert last_where(lambda x: x <= last, 0, 100) == last


def test_last_where_of_an_empty_range_is_below_it():
    assert last_where(lambda _: True, 5, 4) == 4
