"""Where a passphrase comes from: a file, or a person at a terminal; never an argument, never the environment."""

import sys
from pathlib import Path

import click

from keeper.errors import SigningKeyError


def passphrase_from(file: Path | None, *, confirm: bool = False) -> str:
    """Read the passphrase from its file, or ask for it without showing it; twice when it protects a new key.

    `SigningKeyError` where there is neither a file nor a terminal.
    """
    if file is not None:
        from keeper.execution.keys import read_passphrase

        return read_passphrase(file)

    return ask_hidden("Passphrase", confirm=confirm, instead="name a file with --passphrase-file (or passphrase_file)")


def ask_hidden(what: str, *, confirm: bool, instead: str) -> str:
    """Ask for a secret at the terminal; `SigningKeyError` says what to do instead where there is none."""
    if not sys.stdin.isatty():
        raise SigningKeyError(f"no terminal to ask for the {what.lower()} at: {instead}")

    answer: str = click.prompt(what, hide_input=True, confirmation_prompt=confirm, err=True)
    return answer
