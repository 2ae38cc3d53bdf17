"""How the keeper logs: structlog, one line per event on standard error, for people at a terminal, JSON otherwise.

Every line passes the redactor and the sanitiser, whichever logger it came from; libraries' warnings take the same
way. What is worth logging is decided where it happens, not here.
"""

import io
import json
import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO, cast

import structlog

from keeper.telemetry.redact import Redactor
from keeper.telemetry.sanitise import block_text, line_text
from keeper.types import Address, to_checksum

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_COLOURS: Final = {"debug": "2", "info": "0", "warning": "33", "error": "31", "critical": "1;31"}
_EXACT_IN_DOUBLE: Final = 2**53
_EVENT_WIDTH: Final = 24
_VALUE_CHARS: Final = 20_000


def configure_logging(
    redactor: Redactor, *, as_json: bool | None = None, level: str = "info", stream: TextIO | None = None
) -> None:
    """Send every log of this process to `stream` (standard error), redacted and harmless.

    `as_json` None decides by the stream: lines for people at a terminal, JSON Lines otherwise.
    """
    # A text stream in all that is asked of one here: to write, to flush, to say whether it is a terminal.
    stream = cast("TextIO", _StandardError()) if stream is None else stream
    is_terminal = stream.isatty()
    as_json = not is_terminal if as_json is None else as_json
    first: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        _Cleaner(redactor),
        _render_json if as_json else _HumanRenderer(coloured=is_terminal),
    ]
    structlog.configure(
        processors=[*first, *last],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*first, _name_library], processors=[_drop_internals, *last]
        )
    )
    logging.basicConfig(level=max(_LEVELS[level], logging.WARNING), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


def readable(value: object) -> object:
    """Turn raw bytes into what people compare: an address in checksum form, anything else in hex."""
    match value:
        case bytes() if len(value) == 20:
            return to_checksum(Address(value))
        case bytes():
            return "0x" + value.hex()
        case Mapping():
            return {str(readable(key)): readable(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [readable(inner) for inner in value]
        case str() | int() | float() | None:
            return value
        case _:
            return str(value)


class _StandardError(io.TextIOBase):
    """Standard error as it is when something is written: while a progress bar is shown, lines go above it."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


class _Cleaner:
    """Makes every value readable, redacted and harmless, in that order: what `str` reveals is redacted too."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        cleaned = {}
        for name, value in event.items():
            redacted = self._redactor.value(name, readable(value))
            is_trace = name == "exception" and isinstance(redacted, str)
            cleaned[line_text(name, 100)] = block_text(str(redacted)) if is_trace else _harmless(redacted)

        return cleaned


def _harmless(value: object) -> object:
    match value:
        case str():
            return line_text(value, _VALUE_CHARS)
        case dict():
            return {line_text(str(key)): _harmless(inner) for key, inner in value.items()}
        case list():
            return [_harmless(inner) for inner in value]
        case _:
            return value


def _name_library(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Give a library's free text an event name of ours, so that the constant names stay constant."""
    record = event.get("_record")
    text = event["event"]
    return {**event, "event": "library_reported", "text": text, "logger": getattr(record, "name", "?")}


def _drop_internals(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in event.items() if name not in ("_record", "_from_structlog")}


# Renderers ----------------------------------------------------------------------------------------------------------


def _render_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    ordered = {name: event[name] for name in ("timestamp", "level", "event") if name in event}
    return json.dumps(_exact({**ordered, **event}), separators=(",", ":"))


def _exact(value: object) -> object:
    """Spell integers that a double cannot hold as decimal strings: most JSON readers would round them."""
    match value:
        case int() if abs(value) > _EXACT_IN_DOUBLE:
            return str(value)
        case dict():
            return {key: _exact(inner) for key, inner in value.items()}
        case list():
            return [_exact(inner) for inner in value]
        case _:
            return value


class _HumanRenderer:
    """One line per event: time of day, level where it matters, the event, its data as key=value."""

    def __init__(self, *, coloured: bool) -> None:
        self._coloured = coloured

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
        fields = dict(event)
        clock = str(fields.pop("timestamp", ""))[11:19]
        level = str(fields.pop("level", "info"))
        name = str(fields.pop("event", ""))
        trace = fields.pop("exception", None)
        label = "" if level == "info" else f"{level.upper()} "
        data = " ".join(f"{key}={_shown(value)}" for key, value in fields.items())
        head = f"{label}{name}"
        if self._coloured:
            data = " ".join(f"\x1b[2m{key}=\x1b[0m{_shown(value)}" for key, value in fields.items())
            padding = " " * max(0, _EVENT_WIDTH - len(head))
            line = f"\x1b[2m{clock}\x1b[0m \x1b[{_COLOURS.get(level, '0')}m{head}\x1b[0m{padding} {data}"
        else:
            line = f"{clock} {head:<{_EVENT_WIDTH}} {data}"

        return f"{line.rstrip()}\n{trace}" if trace else line.rstrip()


def _shown(value: object) -> str:
    match value:
        case bool() | None:
            return str(value).lower()
        case int() if abs(value) >= 1_000_000:
            return f"{value:_}"  # a tired person counts digits wrong
        case str():
            plain = value and " " not in value and '"' not in value
            return value if plain else '"' + value.replace('"', '\\"') + '"'
        case dict():
            return "{" + " ".join(f"{key}={_shown(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + " ".join(_shown(inner) for inner in value) + "]"
        case _:
            return str(value)
