"""Contract calls as bytes: selectors, words, and the dynamic shapes the probe speaks. Nothing knows a protocol."""

from collections.abc import Iterator, Sequence
from functools import cache

from eth_utils.crypto import keccak

WORD = 32


@cache
def selector(signature: str) -> bytes:
    """Return the first four bytes of the signature's hash."""
    return keccak(text=signature)[:4]


@cache
def topic(signature: str) -> str:
    """Return the event's first topic, as the node writes it."""
    return "0x" + keccak(text=signature).hex()


def word(value: int | str) -> bytes:
    """Pad an unsigned integer or a hex address to 32 bytes."""
    return (int(value, 16) if isinstance(value, str) else value).to_bytes(WORD, "big")


def encode(signature: str, *values: int | str) -> bytes:
    """Encode a call whose arguments all have a fixed size, one word each."""
    return selector(signature) + b"".join(map(word, values))


def pack(*items: int | str | bytes) -> bytes:
    """Encode a tuple: a number or an address is one word in place, bytes are something dynamic, encoded already."""
    heads, tails, offset = [], [], WORD * len(items)

    for item in items:
        if isinstance(item, bytes):
            heads.append(word(offset))
            tails.append(item)
            offset += len(item)
        else:
            heads.append(word(item))

    return b"".join([*heads, *tails])


def blob(data: bytes) -> bytes:
    """Encode bytes."""
    return word(len(data)) + data + bytes(-len(data) % WORD)


def array(items: Sequence[bytes]) -> bytes:
    """Encode an array of something dynamic, each encoded already."""
    return word(len(items)) + pack(*items)


def encode_questions(questions: list[tuple[str, bytes]]) -> bytes:
    """Encode an array of (address, bytes) as the only argument."""
    return pack(array([pack(to, blob(data)) for to, data in questions]))


def decode_answers(data: bytes) -> Iterator[bytes | None]:
    """Yield the answers of (bool[], bytes[]), None where the contract reverted."""
    kept_at, answers_at = as_int(data, 0), as_int(data, 1)
    base = answers_at + WORD

    for i in range(int.from_bytes(data[answers_at:base], "big")):
        kept = data[kept_at + WORD * (i + 2) - 1]
        start = base + int.from_bytes(data[base + WORD * i : base + WORD * (i + 1)], "big")
        size = int.from_bytes(data[start : start + WORD], "big")
        yield data[start + WORD : start + WORD + size] if kept else None


def as_int(data: bytes, index: int = 0) -> int:
    """Return the word at an index, unsigned."""
    return int.from_bytes(data[WORD * index : WORD * (index + 1)], "big")


def as_address(data: bytes, index: int = 0) -> str:
    """Return the word at an index as a lower-case hex address."""
    return "0x" + data[WORD * index + 12 : WORD * (index + 1)].hex()


def as_signed(data: bytes, index: int = 0) -> int:
    """Return the word at an index, signed."""
    return int.from_bytes(data[WORD * index : WORD * (index + 1)], "big", signed=True)


def as_list(data: bytes) -> list[int]:
    """Return a lone dynamic array of one-word values."""
    start = as_int(data) // WORD
    return [as_int(data, start + 1 + i) for i in range(as_int(data, start))]
