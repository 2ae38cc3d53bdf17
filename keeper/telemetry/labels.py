"""What tokens call themselves, read from the chain for people's eyes alone; no decision is made with it."""

from collections.abc import Sequence
from typing import Final

from keeper.protocols.reads import Reads, ask
from keeper.telemetry.sanitise import symbol_text
from keeper.telemetry.table import Labels, TokenLabel
from keeper.types import Address, Call, Returned, to_checksum

SYMBOL: Final = bytes.fromhex("95d89b41")  # symbol()
DECIMALS: Final = bytes.fromhex("313ce567")  # decimals()
_MOST_DECIMALS: Final = 77
"""10**77 is the largest power of ten in a word; more is not a token's scale."""


def read_labels(tokens: Sequence[Address]) -> Reads[Labels]:
    """Ask tokens for symbol and decimals; one that does not say, or says nonsense, is left out."""
    answers = yield from ask(*(Call(token, selector) for token in tokens for selector in (SYMBOL, DECIMALS)))
    found: dict[str, TokenLabel] = {}
    for token, symbol, decimals in zip(tokens, answers[::2], answers[1::2], strict=True):
        name, scale = _symbol(symbol), _decimals(decimals)
        if name is not None:
            found[to_checksum(token)] = TokenLabel(name, scale)

    return found


def _symbol(answer: Returned) -> str | None:
    """Read a string, or the bytes32 that older tokens answer with."""
    data = answer.data
    if not answer.ok or len(data) < 32:
        return None

    if len(data) == 32:
        return symbol_text(data)

    offset = int.from_bytes(data[:32])
    length = int.from_bytes(data[offset : offset + 32]) if offset + 32 <= len(data) else 0
    return symbol_text(data[offset + 32 : offset + 32 + length])


def _decimals(answer: Returned) -> int | None:
    if not answer.ok or len(answer.data) != 32:
        return None

    decimals = int.from_bytes(answer.data)
    return decimals if decimals <= _MOST_DECIMALS else None
