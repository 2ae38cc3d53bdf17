"""The command line: `main` is what the `keeper` command runs."""

import sys

from keeper import __version__


def main() -> None:
    """Run the command line and leave with its exit code; the version alone is told without importing anything."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"keeper {__version__}\n")
        return

    from keeper.cli.entry import main as run_verb

    run_verb()
