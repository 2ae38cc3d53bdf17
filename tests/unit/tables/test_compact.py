import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.errors import DecodeError
from keeper.tables.compact import pack_ints, unpack_ints


def test_numbers_take_a_byte_and_their_own():
    # 0 has no bytes of its own, 255 one, 256 two.
    assert pack_ints([0, 255, 256]) == b"\x00" + b"\x01\xff" + b"\x02\x01\x00"


@given(st.lists(st.integers(0, 2**256 - 1), max_size=20))
def test_numbers_come_back(numbers):
    assert list(unpack_ints(pack_ints(numbers))) == numbers


def test_numbers_cut_off_are_refused():
    with pytest.raises(DecodeError, match="cut off"):
        list(unpack_ints(b"\x02\x01"))
