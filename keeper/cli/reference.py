"""The page about the command line, written from the commands themselves: `python -m keeper.cli.reference` prints it.

`docs/command-line.md` is this text; a test compares the two.
"""

import sys
from collections.abc import Iterator
from typing import Final

import click

from keeper.cli.entry import EXIT_CODES, VERBS, group

_INTRODUCTION: Final = """\
# The command line

`keeper VERB`. Every verb takes `--json` (the answer on standard output, JSON logs on standard error), `--debug` and
`--help`. Logs, progress and messages go to standard error; standard output carries the answer alone. A failure is one
message on standard error that says what was expected and what to do, and one of these exit codes. This page is
written from the commands (`python -m keeper.cli.reference > docs/command-line.md`).

| code | meaning |
|---|---|
"""


def reference() -> str:
    """Write the whole page."""
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    with click.Context(group, info_name="keeper", help_option_names=["-h", "--help"]) as context:
        verbs = "".join(text for verb in VERBS for text in _sections(context, verb))

    return f"{_INTRODUCTION}{codes}{verbs}"


def _sections(parent: click.Context, name: str) -> Iterator[str]:
    """Write a verb's help, then its own verbs'."""
    command = parent.command.get_command(parent, name) if isinstance(parent.command, click.Group) else None
    if command is None:
        return

    with click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100) as context:
        yield f"\n## `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```\n"
        inner = command.list_commands(context) if isinstance(command, click.Group) else []
        for each in inner:
            yield from _sections(context, each)


if __name__ == "__main__":
    sys.stdout.write(reference())
