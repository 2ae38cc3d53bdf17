"""Options that several verbs share, and what they turn into."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from keeper.config.load import Loaded
    from keeper.types import Address

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


def address(ctx: click.Context, param: click.Parameter, value: str | None) -> "Address | None":
    """Read an address option or argument; a wrong checksum is refused, by name."""
    if value is None:
        return None

    from keeper.types import parse_address

    try:
        return parse_address(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def addresses(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> "tuple[Address, ...]":
    """Read an address option that may be repeated."""
    return tuple(found for found in (address(ctx, param, each) for each in value) if found is not None)


def json_option(function: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output; logs are JSON too.")(
        function
    )


def debug_option(function: F) -> F:
    """Add `--debug`; the command line's end looks for it, a verb may log more."""
    return click.option("--debug", is_flag=True, help="Log more, and show where an error came from.")(function)


def output_options(function: F) -> F:
    """Add `--json` and `--debug`."""
    return json_option(debug_option(function))


def load(config_path: Path, *, as_json: bool, debug: bool) -> "Loaded":
    """Read the configuration and start logging; its warnings are the first lines."""
    import structlog

    from keeper.config.load import load_config

    loaded = load_config(config_path)
    start_logging(_secrets(loaded), as_json=as_json, debug=debug)
    log = structlog.get_logger()
    for warning in loaded.warnings:
        log.warning("config_doubted", text=warning)

    return loaded


def _secrets(loaded: "Loaded") -> "list[str]":
    from keeper.alerting.secrets import known_secrets

    config = loaded.config
    keys = [*config.lanes] if config.keys is None else [config.keys, *config.lanes]
    urls = (*config.chain.rpc, config.run.postgres, *(key.signer for key in keys))
    return [*(url.reveal() for url in urls if url is not None), *known_secrets(config)]


def start_logging(secrets: Iterable[str], *, as_json: bool, debug: bool) -> None:
    """Send every log to standard error, so that standard output carries the answer alone."""
    from keeper.telemetry.log import configure_logging
    from keeper.telemetry.redact import Redactor

    configure_logging(Redactor(secrets), as_json=True if as_json else None, level="debug" if debug else "info")
