"""`keeper alerts`: try the channels before they are needed."""

import json
from pathlib import Path

import click

from keeper.cli.options import config_option, example, load, output_options


@click.group("alerts", epilog=example("keeper alerts test"))
def command() -> None:
    """Try the places alerts go to: each `[[channel]]`, and the heartbeat of `[alerts]`."""


@command.command("test", epilog=example("keeper alerts test"))
@click.option("--text", default="This is a test; nothing happened.", show_default=True, help="What to send.")
@config_option
@output_options
def test(text: str, config_path: Path, *, as_json: bool, debug: bool) -> int:
    """Send a test through every channel, and wait for it; ends with 2 where one did not take it."""
    import asyncio

    loaded = load(config_path, as_json=as_json, debug=debug)
    from keeper import app
    from keeper.errors import ConfigError
    from keeper.telemetry.sanitise import block_text

    found = asyncio.run(app.send_test(loaded.config, text))
    if not found:
        raise ConfigError("no [[channel]] and no heartbeat is configured\n  see docs/margin-calls.md for an example")

    for name, fault in found.items():
        row = {"channel": name, "ok": not fault, "why": fault or None}
        click.echo(json.dumps(row) if as_json else block_text(f"{name}: {fault or 'taken'}"))

    return 2 if any(found.values()) else 0
