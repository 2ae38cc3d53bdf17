"""`keeper init`: a first configuration, asked for or from flags, and a key if wanted."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.cli.options import debug_option, example, json_option, start_logging

if TYPE_CHECKING:
    from keeper.config.draft import Answers
    from keeper.config.presets import Preset


@click.command(
    "init",
    epilog=example(
        "keeper init",
        "keeper init --chain base --rpc http://127.0.0.1:8545 --deployment aave_v3_base --yes",
    ),
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("keeper.toml"), show_default=True)
@click.option("--chain", "chain", metavar="NAME", help="A chain preset, such as ethereum.")
@click.option("--rpc", multiple=True, metavar="URL", help="An endpoint; repeat for more, in order of preference.")
@click.option(
    "--deployment", multiple=True, metavar="NAME", help="A deployment preset; by default those that were verified."
)
@click.option("--venue", multiple=True, metavar="NAME", help="A venue preset; the same.")
@click.option("--trusted", multiple=True, metavar="TOKEN", help="A token profit may be kept in, by name or address.")
@click.option("--min-profit", metavar="MONEY", help='Least profit after gas.  [default: "5 USD"]')
@click.option("--max-fee", metavar="FEE", help='Never more per gas than this.  [default: "100 gwei"]')
@click.option("--keystore", type=click.Path(path_type=Path), help="Make a new key here as well.")
@click.option("--passphrase-file", type=click.Path(path_type=Path), help="The new key's passphrase, on the first line.")
@click.option("--yes", is_flag=True, help="Ask nothing: what no flag says takes its default.")
@json_option
@debug_option
def command(*, out: Path, yes: bool, as_json: bool, debug: bool, **given: object) -> None:
    """Write a first configuration: from flags, asking for what they leave open where there is somebody to ask.

    Nothing is overwritten, nothing is sent, and no node is asked: `keeper doctor` does that.
    """
    start_logging((), as_json=as_json, debug=debug)
    if out.exists():
        raise click.UsageError(f"{out} is there already; name another file with --out")

    answers = _answers(given, ask=not yes and sys.stdin.isatty())
    _write(out, answers)
    try:
        made = _make_key(given)
    except BaseException:
        out.unlink()  # it names a key that is not there
        raise

    if as_json:
        click.echo(json.dumps({"config": str(out), "operator": made}))
        return

    click.echo(f"{out} is written: {len(answers.deployments)} deployments on {answers.chain}, a dry run.")
    if made is not None:
        click.echo(f"A new key is in {given['keystore']}: {made}")

    click.echo(f"Next: keeper doctor --config {out}\n      keeper run --config {out}")


def _answers(given: dict[str, object], *, ask: bool) -> "Answers":
    from keeper.config.draft import Answers, chains, presets_on, usual_trust

    known = chains()
    chain = _known(
        str(given["chain"] or _ask(f"Which chain? ({', '.join(known)})", known[0], ask=ask)), "--chain", known
    )
    rpc = _several(given["rpc"]) or (_ask("An endpoint of yours (http, ws or ipc)", "http://127.0.0.1:8545", ask=ask),)
    deployments = _chosen(given["deployment"], "--deployment", presets_on(chain, "deployment"), ask=ask)
    venues = _chosen(given["venue"], "--venue", presets_on(chain, "venue"), ask=ask)
    trusted = _several(given["trusted"]) or usual_trust(chain)
    min_profit = str(given["min_profit"] or _ask("Least profit after gas", "5 USD", ask=ask))
    max_fee = str(given["max_fee"] or _ask("Most you pay per gas", "100 gwei", ask=ask))
    key = {name: None if given[name] is None else str(given[name]) for name in ("keystore", "passphrase_file")}
    return Answers(chain, rpc, deployments, venues, trusted, min_profit, max_fee, **key)


def _write(out: Path, answers: "Answers") -> None:
    """Write the file for its owner alone, and read it back as a run would; a file that is refused does not stay."""
    import os

    from keeper.config.draft import draft
    from keeper.config.load import load_config
    from keeper.errors import ConfigError

    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(draft(answers))

    try:
        load_config(out)
    except ConfigError:
        out.unlink()
        raise


def _make_key(given: dict[str, object]) -> str | None:
    keystore, passphrase_file = given["keystore"], given["passphrase_file"]
    if not isinstance(keystore, Path):
        return None

    from keeper.cli.passphrase import passphrase_from
    from keeper.execution.keys import create_keystore
    from keeper.types import to_checksum

    chosen = passphrase_file if isinstance(passphrase_file, Path) else None
    return to_checksum(create_keystore(keystore, passphrase_from(chosen, confirm=True)))


def _known(word: str, flag: str, known: Sequence[str]) -> str:
    if word not in known:
        from keeper.config.problems import did_you_mean

        raise click.BadParameter(f"nothing is shipped for {word!r}; {did_you_mean(word, known)}", param_hint=flag)

    return word


def _chosen(given: object, flag: str, there: "Sequence[Preset]", *, ask: bool) -> tuple[str, ...]:
    """The presets an operator named; else those that could be verified, or any where none could."""
    words, known = _several(given), tuple(preset.name for preset in there)
    if not words and known:
        usual = [preset.name for preset in there if preset.verified] or known
        answer = _ask(f"{flag.strip('-').capitalize()}s, out of {', '.join(known)}", ", ".join(usual), ask=ask)
        words = tuple(word.strip() for word in answer.split(","))

    return tuple(_known(word, flag, known) for word in words)


def _several(given: object) -> tuple[str, ...]:
    return tuple(str(each) for each in given) if isinstance(given, tuple) else ()


def _ask(question: str, usual: str, *, ask: bool) -> str:
    return str(click.prompt(question, default=usual, err=True)) if ask else usual
