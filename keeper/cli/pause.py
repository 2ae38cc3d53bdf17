"""`keeper pause`: plan nothing more, until resumed."""

from pathlib import Path

import click

from keeper.cli.options import config_option, example, output_options


@click.command("pause", epilog=example("keeper pause --because 'odd prices'", "keeper pause --minutes 30"))
@config_option
@click.option("--because", "why", metavar="TEXT", default="no reason given", help="Shown in status, logs and journal.")
@click.option("--minutes", metavar="N", type=click.IntRange(min=1), help="For so long.  [default: until resumed]")
@output_options
def command(config_path: Path, why: str, minutes: int | None, *, as_json: bool, debug: bool) -> None:
    """Plan and send nothing more, in a dry run too; what is in flight is still followed and cancelled.

    Works on a keeper that runs and on every later start. SIGUSR1 and a file put at the switch's place do the same.
    """
    from keeper.cli.switching import say
    from keeper.execution.switch import Order

    say(Order.PAUSE, config_path, why, minutes=minutes, as_json=as_json, debug=debug)
