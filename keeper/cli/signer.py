"""`keeper signer`: the process that holds the operator key, apart from the one that decides."""

from pathlib import Path

import click

from keeper.cli.options import example, output_options, start_logging


@click.command("signer", epilog=example("keeper signer --policy signer.toml"))
@click.option(
    "--policy",
    "policy_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default="signer.toml",
    show_default=True,
    help="Its own file: the key, the socket, and what may be signed.",
)
@output_options
def command(policy_path: Path, *, as_json: bool, debug: bool) -> int:
    """Hold the operator key in a process of its own, and sign what its own policy allows.

    Run it as another user than the keeper, whose [keys] signer then names the socket. It talks to nothing else: chain,
    contracts, fees, budget and rate are bounded here, whatever the keeper asks for.
    """
    start_logging((), as_json=as_json, debug=debug)
    from keeper.config.signer import load_signer_config

    config = load_signer_config(policy_path)
    from keeper.app.signer import run

    return run(config)
