"""The command starts fast because it imports next to nothing until a verb runs."""

import subprocess
import sys

import pytest

from keeper.cli.entry import EXIT_CODES, VERBS, VerbGroup, group
from keeper.errors import KeeperError
from keeper.sandbox.packages import SandboxError

SLOW = {"web3", "numpy", "pydantic", "eth_account", "eth_utils", "aiohttp", "asyncio", "rich", "structlog", "sqlite3"}


def imported_by(*arguments):
    """The top-level modules a process holds when the command has ended."""
    code = (
        "import sys; from keeper.cli.entry import run; code = run(sys.argv[1:]);"
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.split()), done.stdout


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("-h",), *((verb, "--help") for verb in VERBS)])
def test_start_of_help_and_version_imports_nothing_slow(arguments):
    """A time would say more about the machine; what takes the time is what is imported."""
    modules, output = imported_by(*arguments)
    assert "click" in modules
    assert modules & SLOW == set()
    assert output


def test_start_of_the_version_alone_imports_not_even_the_command_line_library():
    code = (
        "import sys; sys.argv = ['keeper', '--version']; from keeper.cli import main; main();"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "click" not in done.stderr.split()
    assert done.stdout.startswith("keeper ")


def test_start_of_the_overview_imports_no_verb():
    code = "import sys; from keeper.cli.entry import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {f"keeper.cli.{verb}" for verb in VERBS} & set(done.stderr.split()) == set()


def test_overview_says_of_each_verb_what_the_verb_says():
    context = group.make_context("keeper", ["run"])
    for verb, summary in VERBS.items():
        command = VerbGroup.get_command(group, context, verb)
        assert command.name == verb
        assert " ".join(command.help.split("\n\n")[0].split()) == summary


def leaves(command, path):
    subcommands = getattr(command, "commands", {})
    return [found for name, inner in subcommands.items() for found in leaves(inner, (*path, name))] or [(path, command)]


def test_every_verb_takes_json_and_debug_and_shows_an_example():
    context = group.make_context("keeper", ["run"])
    for verb in VERBS:
        for path, command in leaves(VerbGroup.get_command(group, context, verb), (verb,)):
            options = {option for parameter in command.params for option in parameter.opts}
            assert {"--json", "--debug"} <= options, path
            assert f"keeper {' '.join(path)}" in (command.epilog or ""), path


def test_every_exit_code_of_an_error_is_documented():
    def codes(kind):
        return {kind.exit_code}.union(*(codes(inner) for inner in kind.__subclasses__()))

    assert SandboxError.exit_code in EXIT_CODES
    assert codes(KeeperError) <= set(EXIT_CODES)
