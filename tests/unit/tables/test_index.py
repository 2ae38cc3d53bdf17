import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.tables.index import KeyIndex


class Columns:
    """Keys by place, as the columns would hold them."""

    def __init__(self):
        self.keys = {}
        self.index = KeyIndex(lambda place: self.keys[place])

    def put(self, key, place):
        self.keys[place] = key
        self.index.put(key, place)


def test_index_finds_what_was_put_and_nothing_else():
    columns = Columns()
    columns.put(b"a", 7)

    assert columns.index.find(b"a") == 7
    assert columns.index.find(b"b") is None
    assert len(columns.index) == 1


def test_index_moves_a_key_that_is_put_again():
    columns = Columns()
    columns.put(b"a", 7)
    columns.put(b"a", 8)

    assert columns.index.find(b"a") == 8
    assert len(columns.index) == 1


def test_index_forgets_what_was_removed_and_says_so():
    columns = Columns()
    columns.put(b"a", 7)
    columns.index.remove(b"a")

    assert columns.index.find(b"a") is None
    with pytest.raises(KeyError):
        columns.index.remove(b"a")


def test_index_grows_past_its_first_size():
    columns = Columns()
    for place in range(1_000):
        columns.put(place.to_bytes(4, "big"), place)

    assert [columns.index.find(place.to_bytes(4, "big")) for place in range(1_000)] == list(range(1_000))


class SameHash(bytes):
    """A key that collides with every other one."""

    def __hash__(self):
        return 3


def test_index_tells_keys_of_one_hash_apart_across_a_removal():
    columns = Columns()
    keys = [SameHash([n]) for n in range(5)]
    for place, key in enumerate(keys):
        columns.put(key, place)

    columns.index.remove(keys[1])

    assert [columns.index.find(key) for key in keys] == [0, None, 2, 3, 4]


@given(st.lists(st.tuples(st.sampled_from(["put", "remove"]), st.integers(0, 40)), max_size=300))
def test_index_agrees_with_a_dict_after_any_sequence(steps):
    columns, expected = Columns(), {}
    for place, (what, number) in enumerate(steps):
        key = bytes([number])
        if what == "put":
            columns.put(key, place)
            expected[key] = place
        elif key in expected:
            columns.index.remove(key)
            del expected[key]

    assert {key: columns.index.find(key) for key in map(bytes, ([n] for n in range(41)))} == {
        bytes([n]): expected.get(bytes([n])) for n in range(41)
    }
    assert len(columns.index) == len(expected)
