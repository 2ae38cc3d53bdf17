"""`keeper executor`: deploy the contract, hold it against the configuration, list what it may reach, empty it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.cli.options import address, addresses, config_option, example, load, output_options
from keeper.cli.passphrase import passphrase_from
from keeper.cli.roles import KEYSTORE, PASSPHRASE, PROPOSE, operator_, pause, unpause
from keeper.telemetry.plurals import counted

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from keeper.cli.owner import Prepared
    from keeper.config.model import KeeperConfig
    from keeper.execution.verify import ExecutorState
    from keeper.types import Address


@click.group("executor", epilog=example("keeper executor deploy --owner 0x... --treasury 0x..."))
def command() -> None:
    """Deploy the executor contract, check it, list what it may reach, and empty it.

    The owner decides what the contract may reach and where profit goes: use a key that is kept offline, or a Safe. The
    operator key may only run programs.
    """


@command.command(
    "deploy",
    short_help="Deploy the contract.",
    epilog=example("keeper executor deploy --owner 0x1111... --treasury 0x2222..."),
)
@config_option
@click.option(
    "--owner",
    metavar="ADDRESS",
    callback=address,
    required=True,
    help="Decides what it may reach; a cold key or a Safe.",
)
@click.option("--treasury", metavar="ADDRESS", callback=address, required=True, help="Where all profit goes.")
@click.option(
    "--guardian", metavar="ADDRESS", callback=address, help="May pause it, nothing else.  [default: the owner]"
)
@click.option(
    "--operator",
    "operators",
    multiple=True,
    metavar="ADDRESS",
    callback=addresses,
    help="May run programs.  [default: the [keys] key]",
)
@click.option("--salt", metavar="N", type=click.IntRange(min=0), default=0, help="Another number, another address.")
@KEYSTORE
@PASSPHRASE
@output_options
def deploy(  # noqa: PLR0913  # one parameter per option of the verb
    config_path: Path,
    owner: "Address",
    treasury: "Address",
    guardian: "Address | None",
    operators: "tuple[Address, ...]",
    salt: int,
    keystore: Path | None,
    passphrase_file: Path | None,
    *,
    as_json: bool,
    debug: bool,
) -> None:
    """Deploy the contract at an address that follows from its parameters, and print the [executor] table for it.

    The same command a second time finds it there and changes nothing.
    """
    import asyncio

    config = load(config_path, as_json=as_json, debug=debug).config
    from keeper.cli import owner as owner_verbs
    from keeper.execution.artifact import ExecutorParams

    account = account_of(config, keystore, passphrase_file)
    params = ExecutorParams(
        owner=owner,
        guardian=guardian or owner,
        treasury=treasury,
        wrapped_native=config.chain.wrapped_native,
        operators=operators or _operators(config),
    )
    state, block = asyncio.run(owner_verbs.deploy(config, account, params, salt.to_bytes(32)))
    facts = {**_facts(state), "start_block": block}
    if as_json:
        click.echo(json.dumps(facts))
        return

    click.echo("deployed; write this into the configuration, then: keeper executor allow --from-config\n", err=True)
    click.echo(f'[executor]\naddress = "{facts["address"]}"\ncode_hash = "{facts["code_hash"]}"\nstart_block = {block}')


@command.command(
    "verify",
    short_help="Hold it against the configuration.",
    epilog=example("keeper executor verify --treasury 0x2222..."),
)
@config_option
@click.option("--owner", metavar="ADDRESS", callback=address, help="Who the owner should be.")
@click.option("--treasury", metavar="ADDRESS", callback=address, help="Where profit should go.")
@click.option("--guardian", metavar="ADDRESS", callback=address, help="Who the guardian should be.")
@output_options
def verify(  # noqa: PLR0913  # one parameter per option of the verb
    config_path: Path,
    owner: "Address | None",
    treasury: "Address | None",
    guardian: "Address | None",
    *,
    as_json: bool,
    debug: bool,
) -> int:
    """Compare code, roles and allow-list on the chain with the configuration; ends with 5 where anything differs.

    The operator set should be the [keys] key alone. Owner, treasury and guardian are shown, and compared where given.
    """
    import asyncio

    from keeper.errors import ExecutorError

    config = load(config_path, as_json=as_json, debug=debug).config
    from keeper.cli import owner as owner_verbs

    expected = owner_verbs.Expected(owner, guardian, treasury)
    state, found = asyncio.run(owner_verbs.verify(config, expected))
    if as_json:
        click.echo(json.dumps({**_facts(state), "findings": list(found)}))
    else:
        for name, value in _facts(state).items():
            click.echo(f"{name:<12}{', '.join(value) if isinstance(value, list) else value}")

        for finding in found:
            click.echo(f"differs     {finding}")

        click.echo(f"{len(found)} differences" if found else "as it should be")

    return ExecutorError.exit_code if found else 0


@command.command(
    "allow",
    short_help="List what it may reach.",
    epilog=example(
        "keeper executor allow --from-config --keystore owner.json", "keeper executor allow --from-config --propose"
    ),
)
@config_option
@click.option("--from-config", is_flag=True, required=True, help="What the configured deployments and venues need.")
@click.option("--prune", is_flag=True, help="Take out what the configuration does not need, too.")
@PROPOSE
@KEYSTORE
@PASSPHRASE
@output_options
def allow(  # noqa: PLR0913  # one parameter per option of the verb
    config_path: Path,
    keystore: Path | None,
    passphrase_file: Path | None,
    *,
    from_config: bool,
    prune: bool,
    propose: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Bring the allow-list to what the configuration needs: calls, tokens, pool factories.

    Only the owner may: name its keystore, or print the calls with --propose. Nothing is sent where nothing is missing.
    """
    import asyncio

    del from_config  # there is no other source yet, and listing things must be asked for by name
    config = load(config_path, as_json=as_json, debug=debug).config
    from keeper.cli import owner as owner_verbs

    owner_verbs.executor_of(config)
    account = None if propose else account_of(config, keystore, passphrase_file)
    show(asyncio.run(owner_verbs.allow(config, account, prune=prune)), as_json=as_json)


