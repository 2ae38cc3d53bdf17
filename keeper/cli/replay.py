"""`keeper replay`: run a flight record again, without a node, and compare every decision."""

import dataclasses
import json
from pathlib import Path
from typing import Final

import click

from keeper.cli.options import example, output_options, start_logging

DIFFERS: Final = 1


@click.command("replay", epilog=example("keeper replay passes.rec"))
@click.argument("record", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@output_options
def command(record: Path, *, as_json: bool, debug: bool) -> int:
    """Run the passes in RECORD again, without a node, and compare every decision with what was decided then.

    `[run] recording` names the file a run writes. Ends with 0 where everything was decided the same, with 1 where not.
    """
    import asyncio

    start_logging((), as_json=as_json, debug=debug)
    from keeper import app

    found = asyncio.run(app.replay(record))
    same = not found.differing
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(found), "same": same}))
    elif same:
        click.echo(
            f"the same in all {found.passes:,} passes of {found.runs:,} runs: "
            f"{found.plans:,} plans, {found.declines:,} declines"
        )
    else:
        blocks = ", ".join(str(block) for block in found.differing[:10])
        click.echo(f"{len(found.differing):,} of {found.passes:,} passes were decided otherwise, at blocks {blocks}")
        click.echo(found.first_difference)

    return 0 if same else DIFFERS
