"""`keeper report`: what was planned, sent and declined, and how it ended, read from the journal."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.cli.labels import labels_for, tokens_in
from keeper.cli.options import config_option, example, load, output_options

if TYPE_CHECKING:
    from keeper.config.model import KeeperConfig
    from keeper.journal.place import Place, Reader
    from keeper.telemetry.table import Labels, Row


@click.command(
    "report", epilog=example("keeper report --config keeper.toml", "keeper report --json | jq 'select(.tx_hash)'")
)
@config_option
@click.option("--dry-run", is_flag=True, help="Read the dry run's journal even where there is a live one.")
@output_options
def command(config_path: Path, *, dry_run: bool, as_json: bool, debug: bool) -> None:
    """Show what was planned, sent and declined, and how it ended.

    Reads the journal, also while the keeper runs; the node is asked for symbols only. With --json one object per line;
    amounts are decimal text in base units.
    """
    from keeper.journal.queries import report_rows

    loaded = load(config_path, as_json=as_json, debug=debug)
    with _reader(loaded.config, dry_run=dry_run) as reader:
        if as_json:
            for row in report_rows(reader):
                click.echo(json.dumps(row))
        else:
            rows = list(report_rows(reader, with_numbers=True))
            _show(rows, labels_for(loaded.config, tokens_in(rows)))


def _reader(config: "KeeperConfig", *, dry_run: bool) -> "Reader":
    """Choose the live journal, or the dry run's where that is asked for or the only one there is."""
    from keeper.config.derived import place_of
    from keeper.errors import JournalError
    from keeper.journal.place import open_reader

    place, chain_id = place_of(config), config.chain.id
    live = None if dry_run else _try_reader(place, chain_id)
    if live is not None:
        return live

    try:
        reader = open_reader(place, chain_id, live=False)
    except JournalError:
        if dry_run:
            raise

        return open_reader(place, chain_id, live=True)  # what is wrong with that one is what should be said

    click.echo(f"keeper: this is the dry run's journal, {reader.name}", err=True)
    return reader


def _try_reader(place: "Place", chain_id: int) -> "Reader | None":
    from keeper.errors import JournalError
    from keeper.journal.place import open_reader

    try:
        return open_reader(place, chain_id, live=True)
    except JournalError:
        return None


def _show(rows: "Sequence[Row]", labels: "Labels") -> None:
    from keeper.telemetry.table import declined_table, outcomes_table, print_tables

    plans = [row for row in rows if row["status"] != "declined"]
    # The last word on each position: a person wants to know where it stands, `--json` has them all.
    declined = {(row["deployment"], row["position"]): row for row in rows if row["status"] == "declined"}
    print_tables((outcomes_table(plans, labels), declined_table(list(declined.values()))), sys.stdout)
    counts = Counter(str(row["status"]) for row in rows)
    click.echo(", ".join(f"{count:,} {status}" for status, count in counts.most_common()) or "nothing yet")
