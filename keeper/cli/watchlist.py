"""`keeper watchlist`: the accounts whose margin calls somebody wants to hear of."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.cli.options import address, config_option, example, load, output_options

if TYPE_CHECKING:
    from keeper.types import Address


@click.group(
    "watchlist", epilog=example('keeper watchlist add 0x1111111111111111111111111111111111111111 --label "treasury"')
)
def command() -> None:
    """Follow accounts: a running keeper tells of their margin calls through `[[channel]]`.

    The list is a small text file beside the journal; a run takes changes up with the next block.
    """


@command.command(
    "add", epilog=example('keeper watchlist add 0x1111111111111111111111111111111111111111 --label "treasury"')
)
@click.argument("account", callback=address)
@click.option("--label", default="", metavar="TEXT", help="What you call it; at most 64 characters.")
@config_option
@output_options
def add(account: "Address", label: str, config_path: Path, *, as_json: bool, debug: bool) -> None:
    """Follow ACCOUNT, or give it another label."""
    from keeper.alerting.watchlist import clean_label, read_watchlist, write_watchlist

    path = _path(config_path, as_json=as_json, debug=debug)
    accounts = read_watchlist(path)
    known = account in accounts
    accounts[account] = clean_label(label)
    write_watchlist(path, accounts)
    _say("relabelled" if known else "added", account, accounts[account], as_json=as_json)


@command.command("remove", epilog=example("keeper watchlist remove 0x1111111111111111111111111111111111111111"))
@click.argument("account", callback=address)
@config_option
@output_options
def remove(account: "Address", config_path: Path, *, as_json: bool, debug: bool) -> None:
    """Follow ACCOUNT no longer."""
    from keeper.alerting.watchlist import read_watchlist, write_watchlist
    from keeper.errors import ConfigError
    from keeper.types import to_checksum

    path = _path(config_path, as_json=as_json, debug=debug)
    accounts = read_watchlist(path)
    if account not in accounts:
        raise ConfigError(f"{to_checksum(account)} is not on the watchlist\n  see: keeper watchlist list")

    label = accounts.pop(account)
    write_watchlist(path, accounts)
    _say("removed", account, label, as_json=as_json)


@command.command("list", epilog=example("keeper watchlist list --json"))
@config_option
@output_options
def show(config_path: Path, *, as_json: bool, debug: bool) -> None:
    """Show the accounts that are followed."""
    from keeper.alerting.watchlist import read_watchlist
    from keeper.telemetry.sanitise import line_text
    from keeper.types import to_checksum

    path = _path(config_path, as_json=as_json, debug=debug)
    accounts = read_watchlist(path)
    for account, label in accounts.items():
        row = {"account": to_checksum(account), "label": label}
        click.echo(json.dumps(row) if as_json else line_text(f"{row['account']} {label}".rstrip()))

    if not as_json:
        click.echo(f"{len(accounts):,} {'account' if len(accounts) == 1 else 'accounts'} in {path}")


def _path(config_path: Path, *, as_json: bool, debug: bool) -> Path:
    from keeper.config.derived import watchlist_path

    return watchlist_path(load(config_path, as_json=as_json, debug=debug).config)


def _say(what: str, account: "Address", label: str, *, as_json: bool) -> None:
    from keeper.telemetry.sanitise import line_text
    from keeper.types import to_checksum

    row = {"done": what, "account": to_checksum(account), "label": label}
    click.echo(json.dumps(row) if as_json else line_text(f"{what} {row['account']} {label}".rstrip()))
