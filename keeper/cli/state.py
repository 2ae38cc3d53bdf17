"""`keeper state`: carry what was read of the chain from one keeper to another."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.cli.options import config_option, example, load, output_options

if TYPE_CHECKING:
    from keeper.app.statefile import Carried

_FILE = click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))


@click.group("state", epilog=example("keeper state export state.gz", "keeper state import state.gz"))
def command() -> None:
    """Carry what was read of the chain to another keeper, which then need not read all logs itself."""


@command.command(
    "export", short_help="Write what the newest run has saved.", epilog=example("keeper state export state.gz")
)
@_FILE
@config_option
@output_options
def export(path: Path, config_path: Path, *, as_json: bool, debug: bool) -> None:
    """Write what the newest run has saved of deployments and venues to FILE; also while it runs.

    The file holds what anybody can read on the chain, and no secret.
    """
    config = load(config_path, as_json=as_json, debug=debug).config
    from keeper.app.statefile import export_state

    _tell(export_state(config, path), as_json=as_json)


@command.command("import", short_help="Take up such a file.", epilog=example("keeper state import state.gz"))
@_FILE
@click.option("--live", is_flag=True, help="For the live run's journal; the dry run's otherwise.")
@config_option
@output_options
def import_(path: Path, config_path: Path, *, live: bool, as_json: bool, debug: bool) -> None:
    """Take up FILE in a journal whose keeper is not running, and hold a random sample of it against the chain.

    It is brought to the newest block first. If one position differs, nothing of the file is kept.
    """
    import asyncio

    config = load(config_path, as_json=as_json, debug=debug).config
    from keeper.app.statefile import import_state

    _tell(asyncio.run(import_state(config, path, live=live, as_json=as_json)), as_json=as_json)


def _tell(carried: "Sequence[Carried]", *, as_json: bool) -> None:
    for each in carried:
        facts = {"source": each.source, "block": each.block, "rows": each.rows}
        click.echo(json.dumps(facts) if as_json else f"{each.source}: {each.rows:,} rows, true at block {each.block:,}")
