"""`keeper executor pause`, `unpause` and `operator`: the calls by which its owner rules the contract."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keeper.cli.options import address, config_option, example, output_options

if TYPE_CHECKING:
    from keeper.types import Address

KEYSTORE: Final = click.option(
    "--keystore",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The key that pays and signs.  [default: the operator's, from [keys]]",
)
PASSPHRASE: Final = click.option(
    "--passphrase-file", metavar="FILE", type=click.Path(path_type=Path), help="The file with that key's passphrase."
)
PROPOSE: Final = click.option(
    "--propose", is_flag=True, help="Send nothing: print the calls, for a Safe or another owner to make."
)


@click.command(
    "pause", short_help="Stop every program.", epilog=example("keeper executor pause --keystore guardian.json")
)
@config_option
@PROPOSE
@KEYSTORE
@PASSPHRASE
@output_options
def pause(  # noqa: PLR0913  # one parameter per option of the verb
    config_path: Path,
    keystore: Path | None,
    passphrase_file: Path | None,
    *,
    propose: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Let no program run any more, whoever sends it; what is in a pool already reverts.

    The guardian may, and the owner. `keeper kill` stops the keeper; this stops the contract.
    """
    _carry_out(config_path, "pause()", (), keystore, passphrase_file, propose=propose, as_json=as_json, debug=debug)


@click.command(
    "unpause", short_help="Let programs run again.", epilog=example("keeper executor unpause --keystore owner.json")
)
@config_option
@PROPOSE
@KEYSTORE
@PASSPHRASE
@output_options
def unpause(  # noqa: PLR0913  # one parameter per option of the verb
    config_path: Path,
    keystore: Path | None,
    passphrase_file: Path | None,
    *,
    propose: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Let programs run again; only the owner may."""
    _carry_out(config_path, "unpause()", (), keystore, passphrase_file, propose=propose, as_json=as_json, debug=debug)


@click.command(
    "operator",
    short_help="Add or remove a hot key.",
    epilog=example(
        "keeper executor operator add 0x1111... --keystore owner.json",
        "keeper executor operator remove 0x1111... --propose",
    ),
)
@click.argument("change", type=click.Choice(["add", "remove"]))
@click.argument("operator", metavar="ADDRESS", callback=address)
@config_option
@PROPOSE
@KEYSTORE
@PASSPHRASE
@output_options
def operator_(  # noqa: PLR0913  # one parameter per option of the verb
    change: str,
    operator: "Address",
    config_path: Path,
    keystore: Path | None,
    passphrase_file: Path | None,
    *,
    propose: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Let a key run programs, or let it no more; takes effect in the block it lands in. Only the owner may.

    After a leak: remove the leaked key first, then add a new one.
    """
    arguments = (operator, int(change == "add"))
    signature = "setOperator(address,bool)"
    _carry_out(
        config_path, signature, arguments, keystore, passphrase_file, propose=propose, as_json=as_json, debug=debug
    )


def _carry_out(  # noqa: PLR0913  # what the verbs are given
    config_path: Path,
    signature: str,
    arguments: "tuple[Address | int, ...]",
    keystore: Path | None,
    passphrase_file: Path | None,
    *,
    propose: bool,
    as_json: bool,
    debug: bool,
) -> None:
    import asyncio

    from keeper.cli import owner as owner_verbs
    from keeper.cli.executor import account_of, show
    from keeper.cli.options import load

    config = load(config_path, as_json=as_json, debug=debug).config
    owner_verbs.executor_of(config)
    account = None if propose else account_of(config, keystore, passphrase_file)
    show(asyncio.run(owner_verbs.rule(config, account, signature, arguments)), as_json=as_json)
