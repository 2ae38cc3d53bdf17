"""Small numbers in few bytes: how positions are packed, in memory and in the store."""

from collections.abc import Iterable, Iterator

from keeper.errors import DecodeError


def pack_ints(numbers: Iterable[int]) -> bytes:
    """Pack non-negative integers below 2**2040: one byte of length each, then the number without leading zeros."""
    pieces = []
    for number in numbers:
        size = (number.bit_length() + 7) // 8
        pieces.append(size.to_bytes(1, "big") + number.to_bytes(size, "big"))

    return b"".join(pieces)


def unpack_ints(data: bytes) -> Iterator[int]:
    """Take back what `pack_ints` gave; `DecodeError` where the last one is cut off."""
    at, end = 0, len(data)
    while at < end:
        stop = at + 1 + data[at]
        if stop > end:
            raise DecodeError("packed numbers are cut off", length=end)

        yield int.from_bytes(data[at + 1 : stop], "big")
        at = stop
