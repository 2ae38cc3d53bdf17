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
    from keeper.journal.sqlite import connect_read_only

    loaded = load(config_path, as_json=as_json, debug=debug)
    connection = connect_read_only(_journal(loaded.config.run.journal, dry_run=dry_run))
    try:
        if as_json:
            for row in report_rows(connection):
                click.echo(json.dumps(row))
        else:
            rows = list(report_rows(connection, with_numbers=True))
            _show(rows, labels_for(loaded.config, tokens_in(rows)))
    finally:
        connection.close()


def _journal(configured: Path, *, dry_run: bool) -> Path:
    """Choose the live journal, or the dry run's where that is asked for or the only one there is."""
    from keeper.journal.store import journal_path

    live, dry = (journal_path(configured, live=mode) for mode in (True, False))
    if dry_run or (dry.exists() and not live.exists()):
        click.echo(f"keeper: this is the dry run's journal, {dry}", err=True)
        return dry

    return live


def _show(rows: "Sequence[Row]", labels: "Labels") -> None:
    from keeper.telemetry.table import declined_table, outcomes_table, print_tables

    plans = [row for row in rows if row["status"] != "declined"]
    # The last word on each position: a person wants to know where it stands, `--json` has them all.
    declined = {(row["deployment"], row["position"]): row for row in rows if row["status"] == "declined"}
    print_tables((outcomes_table(plans, labels), declined_table(list(declined.values()))), sys.stdout)
    counts = Counter(str(row["status"]) for row in rows)
    click.echo(", ".join(f"{count:,} {status}" for status, count in counts.most_common()) or "nothing yet")
