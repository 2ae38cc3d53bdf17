"""Make untrusted text harmless before anything shows it: token names, revert reasons, what a node answers.

A terminal obeys escape sequences and a reader trusts reading order; both are attacks a token's name can carry. Text is
cleaned once, where it enters; addresses are kept beside it and decide.
"""

import unicodedata
from typing import Final

SYMBOL_CHARS: Final = 32
LINE_CHARS: Final = 2_000
_MARK: Final = "?"


def symbol_text(raw: str | bytes) -> str:
    """Clean a token's name or symbol: printable ASCII, at most 32 characters, `?` for everything else.

    Bytes are read as UTF-8 with the padding of a bytes32 symbol removed. Compatibility forms are folded first, so
    that a full-width letter shows as its plain one; a letter that only looks like another shows as `?`.
    """
    # Cut before normalising: a hostile megabyte must cost nothing, and one character can unfold into eighteen.
    head = raw[: SYMBOL_CHARS * 4]
    text = head.rstrip(b"\0").decode("utf-8", errors="replace") if isinstance(head, bytes) else head
    folded = unicodedata.normalize("NFKC", text)
    kept = [char if " " <= char <= "~" else _MARK for char in folded if unicodedata.category(char) != "Mn"]
    clean = "".join(kept).strip()[:SYMBOL_CHARS]
    return clean or _MARK


def line_text(raw: str, limit: int = LINE_CHARS) -> str:
    """Clean one line for people: control, formatting, private and unassigned characters become visible escapes.

    Line breaks and tabs become spaces; longer than `limit` characters is cut and says how much was left out.
    """
    cut = raw[:limit]
    clean = "".join(_visible(char) for char in cut)
    return clean if len(raw) <= limit else f"{clean}… ({len(raw) - limit} more)"


def block_text(raw: str, limit: int = LINE_CHARS) -> str:
    """Clean text of several lines, each by itself, keeping the line breaks."""
    return "\n".join(line_text(line, limit) for line in raw.split("\n"))


def _visible(char: str) -> str:
    if char in "\n\r\t":
        return " "

    # C: control, format (bidirectional overrides, zero width), surrogate, private use, unassigned; Zl, Zp: line breaks.
    category = unicodedata.category(char)
    if category.startswith("C") or category in ("Zl", "Zp"):
        return f"\\u{{{ord(char):x}}}"

    return char
