"""From what is wrong with a configuration to sentences a person can act on: place, fault, likely meaning.

A value is repeated only where it cannot be a secret. What pydantic
found is translated by `translate.py`; reading the file is `load.py`.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from keeper.config.lines import KeyPath
from keeper.errors import ConfigError

_SHOWN_PROBLEMS: Final = 12
PLAUSIBLE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
"""Text short and plain enough to be a name: anything else may be a secret."""
_LISTS: Final = ("deployment", "venue", "lender", "strategy")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: the key path, the fault, and what to do about it."""

    path: KeyPath
    fault: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """Where values came from: the file's line index, the environment's overrides, and the presets that were named."""

    file: str
    lines: Mapping[KeyPath, int]
    variables: Mapping[KeyPath, str]
    presets: Mapping[KeyPath, str] = field(default_factory=dict)
    """The preset that gave a key, by the key's path."""

    def of(self, path: KeyPath) -> str:
        """Name the place of a key, or of the nearest table around it: `keeper.toml:12`, a variable, or a preset."""
        for end in range(len(path), 0, -1):
            prefix = path[:end]
            if prefix in self.presets:
                return f'preset "{self.presets[prefix]}", {self.of((*prefix[:-1], "preset"))}'

            if prefix in self.variables:
                return f"environment variable {self.variables[prefix]}"

            if prefix in self.lines:
                return f"{self.file}:{self.lines[prefix]}"

        # A table that only the environment speaks of.
        beneath = [name for set_path, name in self.variables.items() if path and set_path[: len(path)] == path]
        return f"environment variable {beneath[0]}" if beneath else self.file

    def order(self, path: KeyPath) -> int:
        """Sort by the line of a key or of the nearest table around it; what the file does not hold comes first."""
        return next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), 0)


def dotted(path: KeyPath) -> str:
    """Render a key path as people write it: `[chain] rpc`, `[[strategy]] #2 min_profit`, counted from 1."""
    if not path:
        return "the file"

    if len(path) == 1:
        return f"[[{path[0]}]]" if path[0] in _LISTS else f"[{_key(path[0])}]"

    table, rest = f"[{_key(path[0])}]", path[1:]
    if isinstance(rest[0], int):
        table, rest = f"[[{_key(path[0])}]] #{rest[0] + 1}", rest[1:]

    words = ""
    for part in rest:
        words += f" #{part + 1}" if isinstance(part, int) else (f".{_key(part)}" if words else f" {_key(part)}")

    return table + words


def _key(part: str | int) -> str:
    """Show a key that could be one; text that ended up in a key's place may be anything, a secret too."""
    return str(part) if PLAUSIBLE_KEY.fullmatch(str(part)) else '"..."'


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the closest known word, or list them all."""
    choices = sorted(known)
    lowered = {choice.lower(): choice for choice in choices}  # token names are told by their letters, not their case
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{lowered[close[0]]}"?'

    return "known: " + ", ".join(choices) if choices else ""


def raise_problems(problems: Sequence[Problem], places: Places) -> None:
    """Raise one `ConfigError` that lists the problems, the first dozen in file order; return when there are none."""
    if not problems:
        return

    texts = []
    for problem in sorted(problems, key=lambda problem: places.order(problem.path))[:_SHOWN_PROBLEMS]:
        text = f"{places.of(problem.path)}: {dotted(problem.path)}: {problem.fault}"
        texts.append(f"{text}\n  {problem.hint}" if problem.hint else text)

    if len(problems) > _SHOWN_PROBLEMS:
        texts.append(f"... and {len(problems) - _SHOWN_PROBLEMS} more")

    raise ConfigError("\n".join(texts), file=places.file, problems=tuple(problems))
