"""`keeper margin`: which positions are near their end, what would bring it, and what would cure them."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keeper.cli.labels import labels_for, tokens_in
from keeper.cli.options import addresses, config_option, example, load, output_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keeper.app.margins import MarginView
    from keeper.margin.suppose import Supposition
    from keeper.telemetry.table import Labels
    from keeper.types import Address

_SHOWN: Final = 40


@click.command("margin", epilog=example("keeper margin", "keeper margin --watched --target 1.25"))
@config_option
@click.option("--account", "accounts", metavar="ADDRESS", multiple=True, callback=addresses, help="Only these; repeat.")
@click.option("--watched", is_flag=True, help="The accounts of `keeper watchlist`, however healthy.")
@click.option("--target", metavar="HEALTH", help="Where cures aim.  [default: the position's margin call]")
@click.option(
    "--if",
    "supposed",
    metavar="WHAT",
    multiple=True,
    help='Whom it would set off: "price:TOKEN=-20%", "time=+30d", "PARAMETER:TOKEN=VALUE"; repeat to combine.',
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), default=_SHOWN, show_default=True, help="So many.")
@output_options
def command(  # noqa: PLR0913  # one per option
    config_path: Path,
    *,
    accounts: "tuple[Address, ...]",
    watched: bool,
    target: str | None,
    supposed: tuple[str, ...],
    limit: int,
    as_json: bool,
    debug: bool,
) -> None:
    """Show positions in a margin call or worse: since when, what would make them fall, and what cures them.

    The cure is exact: the amount named reaches the target, one unit less does not. Prices are those at which each
    thing alone would make it fall. Needs a node, but no key, no executor and no strategy. With --if it shows whom a
    price, a parameter of governance or interest would set off.
    """
    import asyncio

    target_wad, suppositions = _target(target), tuple(_supposition(text) for text in supposed)
    loaded = load(config_path, as_json=as_json, debug=debug)
    from keeper import app
    from keeper.app.margins import Wanted

    wanted = Wanted(accounts, watched, target_wad, limit, suppositions)
    views, count = asyncio.run(app.margins(loaded.config, wanted, as_json=as_json))
    rows = [view.row() for view in views]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))

        return

    _show(views, labels_for(loaded.config, tokens_in(rows)), hidden=count - len(views))


def _target(text: str | None) -> int | None:
    if text is None:
        return None

    from keeper.config.values import parse_ratio

    try:
        target_wad = parse_ratio(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--target") from None

    if target_wad < 10**18:
        raise click.BadParameter('at least "1": below it a position can be liquidated', param_hint="--target")

    return target_wad


def _supposition(text: str) -> "Supposition":
    from keeper.margin.suppose import parse_supposition

    try:
        return parse_supposition(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--if") from None


def _show(views: "Sequence[MarginView]", labels: "Labels", *, hidden: int) -> None:
    from datetime import UTC, datetime

    from keeper.telemetry.margin import prospect_lines
    from keeper.telemetry.sanitise import line_text
    from keeper.telemetry.table import positions_table, print_tables

    if views:
        print_tables((positions_table([view.position.row() for view in views], labels),), sys.stdout)

    for view in views:
        name = (
            view.position.row()["account"]
            if view.label in (None, "")
            else f"{view.label} {view.position.row()['account']}"
        )
        click.echo(line_text(f"{name} on {view.position.deployment}: {view.position.state.value}"))
        if view.before is not view.position.state:
            click.echo(f"  now {view.before.value}")

        if view.since is not None:
            when = datetime.fromtimestamp(view.since.since, UTC)
            click.echo(f"  since block {view.since.since_block}, {when:%Y-%m-%d %H:%M} UTC")

        for line in prospect_lines(view.prospect.outlook, view.prospect.through_pools, labels):
            click.echo(line_text(f"  {line}"))

    count = len(views) + hidden
    more = f", the nearest {len(views):,} shown (--limit)" if hidden else ""
    click.echo(f"{count:,} {'position' if count == 1 else 'positions'}{more}")
