"""`keeper config`: what the configuration says, whether it holds together, and its schema for editors."""

import json
from pathlib import Path

import click

from keeper.cli.options import config_option, debug_option, example, json_option


@click.group("config")
def command() -> None:
    """Show how a configuration was understood, check it, and print its schema."""


@command.command("show", epilog=example("keeper config show --config keeper.toml > understood.toml"))
@config_option
@json_option
@debug_option
def show(config_path: Path, *, as_json: bool, debug: bool) -> None:
    """Show every setting, defaults included, and where each value came from: a line, a variable, a preset.

    The output is a configuration that says the same; endpoints are masked in it, because paths may carry keys.
    """
    del debug
    from keeper.config.load import load_config
    from keeper.config.show import as_toml, settings

    found = settings(load_config(config_path))
    if as_json:
        for setting in found:
            click.echo(json.dumps(setting.row()))
        return

    click.echo(as_toml(found), nl=False)


@command.command("check", epilog=example("keeper config check --config keeper.toml --live"))
@config_option
@click.option("--live", is_flag=True, help="Also ask for what a live run needs: keys and executor.")
@json_option
@debug_option
def check(config_path: Path, *, live: bool, as_json: bool, debug: bool) -> None:
    """Check a configuration without a node; exit 2 when it cannot be used.

    `keeper doctor` goes on from here: it asks the nodes, the executor and the feeds.
    """
    del debug
    from keeper.config.fingerprint import fingerprint
    from keeper.config.load import load_config, require_ready

    loaded = load_config(config_path)
    require_ready(loaded, live=live)
    config = loaded.config
    if as_json:
        answer = {
            "fingerprint": fingerprint(config),
            "warnings": list(loaded.warnings),
            "deployments": [deployment.name for deployment in config.deployments],
            "venues": [venue.name for venue in config.venues],
            "strategies": [strategy.name for strategy in config.strategies],
        }
        click.echo(json.dumps(answer))
        return

    for warning in loaded.warnings:
        click.echo(f"warning: {warning}")

    counts = f"{len(config.deployments)} deployments, {len(config.venues)} venues, {len(config.strategies)} strategies"
    click.echo(f"{config_path}: good; chain {config.chain.id}, {counts}; fingerprint {fingerprint(config)}")


@command.command("schema", epilog=example("keeper config schema > keeper.schema.json"))
@json_option
@debug_option
def schema(*, as_json: bool, debug: bool) -> None:
    """Print the JSON Schema of the configuration, for editors that check TOML while it is typed."""
    del as_json, debug  # it is JSON either way
    from keeper.config.show import schema as schema_of

    click.echo(json.dumps(schema_of(), indent=2))