@command.command(
    "sweep",
    short_help="Send what it holds to the treasury.",
    epilog=example("keeper executor sweep --keystore owner.json"),
)
@config_option
@click.option(
    "--token",
    "tokens",
    multiple=True,
    metavar="ADDRESS",
    callback=addresses,
    help="Only this one.  [default: all it lists]",
)
@PROPOSE
@KEYSTORE
@PASSPHRASE
@output_options
def sweep(  # noqa: PLR0913  # one parameter per option of the verb
    config_path: Path,
    tokens: "tuple[Address, ...]",
    keystore: Path | None,
    passphrase_file: Path | None,
    *,
    propose: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Send what the executor holds to its treasury: tokens sent there by mistake, and the native token.

    It is empty between transactions, so there is normally nothing. Only the owner may.
    """
    import asyncio

    config = load(config_path, as_json=as_json, debug=debug).config
    from keeper.cli import owner as owner_verbs

    owner_verbs.executor_of(config)
    account = None if propose else account_of(config, keystore, passphrase_file)
    show(asyncio.run(owner_verbs.sweep(config, account, tokens)), as_json=as_json)


for _verb in (pause, unpause, operator_):
    command.add_command(_verb)


def account_of(config: "KeeperConfig", keystore: Path | None, passphrase_file: Path | None) -> "LocalAccount":
    """Open the key that pays: the one named, or the operator's."""
    from keeper.errors import ConfigError
    from keeper.execution.keys import open_keystore

    if keystore is not None:
        return open_keystore(keystore, passphrase_from(passphrase_file))

    if config.keys is None or config.keys.keystore is None:
        raise ConfigError("no key to pay with: name one with --keystore, or a keystore in [keys]")

    from keeper.app.keys import passphrase

    secret = passphrase(config.keys) if passphrase_file is None else passphrase_from(passphrase_file)
    return open_keystore(config.keys.keystore, secret)


def _operators(config: "KeeperConfig") -> "tuple[Address, ...]":
    from keeper.app.keys import operators_of
    from keeper.errors import ConfigError

    found = operators_of(config)
    if not found:
        raise ConfigError("no operator: name one with --operator, or add a [keys] table")

    return found


def _facts(state: "ExecutorState") -> "dict[str, str | bool | list[str]]":
    from keeper.types import to_checksum

    return {
        "address": to_checksum(state.address),
        "code_hash": "0x" + state.code_hash.hex(),
        "owner": to_checksum(state.owner),
        "guardian": to_checksum(state.guardian),
        "treasury": to_checksum(state.treasury),
        "operators": [to_checksum(each) for each in sorted(state.operators)],
        "paused": state.paused,
    }


def show(prepared: "Prepared", *, as_json: bool) -> None:
    """Print what changes, and the calls where they were not made."""
    from keeper.types import to_checksum

    calls = [{"to": to_checksum(call.to), "value": "0", "data": "0x" + call.data.hex()} for call in prepared.calls]
    if as_json:
        click.echo(json.dumps({"sent": prepared.sent, "changes": list(prepared.changes), "calls": calls}))
        return

    for change in prepared.changes:
        click.echo(change)

    if not prepared.calls:
        click.echo("nothing to do")
    elif prepared.sent:
        click.echo(f"done in {counted(len(calls), 'transaction')}")
    else:
        click.echo(f"{counted(len(calls), 'call')} for the owner to make:")
        click.echo(json.dumps(calls, indent=2))
