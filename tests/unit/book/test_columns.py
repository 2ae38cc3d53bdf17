import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.book.columns import MAX_SLOTS, PositionBook
from keeper.errors import StateError
from keeper.protocols.base import HealthRow


def key(number):
    return number.to_bytes(20, "big")


def row(number, cover=((0, 5),), required=((1, 3),)):
    return HealthRow(key(number), cover, required)


def contents(book):
    """(slot, quantity) sets per key, as the columns hold them."""
    return {bucket.key(at): sorted(bucket.pairs(at)) for bucket in book.buckets() for at in range(bucket.size)}


def test_book_holds_a_row_with_its_sides_told_apart():
    book = PositionBook()
    book.upsert(row(1, cover=((0, 5), (4, 7)), required=((4, 3),)))

    # Twice the slot, plus one where it is owed.
    assert contents(book) == {key(1): [(0, 5.0), (8, 7.0), (9, 3.0)]}


def test_book_replaces_a_row_in_place_and_across_entry_counts():
    book = PositionBook()
    book.upsert(row(1))
    book.upsert(row(2))
    book.upsert(row(1, cover=((0, 6),)))
    book.upsert(row(2, cover=((0, 1), (2, 2))))

    assert contents(book) == {key(1): [(0, 6.0), (3, 3.0)], key(2): [(0, 1.0), (3, 3.0), (4, 2.0)]}
    assert len(book) == book.indebted == 2


def test_book_knows_a_position_without_debt_but_does_not_screen_it():
    book = PositionBook()
    book.upsert(row(1, required=()))
    book.upsert(row(2, required=((1, 0),)))

    assert (len(book), book.indebted, sorted(book.keys())) == (2, 0, [key(1), key(2)])
    assert contents(book) == {}


def test_book_leaves_entries_of_nothing_out():
    book = PositionBook()
    book.upsert(row(1, cover=((0, 0), (2, 9))))

    assert contents(book) == {key(1): [(3, 3.0), (4, 9.0)]}


def test_book_forgets_a_removed_position_and_keeps_the_one_moved_into_its_row():
    book = PositionBook()
    for number in (1, 2, 3):
        book.upsert(row(number, cover=((0, number),)))

    book.remove(key(1))

    assert key(1) not in book
    assert contents(book) == {key(n): [(0, float(n)), (3, 3.0)] for n in (2, 3)}
    book.upsert(row(3, cover=((0, 33),)))
    assert contents(book)[key(3)] == [(0, 33.0), (3, 3.0)]


def test_book_refuses_to_forget_what_it_never_knew():
    with pytest.raises(KeyError):
        PositionBook().remove(key(1))


@pytest.mark.parametrize(
    "bad", [row(1, cover=((MAX_SLOTS, 5),)), row(1, cover=((-1, 5),)), row(1, required=((0, -5),))]
)
def test_book_refuses_what_its_columns_cannot_hold(bad):
    book = PositionBook()
    with pytest.raises(StateError, match="factor slot"):
        book.upsert(bad)

    assert len(book) == 0


def test_book_refuses_keys_of_another_length():
    book = PositionBook()
    book.upsert(row(1))

    with pytest.raises(StateError, match="key of 52 bytes in a book of 20"):
        book.upsert(HealthRow(bytes(52), (), ((0, 1),)))


def test_book_counts_the_factor_slots_it_uses():
    book = PositionBook()
    assert book.slots_used == 0
    book.upsert(row(1, cover=((6, 5),)))
    assert book.slots_used == 7


entries = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**30)), max_size=3).map(tuple)


@given(st.lists(st.tuples(st.integers(0, 90), st.one_of(st.none(), st.tuples(entries, entries))), max_size=250))
def test_book_agrees_with_a_dict_after_any_sequence(steps):
    book, expected = PositionBook(), {}
    for number, sides in steps:
        if sides is not None:
            book.upsert(row(number, *sides))
            expected[key(number)] = sides
        elif key(number) in book:
            book.remove(key(number))
            del expected[key(number)]

    assert sorted(book.keys()) == sorted(expected)
    assert contents(book) == {
        name: sorted(
            [(2 * slot, float(quantity)) for slot, quantity in cover if quantity]
            + [(2 * slot + 1, float(quantity)) for slot, quantity in required if quantity]
        )
        for name, (cover, required) in expected.items()
        if any(quantity for _, quantity in required)
    }
