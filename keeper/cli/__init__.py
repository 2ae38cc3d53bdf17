"""The command line: `main` is what the `keeper` command runs."""

from keeper.cli.entry import main

__all__ = ["main"]
