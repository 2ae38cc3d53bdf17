"""`keeper report`: what was planned, sent and declined, and how it ended, read from the journal."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.cli.journals import dry_run_option, open_to_read
from keeper.cli.labels import labels_for, tokens_in
from keeper.cli.options import config_option, example, load, output_options

if TYPE_CHECKING:
    from keeper.telemetry.table import Labels, Row


@click.command(
    "report", epilog=example("keeper report --config keeper.toml", "keeper report --json | jq 'select(.tx_hash)'")
)
@config_option
@dry_run_option
@output_options
def command(config_path: Path, *, dry_run: bool, as_json: bool, debug: bool) -> None:
    """Show what was planned, sent and declined, and how it ended.

    Reads the journal, also while the keeper runs; the node is asked for symbols only. With --json one object per line;
    amounts are decimal text in base units.
    """
    from keeper.journal.queries import report_rows

    loaded = load(config_path, as_json=as_json, debug=debug)
    with open_to_read(loaded.config, dry_run=dry_run) as reader:
        if as_json:
            for row in report_rows(reader):
                click.echo(json.dumps(row))
        else:
            rows = list(report_rows(reader, with_numbers=True))
            _show(rows, labels_for(loaded.config, tokens_in(rows)))


def _show(rows: "Sequence[Row]", labels: "Labels") -> None:
    from keeper.telemetry.table import declined_table, outcomes_table, print_tables

    plans = [row for row in rows if row["status"] != "declined"]
    # The last word on each position: a person wants to know where it stands, `--json` has them all.
    declined = {(row["deployment"], row["position"]): row for row in rows if row["status"] == "declined"}
    print_tables((outcomes_table(plans, labels), declined_table(list(declined.values()))), sys.stdout)
    counts = Counter(str(row["status"]) for row in rows)
    click.echo(", ".join(f"{count:,} {status}" for status, count in counts.most_common()) or "nothing yet")
