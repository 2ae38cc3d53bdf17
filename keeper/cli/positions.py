"""`keeper positions`: every position that owes something, the nearest to liquidation first."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keeper.cli.labels import labels_for, tokens_in
from keeper.cli.options import config_option, example, load, output_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keeper.telemetry.table import Labels, Row

_SHOWN: Final = 40
_UNKNOWN: Final = ("unknown", "stopped")
"""States of rows without a health: of a position that cannot be decided, and of a whole deployment."""


@click.command(
    "positions", epilog=example("keeper positions --below 1.1", "keeper positions --json | jq -r .account | sort -u")
)
@config_option
@click.option("--below", metavar="HEALTH", help='Only positions with a health below this, such as "1.1".')
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=1), help=f"Show so many.  [default: {_SHOWN}; --json all]"
)
@output_options
def command(config_path: Path, *, below: str | None, limit: int | None, as_json: bool, debug: bool) -> None:
    """Show every position that owes something, the nearest to liquidation first.

    What cannot be told comes before them with its reason: a position without a health, a deployment that is stopped.
    Then what stands for sale without a position, such as auctions, with the block from which it pays.
    Needs a node, but no key and no executor. With --json one object per line, of one shape for all protocols; amounts
    are decimal text in base units.
    """
    import asyncio

    threshold_wad = _threshold(below)
    loaded = load(config_path, as_json=as_json, debug=debug)
    from keeper import app

    found = asyncio.run(app.positions(loaded.config, as_json=as_json))
    rows = [row for row in (each.row() for each in found) if threshold_wad is None or _is_below(row, threshold_wad)]
    if as_json:
        for row in rows[:limit]:
            click.echo(json.dumps(row))
        return

    shown = rows[: limit or _SHOWN]
    _show(shown, labels_for(loaded.config, tokens_in(shown)), hidden=len(rows) - len(shown))


def _threshold(below: str | None) -> int | None:
    if below is None:
        return None

    from keeper.config.values import parse_ratio

    try:
        return parse_ratio(below)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--below") from None


def _is_below(row: "Row", threshold_wad: int) -> bool:
    """Keep what is below, and what is unknown: it may be."""
    health = row["health_wad"]
    return row["state"] in _UNKNOWN if health is None else int(str(health)) < threshold_wad


def _show(rows: "Sequence[Row]", labels: "Labels", *, hidden: int) -> None:
    from keeper.telemetry.table import positions_table, print_tables

    print_tables((positions_table(rows, labels),), sys.stdout)
    more = f", the nearest {len(rows):,} shown (--limit)" if hidden else ""
    count = len(rows) + hidden
    click.echo(f"{count:,} {'position' if count == 1 else 'positions'}{more}")
