"""Options that several verbs share, and what they turn into."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from keeper.config.load import Loaded

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_CONFIG: Final = "keeper.toml"


def example(*lines: str) -> str:
    """Lay out a help text's example so that click keeps its lines (a lone backspace character tells it to)."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def config_option(function: F) -> F:
    """Add `--config FILE`; the environment may name it, `keeper.toml` in this folder is the default."""
    return click.option(
        "--config",
        "config_path",
        metavar="FILE",
        type=click.Path(path_type=Path),
        envvar="KEEPER_CONFIG",
        default=DEFAULT_CONFIG,
        help="The configuration.  [default: $KEEPER_CONFIG, or keeper.toml in this folder]",
    )(function)


def output_options(function: F) -> F:
    """Add `--json` and `--debug`."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output; logs are JSON too.")
    debug = click.option("--debug", is_flag=True, help="Log more, and show where an error came from.")
    return as_json(debug(function))


def load(config_path: Path, *, as_json: bool, debug: bool) -> "Loaded":
    """Read the configuration and start logging; its warnings are the first lines."""
    import structlog

    from keeper.config.load import load_config
    from keeper.telemetry.log import configure_logging
    from keeper.telemetry.redact import Redactor

    loaded = load_config(config_path)
    redactor = Redactor(url.reveal() for url in loaded.config.chain.rpc)
    configure_logging(redactor, as_json=True if as_json else None, level="debug" if debug else "info")
    log = structlog.get_logger()
    for warning in loaded.warnings:
        log.warning("config_doubted", text=warning)

    return loaded
