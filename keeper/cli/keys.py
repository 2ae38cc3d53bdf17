"""`keeper keys`: make, import and show the operator key's encrypted keystore."""

import json
from pathlib import Path
from typing import Any, Final

import click

from keeper.cli.options import debug_option, example, json_option, start_logging
from keeper.cli.passphrase import ask_hidden, passphrase_from

_KEYSTORE: Final = click.argument("keystore", type=click.Path(path_type=Path))
_PASSPHRASE: Final = click.option(
    "--passphrase-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File with the passphrase on its first line; asked for at the terminal when left out.",
)


@click.group("keys", epilog=example("keeper keys new operator.json --passphrase-file passphrase.txt"))
def command() -> None:
    """Make, import and show the operator key's encrypted keystore.

    The operator key pays gas and may call the executor, nothing more: fund it with gas for some days. The executor's
    owner should be another key, kept offline.
    """


@command.command(
    "new",
    short_help="Make a new key.",
    epilog=example("keeper keys new operator.json --passphrase-file passphrase.txt"),
)
@_KEYSTORE
@_PASSPHRASE
@json_option
@debug_option
def new(keystore: Path, passphrase_file: Path | None, *, as_json: bool, debug: bool) -> None:
    """Make a new key and write it, encrypted, to KEYSTORE; an existing file is never overwritten."""
    start_logging((), as_json=as_json, debug=debug)
    from keeper.execution.keys import create_keystore

    address = create_keystore(keystore, passphrase_from(passphrase_file, confirm=True))
    _show(keystore, address, as_json=as_json)


@command.command(
    "import",
    short_help="Encrypt a key you already have.",
    epilog=example("keeper keys import operator.json --key-file key.txt"),
)
@_KEYSTORE
@click.option(
    "--key-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File with the private key as 64 hex digits; asked for at the terminal when left out.",
)
@_PASSPHRASE
@json_option
@debug_option
def import_(keystore: Path, key_file: Path | None, passphrase_file: Path | None, *, as_json: bool, debug: bool) -> None:
    """Write an existing private key, encrypted, to KEYSTORE; afterwards destroy the plain one."""
    start_logging((), as_json=as_json, debug=debug)
    from keeper.execution.keys import import_keystore

    address = import_keystore(keystore, _private_key(key_file), passphrase_from(passphrase_file, confirm=True))
    _show(keystore, address, as_json=as_json)


@command.command(
    "show",
    short_help="Show a keystore's address.",
    epilog=example("keeper keys show operator.json", "keeper keys show operator.json --verify"),
)
@_KEYSTORE
@click.option("--verify", is_flag=True, help="Open the keystore too, to see that the passphrase is right.")
@_PASSPHRASE
@json_option
@debug_option
def show(keystore: Path, passphrase_file: Path | None, *, verify: bool, as_json: bool, debug: bool) -> None:
    """Show the address of KEYSTORE; the key itself is never shown."""
    start_logging((), as_json=as_json, debug=debug)
    from keeper.execution.keys import open_keystore, read_address

    if not verify:
        _show(keystore, read_address(keystore), as_json=as_json)
        return

    account = open_keystore(keystore, passphrase_from(passphrase_file))
    _show(keystore, bytes.fromhex(account.address[2:]), as_json=as_json, verified=True)


def _private_key(file: Path | None) -> str:
    if file is None:
        return ask_hidden("Private key", confirm=False, instead="name a file with --key-file")

    from keeper.errors import SigningKeyError

    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SigningKeyError(f"cannot read the key file {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SigningKeyError(f"the key file {file} is not text") from None


def _show(keystore: Path, address: bytes, *, as_json: bool, **more: Any) -> None:  # noqa: ANN401  # JSON facts
    from keeper.types import Address, to_checksum

    facts = {"address": to_checksum(Address(address)), "keystore": str(keystore), **more}
    if as_json:
        click.echo(json.dumps(facts))
        return

    click.echo(facts["address"])
