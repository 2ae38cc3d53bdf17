"""Reverts that every contract speaks alike: the text of a `require`, and Solidity's panics."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from keeper.protocols.words import WORD, selector, word

_ERROR_STRING: Final = selector("Error(string)")
_PANIC: Final = selector("Panic(uint256)")
_NO_MEANINGS: Final = MappingProxyType[str, str]({})

PANICS: Final = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x21: "value outside its enum",
    0x32: "index out of bounds",
    0x41: "out of memory",
}
"""Solidity's own errors, in its documentation's words."""


def reason_of(revert: bytes) -> str | None:
    """Read the text of a revert, None where it has none. What pads it is not looked at: some leave it dirty."""
    if revert[:4] != _ERROR_STRING or len(revert) < 4 + 2 * WORD:
        return None

    length = word(revert[4:], 1)
    return revert[4 + 2 * WORD :][:length].decode("utf-8", errors="replace")


def explain(revert: bytes, meanings: Mapping[str, str] = _NO_MEANINGS) -> str:
    """Name a revert that is a text, with its meaning where there is one, or a panic; hex for any other."""
    text = reason_of(revert)
    if text is not None:
        return f"{text} ({meanings[text]})" if text in meanings else text

    if revert[:4] == _PANIC and len(revert) == 4 + WORD:
        code = word(revert[4:], 0)
        return f"Panic({code:#04x}): {PANICS.get(code, 'unknown code')}"

    return "0x" + revert.hex() if revert else "reverted without a reason"
