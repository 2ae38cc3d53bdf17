"""`keeper run`: follow the chain, and liquidate what pays."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.cli.options import config_option, example, load, output_options

if TYPE_CHECKING:
    from keeper.config.load import Loaded


@click.command(
    "run", epilog=example("keeper run --config keeper.toml", "keeper run --config keeper.toml --live --until-idle 20")
)
@config_option
@click.option("--live", is_flag=True, help="Send transactions; [run] live = true in the configuration is needed too.")
@click.option(
    "--until-idle",
    metavar="BLOCKS",
    type=click.IntRange(min=1),
    help="End when for this many blocks nothing was planned or in flight, or no block came for 60 s.",
)
@click.option(
    "--init-journal",
    is_flag=True,
    help="Start the books of a key that was used before this journal; only if nothing it sent can still be in flight.",
)
@click.option(
    "--standby", is_flag=True, help="Wait until the keeper that holds the journal's lease is gone, then go on."
)
@output_options
def command(  # noqa: PLR0913  # one parameter per option
    config_path: Path,
    *,
    live: bool,
    until_idle: int | None,
    init_journal: bool,
    standby: bool,
    as_json: bool,
    debug: bool,
) -> int:
    """Follow the chain and liquidate what pays; a dry run unless config and --live agree.

    A dry run does everything but sign and send: it reads, finds, sizes and simulates, and writes to a journal of its
    own. Ctrl-C ends the run after the block at hand; a second start picks up where it ended.
    """
    import asyncio

    from keeper.config.load import load_config, require_ready
    from keeper.errors import ConfigError

    loaded = load(config_path, as_json=as_json, debug=debug)
    armed = live and loaded.config.run.live
    require_ready(loaded, live=armed)
    from keeper import app  # half a second of imports: not before the configuration is known to be right

    announce(loaded, live_asked=live, as_json=as_json)
    run = app.run(
        loaded.config,
        live=armed,
        until_idle=until_idle,
        json=as_json,
        init_journal=init_journal,
        standby=standby,
        reread=lambda: load_config(config_path).config,
    )
    try:
        return asyncio.run(run)
    except ConfigError as error:
        setting, hint = error.data.get("setting"), str(error.data.get("hint", ""))
        if not isinstance(setting, tuple):
            raise

        raise loaded.refuse(ConfigError, setting, error.message, hint) from None


def announce(loaded: "Loaded", *, live_asked: bool, as_json: bool) -> None:
    """Say on standard error what is armed, and which half is missing where nothing is."""
    from keeper.cli.banner import banner_facts, banner_text

    facts = banner_facts(loaded, live_asked=live_asked)
    if as_json:
        import structlog

        structlog.get_logger().info("run_announced", **facts)
        return

    click.echo(banner_text(facts), err=True)
