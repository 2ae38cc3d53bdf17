"""Where each key of a TOML file stands: the line index that error messages are made with.

The text has already passed `tomllib`, which knows the values but forgets the places; this walks it once more and
keeps only places. Nothing here judges a value.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Final, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and array indices from the root: `("strategy", 0, "min_profit")`."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_STRING: Final = re.compile(
    r'"""(?:\\.|(?!""")[^\\])*"{3,5}|'  # a multi-line string may end in up to two quotes of its own
    r"'''(?:(?!''').)*'{3,5}|"
    r'"(?:\\.|[^"\\\n])*"|'
    r"'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR: Final = re.compile(r"[^,\]}\n#]+")


def index_lines(text: str) -> Mapping[KeyPath, int]:
    """Map every table, key and array element of a valid TOML text to its line, counted from 1."""
    walker = _Walker(text)
    walker.document()
    return walker.lines


class _Walker:
    """A cursor over valid TOML; `lines` grows as it goes. On a text `tomllib` refuses it may index nonsense."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        self._arrays: dict[KeyPath, int] = {}  # arrays of tables, and the index of their last element

    def document(self) -> None:
        """Walk to the end."""
        table: KeyPath = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

            self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        found = match.group() if match else ""
        self._at += len(found)
        self._line += found.count("\n")
        return found

    def _eat(self, mark: str) -> bool:
        if not self._text.startswith(mark, self._at):
            return False

        self._at += len(mark)
        return True

    def _header(self) -> KeyPath:
        line = self._line
        is_array = self._eat("[[")
        if not is_array:
            self._eat("[")

        *parents, last = self._key()
        self._eat("]]" if is_array else "]")
        path: KeyPath = ()
        for part in parents:
            path = (*path, part)
            self.lines.setdefault(path, line)
            if path in self._arrays:
                path = (*path, self._arrays[path])

        path = (*path, last)
        self.lines.setdefault(path, line)
        if is_array:
            self._arrays[path] = self._arrays.get(path, -1) + 1
            path = (*path, self._arrays[path])
            self.lines[path] = line

        return path

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            quoted = self._skip(_STRING)
            parts.append(str(tomllib.loads(f"v = {quoted}")["v"]) if quoted else self._skip(_BARE_KEY))
            self._skip(_SPACE)
            if not self._eat("."):
                return parts

    def _pair(self, table: KeyPath) -> None:
        path = table
        for part in self._key():
            path = (*path, part)
            self.lines.setdefault(path, self._line)

        self._eat("=")
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self._eat("["):
            self._array(path)
        elif self._eat("{"):
            self._inline_table(path)
        elif not self._skip(_STRING) and not self._skip(_SCALAR):
            self._at += 1  # never stand still, whatever the text

    def _array(self, path: KeyPath) -> None:
        position = 0
        self._skip(_BLANK)
        while self._at < len(self._text) and not self._eat("]"):
            self.lines[*path, position] = self._line
            self._value((*path, position))
            position += 1
            self._skip(_BLANK)
            self._eat(",")
            self._skip(_BLANK)

    def _inline_table(self, path: KeyPath) -> None:
        self._skip(_BLANK)
        while self._at < len(self._text) and not self._eat("}"):
            self._pair(path)
            self._skip(_BLANK)
            self._eat(",")
            self._skip(_BLANK)
