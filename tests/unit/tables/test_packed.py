import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.tables.packed import MAX_LENGTH, PackedTable


def table():
    """Strings, packed as UTF-8."""
    return PackedTable(str.encode, bytes.decode)


def test_table_gives_back_what_was_put_and_nothing_else():
    names = table()
    names[b"aa"] = "one"
    names[b"bb"] = ""

    assert (names[b"aa"], names[b"bb"], len(names)) == ("one", "", 2)
    assert names.get(b"cc") is None
    assert b"aa" in names
    assert "aa" not in names
    with pytest.raises(KeyError):
        names[b"cc"]


def test_table_forgets_what_was_removed_and_says_so():
    names = table()
    names[b"aa"] = "one"
    del names[b"aa"]

    assert list(names) == []
    with pytest.raises(KeyError):
        del names[b"aa"]


def test_table_refuses_keys_of_another_length_and_values_too_long():
    names = table()
    names[b"aa"] = "one"

    with pytest.raises(ValueError, match="takes keys of 2"):
        names[b"aaa"] = "one"
    with pytest.raises(ValueError, match=f"values up to {MAX_LENGTH}"):
        names[b"aa"] = "x" * (MAX_LENGTH + 1)

    assert names[b"aa"] == "one"


@given(st.lists(st.tuples(st.integers(0, 12), st.one_of(st.none(), st.text(max_size=6))), max_size=200))
def test_table_agrees_with_a_dict_after_any_sequence(steps):
    names, expected = table(), {}
    for number, text in steps:
        key = bytes([number, 0])
        if text is None:
            assert names.pop(key, "none") == expected.pop(key, "none")
        else:
            names[key] = expected[key] = text

    assert dict(names) == expected
    assert len(names) == len(expected)
