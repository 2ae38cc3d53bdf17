"""`keeper resume`: take a pause, a kill or a tripped limit back."""

from pathlib import Path

import click

from keeper.cli.options import config_option, example, output_options


@click.command("resume", epilog=example("keeper resume --because 'looked into it: a bad route'"))
@config_option
@click.option("--because", "why", metavar="TEXT", default="no reason given", help="Written into the journal.")
@output_options
def command(config_path: Path, why: str, *, as_json: bool, debug: bool) -> None:
    """Go on after a pause, a kill or a limit that tripped; what tripped it counts no more.

    A keeper that runs hears it at its next block. One that was killed must be started again.
    """
    from keeper.cli.switching import say
    from keeper.execution.switch import Order

    say(Order.RESUME, config_path, why, as_json=as_json, debug=debug)
