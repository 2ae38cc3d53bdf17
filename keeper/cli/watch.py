"""`keeper watch`: the live terminal dashboard beside a running keeper."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.cli.options import config_option, example, load, output_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keeper.config.model import KeeperConfig
    from keeper.telemetry.table import Labels
    from keeper.types import Address
    from keeper.watching.glance import Glance


@click.command("watch", epilog=example("keeper watch", "keeper watch --json | jq .line"))
@config_option
@output_options
def command(config_path: Path, *, as_json: bool, debug: bool) -> None:
    """Watch a keeper at work: blocks, margin calls, plans, why not, what is in flight, money, limits, nodes.

    Reads the journal of the run that began last, live or dry, and takes no orders; q ends it. With --json one look,
    as one object.
    """
    config = load(config_path, as_json=as_json, debug=debug).config
    if as_json:
        seen = _look(config)
        click.echo(json.dumps({"line": seen.line, **seen.facts()}))
        return

    _draw(config)


def _draw(config: "KeeperConfig") -> None:
    from keeper.errors import ConfigError

    try:
        from keeper.watching.dashboard import Dashboard, Sources
    except ImportError as missing:
        raise ConfigError(f"the dashboard needs {missing.name}: pip install 'keeper[watch]'") from None

    async def label(tokens: "frozenset[Address]") -> "Labels":
        import asyncio

        from keeper.cli.labels import labels_for

        return await asyncio.to_thread(labels_for, config, tokens)

    async def nodes() -> "Mapping[str, tuple[bool, int]]":
        from keeper.watching.page import read_endpoints

        return await read_endpoints(f"http://{config.monitor.listen}" if config.monitor is not None else "")

    Dashboard(Sources(lambda: _look(config), label, None if config.monitor is None else nodes)).run()


def _look(config: "KeeperConfig") -> "Glance":
    from keeper.config.derived import place_of
    from keeper.watching.glance import glance

    return glance(place_of(config), config.chain.id)
