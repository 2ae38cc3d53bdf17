"""`keeper kill`: nothing is signed any more, by the keeper or its signer."""

from pathlib import Path

import click

from keeper.cli.options import config_option, example, output_options


@click.command("kill", epilog=example("keeper kill --because 'key may be stolen'"))
@config_option
@click.option("--because", "why", metavar="TEXT", default="no reason given", help="Shown to whoever starts it again.")
@output_options
def command(config_path: Path, why: str, *, as_json: bool, debug: bool) -> None:
    """Sign nothing any more, cancels included, and end the run; no live start before `keeper resume`.

    A dry run, which signs nothing, is held like by a pause and goes on.

    A signer that names the same switch file refuses too. What is in a pool already may still land: pause the executor
    (`keeper executor pause`) where that must not happen.
    """
    from keeper.cli.switching import say
    from keeper.execution.switch import Order

    say(Order.KILL, config_path, why, as_json=as_json, debug=debug)
