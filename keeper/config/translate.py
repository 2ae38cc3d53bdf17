"""From pydantic's findings to problems in the words of the TOML file, and the model walked by key path for it.

Each kind of finding has one function; a kind that is not listed keeps pydantic's own sentence.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ValidationError

from keeper.config.lines import KeyPath
from keeper.config.problems import Problem, did_you_mean

_SECRET_KEY: Final = re.compile(r"pass(word|phrase|wd)?$|private|secret|mnemonic|seed|token|api_?key", re.IGNORECASE)
_EMPTY: Final = "must not be empty"
_MISSING: Final = "missing"
_TAG_KEYS: Final = ("kind", "adapter")
_RANGE: Final = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_WANTED: Final = {
    "int_type": "a whole number without quotes",
    "bool_type": "true or false, without quotes",
    "string_type": "text between quotes",
    "path_type": "a path between quotes",
    "tuple_type": "a list in square brackets",
    "string_pattern_mismatch": "letters, digits, '.', '_' and '-' only, at most 64, starting with a letter or digit",
}


@dataclass(frozen=True, slots=True)
class _Finding:
    """One thing pydantic found: its kind, the cleaned path, the table that should hold the key, and its context."""

    kind: str
    path: KeyPath
    table: type[BaseModel] | None
    input: object
    message: str
    context: Mapping[str, object]

    @property
    def description(self) -> str:
        """What the model says about the key; empty for a key it does not know."""
        key = next((part for part in reversed(self.path) if isinstance(part, str)), "")
        for name, field in self.table.model_fields.items() if self.table is not None else ():
            if key in (name, field.alias) and field.description:
                return f"{key}: {field.description}"

        return ""


def problems_of(error: ValidationError, root: type[BaseModel]) -> tuple[Problem, ...]:
    """Translate everything pydantic found, in its order; a table of unknown adapter or kind is reported once."""
    found = []
    for details in error.errors(include_url=False):
        table, path = _locate(root, details["loc"])
        finding = _Finding(details["type"], path, table, details.get("input"), details["msg"], details.get("ctx", {}))
        found.append(_TRANSLATIONS.get(finding.kind, _other)(finding))

    return tuple(problem for problem in found if not _is_echo(problem, found))


def _is_echo(problem: Problem, others: Iterable[Problem]) -> bool:
    """Tell whether a problem only repeats another one, so that one mistake gives one message."""
    table, last = problem.path[:-1], problem.path[-1:]
    for other in others:
        beneath = len(other.path) > len(problem.path) and other.path[: len(problem.path)] == problem.path
        if problem.fault == _EMPTY and beneath:
            return True  # pydantic counts refused elements as absent

        if other.path[:-1] != table or other is problem:
            continue

        is_tag = other.path[-1:] and other.path[-1] in _TAG_KEYS
        if is_tag and other.fault != _MISSING and last[0] not in _TAG_KEYS:
            return True  # the other keys cannot be judged while the adapter or kind is unknown

        if problem.fault.endswith(_MISSING) and other.hint == f'did you mean "{last[0]}"?':
            return True  # misspelt, not missing

    return False


# One function per kind of finding ----------------------------------------------------------------------------------


def _unknown_key(finding: _Finding) -> Problem:
    key = str(finding.path[-1])
    if _SECRET_KEY.search(key):
        return Problem(
            finding.path,
            "a secret does not belong in the configuration",
            "put it in a file only you can read, name that file with passphrase_file or keystore, "
            "and treat what was written here as compromised",
        )

    known = keys_of(finding.table) if finding.table is not None else ()
    return Problem(finding.path, "unknown key" if len(finding.path) > 1 else "unknown table", did_you_mean(key, known))


def _missing(finding: _Finding) -> Problem:
    fault = _MISSING if len(finding.path) > 1 else f"the table is {_MISSING}"
    return Problem(finding.path, fault, finding.description)


def _unknown_word(finding: _Finding) -> Problem:
    known = re.findall(r"'([^']*)'", str(finding.context["expected"]))
    key = next((part for part in reversed(finding.path) if isinstance(part, str)), "word")
    if not isinstance(finding.input, str):
        return Problem(finding.path, f"expected one of: {', '.join(known)}", finding.description)

    return Problem(finding.path, f'unknown {key} "{finding.input}"', did_you_mean(finding.input, known))


def _unknown_tag(finding: _Finding) -> Problem:
    key, known = _discriminator(finding), re.findall(r"'([^']*)'", str(finding.context["expected_tags"]))
    tag = str(finding.context["tag"])
    return Problem((*finding.path, key), f'unknown {key} "{tag}"', did_you_mean(tag, known))


def _no_tag(finding: _Finding) -> Problem:
    key = _discriminator(finding)
    if isinstance(finding.path[-1], int):
        return Problem((*finding.path, key), _MISSING, f'say which one it is: {key} = "..."')

    return Problem((*finding.path, key), _MISSING, f'say which form it has: {finding.path[-1]} = {{ {key} = "..." }}')


def _discriminator(finding: _Finding) -> str:
    """Return the key that tells the forms of a table apart."""
    return str(finding.context["discriminator"]).strip("'")


def _not_a_table(finding: _Finding) -> Problem:
    if len(finding.path) == 1:
        return Problem(finding.path, "expected a table", f"write [{finding.path[0]}] on a line of its own, once")

    return Problem(finding.path, "expected a table", finding.description)


def _empty(finding: _Finding) -> Problem:
    return Problem(finding.path, _EMPTY, finding.description)


def _refused_value(finding: _Finding) -> Problem:
    return Problem(finding.path, str(finding.context["error"]))


def _out_of_range(finding: _Finding) -> Problem:
    words, bound = _RANGE[finding.kind]
    found = f", found {finding.input}" if isinstance(finding.input, int) else ""
    return Problem(finding.path, f"must be {words} {finding.context[bound]}{found}", finding.description)


def _wrong_type(finding: _Finding) -> Problem:
    if finding.kind == "tuple_type" and len(finding.path) == 1:
        return Problem(
            finding.path, "expected a list of tables", f"write [[{finding.path[0]}]], two brackets on each side"
        )

    return Problem(finding.path, f"expected {_WANTED[finding.kind]}", finding.description)


def _other(finding: _Finding) -> Problem:
    return Problem(finding.path, finding.message, finding.description)


_TRANSLATIONS: Final[Mapping[str, Callable[[_Finding], Problem]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "literal_error": _unknown_word,
    "union_tag_invalid": _unknown_tag,
    "union_tag_not_found": _no_tag,
    "model_type": _not_a_table,
    "model_attributes_type": _not_a_table,
    "too_short": _empty,
    "value_error": _refused_value,
    **dict.fromkeys(_RANGE, _out_of_range),
    **dict.fromkeys(_WANTED, _wrong_type),
}


# The model, walked by path -----------------------------------------------------------------------------------------


def keys_of(table: type[BaseModel]) -> tuple[str, ...]:
    """List the keys a table may hold, as written in TOML."""
    return tuple(field.alias or name for name, field in table.model_fields.items())


def tables_in(annotation: object) -> Iterable[type[BaseModel]]:
    """Yield every table inside an annotation: the members of unions, the elements of tuples."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation

    for argument in getattr(annotation, "__args__", ()):
        yield from tables_in(argument)


def _locate(root: type[BaseModel], loc: KeyPath) -> tuple[type[BaseModel] | None, KeyPath]:
    """Find the table that holds the last key of a path, and the path without pydantic's own union tags."""
    tables: list[type[BaseModel]] = [root]
    holder: type[BaseModel] | None = root
    path: KeyPath = ()
    for part in loc:
        tagged = [table for table in tables if part in _tags(table)] if len(tables) > 1 else []
        if tagged:
            tables = tagged
            continue

        path = (*path, part)
        if isinstance(part, int):
            continue

        holder = tables[0] if tables else None
        fields = [
            field for table in tables for name, field in table.model_fields.items() if part in (field.alias, name)
        ]
        tables = [table for field in fields for table in tables_in(field.annotation)]

    return holder, path


def _tags(table: type[BaseModel]) -> tuple[object, ...]:
    fields = [table.model_fields[key] for key in _TAG_KEYS if key in table.model_fields]
    return tuple(tag for field in fields for tag in getattr(field.annotation, "__args__", ()))
