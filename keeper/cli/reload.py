"""`keeper reload`: have the keeper that runs with a configuration read it anew."""

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.cli.options import config_option, example, load, output_options

if TYPE_CHECKING:
    from keeper.config.model import KeeperConfig


@click.command("reload", epilog=example("keeper reload --config keeper.toml", "keeper config check && keeper reload"))
@config_option
@output_options
def command(config_path: Path, *, as_json: bool, debug: bool) -> None:
    """Have a running keeper take up its configuration anew: limits and strategies, between two blocks.

    The file is checked here first. Settings that only a restart can change are refused as a whole, by name, in the
    keeper's log; SIGHUP does the same as this verb.
    """
    config = load(config_path, as_json=as_json, debug=debug).config
    process = _running(config)
    try:
        os.kill(process, signal.SIGHUP)
    except (ProcessLookupError, PermissionError) as error:
        from keeper.errors import JournalError

        raise JournalError(f"process {process} cannot be signalled: {error.strerror}") from None

    if as_json:
        click.echo(json.dumps({"process": process}))
    else:
        click.echo(f"process {process} takes it up after the block at hand; its log says what changed, or why not")


def _running(config: "KeeperConfig") -> int:
    """Find the keeper by the lock on its journal, the live one first."""
    from keeper.errors import ConfigError, JournalError
    from keeper.journal.lock import holder_of
    from keeper.journal.place import journal_path

    if config.run.postgres is not None:
        raise ConfigError("a journal in PostgreSQL does not say which process writes it: send that one SIGHUP")

    for live in (True, False):
        process = holder_of(journal_path(config.run.journal, live=live))
        if process is not None:
            return process

    raise JournalError("no keeper runs with this configuration's journal")
