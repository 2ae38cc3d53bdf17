"""The operator's switch: a small file that says pause, resume or kill, for every process that shares it.

The file is the word itself: written whole, read before anything is planned or signed, and never changed by the keeper.
A file that cannot be read as one of ours is a pause: whoever put something there wanted the keeper to stop.
"""

import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from keeper.errors import ConfigError
from keeper.private import make_private

_LARGEST: Final = 10_000
"""Bytes read of a switch file; a real one has some hundred."""
_REASON_CHARS: Final = 200


class Order(StrEnum):
    """What the operator wants."""

    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"


@dataclass(frozen=True, slots=True)
class Word:
    """An order, why, and until when it holds (unix s, None without end); `id` tells one word from another."""

    order: Order
    reason: str
    until: int | None
    id: str


class Switch:
    """One switch file; no file is no word."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Word | None:
        """Read the word that stands; anything unreadable is a pause without end."""
        try:
            stamp = self.path.stat().st_mtime_ns
            with self.path.open("rb") as file:
                text = file.read(_LARGEST)
        except FileNotFoundError:
            return None
        except OSError as error:
            return Word(Order.PAUSE, f"{self.path} cannot be read: {error.strerror}", None, "unreadable")

        return _parse(text, stamp)

    def write(self, order: Order, reason: str, *, at: int, until: int | None = None) -> None:
        """Put a word in place of whatever stood there, whole or not at all; `at` is now (unix ns)."""
        word = {"order": order.value, "reason": reason[:_REASON_CHARS], "until": until, "at": at}
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            make_private(beside)
            with beside.open("w", encoding="utf-8") as file:
                json.dump(word, file)
                file.flush()
                os.fsync(file.fileno())

            beside.replace(self.path)
        except OSError as error:
            raise ConfigError(
                f"cannot write {self.path}: {error.strerror}; name another place in [governor] switch_file"
            ) from None


def _parse(text: bytes, stamp: int) -> Word:
    try:
        found = json.loads(text)
        until = None if found["until"] is None else int(found["until"])
        return Word(Order(found["order"]), str(found["reason"]), until, str(found["at"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return Word(Order.PAUSE, "the switch file was put there by hand", None, f"by hand {stamp}")
