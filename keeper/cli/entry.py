"""The `keeper` command: which verbs there are, and how each of them ends.

A verb's module is imported when the verb runs, so that `--version` and `--help` stay fast; the summaries shown by
`--help` therefore stand here. A `KeeperError` ends in one message on standard error and its exit code.
"""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final

import click

from keeper import __version__
from keeper.cli.options import example
from keeper.errors import KeeperError

VERBS: Final[Mapping[str, str]] = {
    "init": "Write a first configuration: from flags, asking for what they leave open where there is somebody to ask.",
    "run": "Follow the chain and liquidate what pays; a dry run unless config and --live agree.",
    "positions": "Show every position that owes something, the nearest to liquidation first.",
    "margin": "Show positions in a margin call or worse: since when, what would make them fall, and what cures them.",
    "watchlist": "Follow accounts: a running keeper tells of their margin calls through `[[channel]]`.",
    "alerts": "Try the places alerts go to: each `[[channel]]`, and the heartbeat of `[alerts]`.",
    "explain": "Say why ACCOUNT is, or is not, liquidated at this block.",
    "watch": "Watch a keeper at work: blocks, margin calls, plans, why not, what is in flight, money, limits, nodes.",
    "status": "Show what holds the keeper back, since and until when, and how far each limit is used.",
    "pause": "Plan and send nothing more, in a dry run too; what is in flight is still followed and cancelled.",
    "resume": "Go on after a pause, a kill or a limit that tripped; what tripped it counts no more.",
    "kill": "Sign nothing any more, cancels included, and end the run; no live start before `keeper resume`.",
    "reload": "Have a running keeper take up its configuration anew: limits and strategies, between two blocks.",
    "report": "Show what was planned, sent and declined, and how it ended.",
    "replay": "Run the passes in RECORD again, without a node, and compare every decision with what was decided then.",
    "state": "Carry what was read of the chain to another keeper, which then need not read all logs itself.",
    "doctor": "Look at everything that can be wrong before a run: nodes, clock, prices, contracts, executor, key, "
    "disk.",
    "config": "Show how a configuration was understood, check it, and print its schema.",
    "keys": "Make, import and show the operator key's encrypted keystore.",
    "signer": "Hold the operator key in a process of its own, and sign what its own policy allows.",
    "executor": "Deploy the executor contract, check it, list what it may reach, and empty it.",
    "sandbox": "Try the keeper on a local chain: real Aave V3, real Uniswap V3, accounts that owe, "
    "and prices you can move.",
}
"""Each verb, with the summary its module's command repeats."""

EXIT_CODES: Final[Mapping[int, str]] = {
    0: "done",
    1: "a defect or an unexpected failure, or a replay that decided otherwise",
    2: "the command line or the configuration cannot be used",
    3: "the key cannot be opened or used",
    4: "no node gave an answer that can be relied on",
    5: "the executor contract is missing, not ours, or not set up",
    6: "our state cannot be trusted",
    7: "the journal cannot be read or written",
    8: "a transaction was refused by the channel it was given to",
    9: "the sandbox is not installed or did not start",
    10: "the doctor found something that keeps a run from doing its work",
    130: "interrupted",
}
INTERRUPTED: Final = 130


class VerbGroup(click.Group):
    """A group that imports a verb's module, `keeper.cli.<verb>`, when the verb is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            self._suggest(ctx, cmd_name)
            return None

        command: click.Command = importlib.import_module(f"keeper.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def _suggest(self, ctx: click.Context, word: str) -> None:
        import difflib

        close = difflib.get_close_matches(word, list(VERBS), n=1)
        if close:
            ctx.fail(f"no verb {word!r}; did you mean {close[0]!r}?")


def _epilog() -> str:
    lines = example(
        "keeper run --config keeper.toml           a dry run: everything but sending",
        "keeper run --config keeper.toml --live    for real, if [run] live = true as well",
    )
    codes = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())
    return f"{lines}\n\n\b\nExit codes:\n{codes}\n\nEach verb explains itself: keeper VERB --help."


@click.group(cls=VerbGroup, epilog=_epilog(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="keeper %(version)s")
def group() -> None:
    """Find positions that may be liquidated, and liquidate those that pay."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.excepthook = _report_defect
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one verb and return its exit code; anything that is not expected to happen passes through."""
    try:
        result = group.main(list(arguments), prog_name="keeper", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return _say("interrupted", INTERRUPTED)
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader has seen enough; nothing may be flushed to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeeperError as error:
        if "--debug" in arguments:
            _report_defect(type(error), error, error.__traceback__)

        return _say(error.message, error.exit_code)

    return result if isinstance(result, int) else 0


def _say(message: str, code: int) -> int:
    from keeper.telemetry.redact import Redactor
    from keeper.telemetry.sanitise import block_text

    click.echo(f"keeper: {block_text(Redactor().text(message))}", err=True)
    return code


def _report_defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback as Python does, without the secrets that libraries put into their messages."""
    import traceback

    from keeper.telemetry.redact import Redactor
    from keeper.telemetry.sanitise import block_text

    text = "".join(traceback.format_exception(kind, error, trace))
    click.echo(block_text(Redactor().text(text)), err=True)
