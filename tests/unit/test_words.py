"""Static ABI words: what is read and written by slices equals what an ABI library says, and short data is refused."""

import pytest
from eth_abi import encode as abi_encode

from keeper.errors import DecodeError
from keeper.protocols.words import address_at, addresses, encode, indexed_address, selector, signed, topic, word
from keeper.types import Address, Log

SOMEONE = Address(bytes(range(20)))


def test_selector_and_topic_are_the_hash_of_the_signature():
    assert selector("transfer(address,uint256)").hex() == "a9059cbb"
    assert topic("Transfer(address,address,uint256)").hex() == (
        "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    )


def test_encode_equals_the_abi_library():
    expected = abi_encode(["address", "uint256", "bool"], ["0x" + SOMEONE.hex(), 2**256 - 1, False])
    assert encode("f(address,uint256,bool)", SOMEONE, 2**256 - 1, 0) == selector("f(address,uint256,bool)") + expected


def test_words_are_read_by_their_place():
    data = abi_encode(["uint256", "address", "int256"], [7, "0x" + SOMEONE.hex(), -3])
    assert (word(data, 0), address_at(data, 1), signed(word(data, 2))) == (7, SOMEONE, -3)
    assert signed(3) == 3


def test_an_array_of_addresses_is_read_by_its_offset():
    data = abi_encode(["address[]"], [["0x" + SOMEONE.hex(), "0x" + "22" * 20]])
    assert addresses(data) == (SOMEONE, Address(b"\x22" * 20))
    assert addresses(abi_encode(["address[]"], [[]])) == ()


@pytest.mark.parametrize("data", [b"", bytes(31), abi_encode(["uint256"], [32]) + (2**200).to_bytes(32, "big")])
def test_data_that_ends_too_early_is_refused(data):
    with pytest.raises(DecodeError):
        addresses(data)


def test_a_number_is_no_address():
    with pytest.raises(DecodeError, match="no address"):
        address_at((1 << 160).to_bytes(32, "big"), 0)


@pytest.mark.parametrize("topics", [(), (bytes(32),), (bytes(32), bytes(20))])
def test_a_topic_that_is_not_there_is_refused(topics):
    with pytest.raises(DecodeError, match="has no topic 1"):
        indexed_address(Log(SOMEONE, topics, b"", 1, bytes(32), bytes(32), 0), 1)
