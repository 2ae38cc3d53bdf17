"""`keeper sandbox`: a local chain with a real market on it, to try the keeper on."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keeper.cli.options import debug_option, example, json_option, start_logging

if TYPE_CHECKING:
    from keeper.sandbox.stage.standing import Standing

_FOLDER: Final = click.option(
    "--folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where its files are kept.  [default: in the checkout's cache]",
)
_SEED: Final = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Which market: the same seed, the same one.",
)


@click.group("sandbox", epilog=example("keeper sandbox up", "keeper sandbox crash --drop 20", "keeper sandbox down"))
def command() -> None:
    """Try the keeper on a local chain: real Aave V3, real Uniswap V3, accounts that owe, and prices you can move.

    Needs a checkout that scripts/setup has set up.
    """


@command.command("up", short_help="Start a chain with a market in the background.", epilog=example("keeper sandbox up"))
@_SEED
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="The chain's port; any free one when left out.")
@_FOLDER
@json_option
@debug_option
def up(seed: int, port: int, folder: Path | None, *, as_json: bool, debug: bool) -> None:
    """Start a chain with a market in the background, and write a configuration and a keystore for it."""
    start_logging((), as_json=as_json, debug=debug)
    from keeper.sandbox.stage import standing

    place = folder or standing.default_folder()
    made = standing.up(place, seed=seed, port=port)
    _show(made, place.resolve(), "" if folder is None else f" --folder {folder}", as_json=as_json)


@command.command("crash", short_help="Let prices fall.", epilog=example("keeper sandbox crash --drop 20 --asset WETH"))
@click.option(
    "--drop", "percent", type=click.IntRange(1, 95), default=20, show_default=True, help="By how many per cent."
)
@click.option("--asset", "symbols", multiple=True, help="Only this one; may be repeated. Else all but stablecoins.")
@_FOLDER
@json_option
@debug_option
def crash(percent: int, symbols: tuple[str, ...], folder: Path | None, *, as_json: bool, debug: bool) -> None:
    """Let prices fall on the running sandbox; its pools follow in the same block."""
    start_logging((), as_json=as_json, debug=debug)
    from keeper.sandbox.stage import standing

    fallen = standing.crash(folder or standing.default_folder(), drop_bps=percent * 100, symbols=symbols)
    if as_json:
        click.echo(json.dumps({symbol: str(price) for symbol, price in fallen.items()}))
        return

    for symbol, price in fallen.items():
        click.echo(f"{symbol:8}{price / 10**8:,.4f} USD")


@command.command(
    "demo",
    short_help="Run the main job from nothing to a verdict.",
    epilog=example(
        "keeper sandbox demo --seed 2 --protocols all", "keeper sandbox demo --fork-url URL --config keeper.toml"
    ),
)
@_SEED
@click.option("--fork-url", metavar="URL", help="Rehearse on a fork of your own chain instead, with your --config.")
@click.option("--config", "config_path", metavar="FILE", type=click.Path(path_type=Path), help="See --fork-url.")
@click.option(
    "--protocols",
    metavar="NAMES",
    help="What is played, comma-separated, or all: one keeper works on all of it.  [default: aave_v3]",
)
@click.option("--keep", metavar="DIR", type=click.Path(path_type=Path, file_okay=False), help="Keep the run's files.")
@json_option
@debug_option
def demo(  # noqa: PLR0913  # one parameter per option
    seed: int,
    fork_url: str | None,
    config_path: Path | None,
    protocols: str | None,
    keep: Path | None,
    *,
    as_json: bool,
    debug: bool,
) -> int:
    """Open a market, fork its chain, run the keeper on the fork while prices fall, and have a referee judge it.

    Ends with 0 only where the keeper's own books and the referee agree on every protocol, else with 1. With --fork-url
    it is your own chain that is forked and your configuration that is tried, with an executor and a key made for the
    fork; nothing reaches the chain itself.
    """
    if (fork_url is None) != (config_path is None):
        raise click.UsageError("--fork-url and --config go together: the chain to fork, and what to try on it")

    if fork_url is not None and protocols is not None:
        raise click.UsageError("--protocols is for the sandbox: with --fork-url it is your --config that is tried")

    start_logging(() if fork_url is None else (fork_url,), as_json=as_json, debug=debug)
    from keeper.sandbox.scenes import DEFAULT, choose
    from keeper.sandbox.stage.options import Options

    options = Options(seed=seed, as_json=as_json, protocols=choose(protocols or DEFAULT), keep=keep)
    if fork_url is not None and config_path is not None:
        from keeper.sandbox.stage.rehearsal import rehearse

        return rehearse(fork_url, config_path, options)

    from keeper.sandbox.stage.demo import demo as run_demo

    return run_demo(options)


@command.command("down", short_help="End the running sandbox.", epilog=example("keeper sandbox down"))
@_FOLDER
@json_option
@debug_option
def down(folder: Path | None, *, as_json: bool, debug: bool) -> None:
    """End the running sandbox and remove its files, journal included."""
    start_logging((), as_json=as_json, debug=debug)
    from keeper.sandbox.stage import standing

    ended = standing.down(folder or standing.default_folder())
    if as_json:
        click.echo(json.dumps({"ended": ended}))
        return

    click.echo("the sandbox is down" if ended else "no sandbox was up")


def _show(standing: "Standing", folder: Path, where: str, *, as_json: bool) -> None:
    facts = {
        "url": standing.url,
        "ws_url": standing.ws_url,
        "seed": standing.seed,
        "accounts": standing.accounts,
        "config": str(folder / "keeper.toml"),
    }
    if as_json:
        click.echo(json.dumps(facts))
        return

    click.echo(f"A market of {standing.accounts} accounts (seed {standing.seed}) at {standing.ws_url}. Go on with:")
    click.echo(f"  keeper run --config {facts['config']} --live")
    click.echo(f"  keeper sandbox crash --drop 20{where}")
    click.echo(f"  keeper sandbox down{where}")
