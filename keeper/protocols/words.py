"""Static ABI words without an ABI library: selectors, topics, arguments and answers of 32 bytes each.

Every answer an adapter reads per block is a row of words, which makes a hand-written decoder a slice. Dynamic types
are decoded where they occur.
"""

from functools import cache

from eth_utils.crypto import keccak

from keeper.errors import DecodeError
from keeper.types import Address, Log

WORD = 32


@cache
def selector(signature: str) -> bytes:
    """Return the first four bytes of a function's or error's signature hash."""
    return bytes(keccak(text=signature)[:4])


@cache
def topic(signature: str) -> bytes:
    """Return the hash that names an event in `topics[0]`."""
    return bytes(keccak(text=signature))


def encode(signature: str, *arguments: int | bytes) -> bytes:
    """Encode a call of static arguments; bytes are addresses and go right-aligned, ints are unsigned."""
    words = (a.rjust(WORD, b"\0") if isinstance(a, bytes) else a.to_bytes(WORD, "big") for a in arguments)
    return selector(signature) + b"".join(words)


def word(data: bytes, index: int) -> int:
    """Read one unsigned word; `DecodeError` where the data ends before it."""
    piece = data[WORD * index : WORD * (index + 1)]
    if len(piece) != WORD:
        raise DecodeError(f"expected word {index}, got {len(data)} bytes", data=data[:256].hex())

    return int.from_bytes(piece, "big")


def address_at(data: bytes, index: int) -> Address:
    """Read one word as an address; its upper twelve bytes must be zero."""
    value = word(data, index)
    if value >> 160:
        raise DecodeError(f"word {index} is no address: {value:#x}")

    return Address(value.to_bytes(20, "big"))


def signed(value: int) -> int:
    """Reinterpret an unsigned word as two's complement."""
    return value - (1 << 256) if value >> 255 else value


def addresses(data: bytes) -> tuple[Address, ...]:
    """Read an answer that is one dynamic array of addresses."""
    start = word(data, 0) // WORD
    length = word(data, start)
    if length > len(data) // WORD:
        raise DecodeError(f"an array of {length} addresses in {len(data)} bytes")

    return tuple(address_at(data, start + 1 + i) for i in range(length))


def indexed_address(log: Log, position: int) -> Address:
    """Read an indexed address argument of an event, counted from 1 as `topics` does."""
    if len(log.topics) <= position or len(log.topics[position]) != WORD:
        raise DecodeError(f"event of {log.address.hex()} has no topic {position}", block=log.block_number)

    return Address(log.topics[position][12:])
