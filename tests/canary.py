"""Secrets planted in the tests, and a session that fails if one of them shows where secrets do not belong.

Every key the tests sign with, every passphrase and every endpoint's token is one of these. What tests and the
processes they start print, say in errors and tracebacks, and write to files is searched for them, in every spelling.
"""

import base64
import hashlib
from pathlib import Path

import pytest

TOKEN = "canary-token-c0a9e71f2b"
PASSPHRASE = "canary-passphrase-7d41f0c2"
KEY = hashlib.sha256(b"the canary's private key").digest()
LARGEST_FILE = 50_000_000
"""Bytes of a file that is searched; what is larger is a chain's state, which holds no secret of ours."""
CONFIGURATION = ".toml"
"""What the operator writes may hold a whole URL."""
MAY_HOLD = "may_hold_a_canary"
"""A file of this name in a folder lists, one a line, the files in it that are where a secret belongs."""

SPELLINGS = {
    "the token": (TOKEN.encode(),),
    "the passphrase": (PASSPHRASE.encode(),),
    "the private key": (
        KEY,
        KEY.hex().encode(),
        KEY.hex().upper().encode(),
        base64.b64encode(KEY),
        str(int.from_bytes(KEY)).encode(),
    ),
}
_leaks = pytest.StashKey[list[str]]()
REPORTED = "canary_leaks"


def leaks_in(found: bytes | str) -> list[str]:
    """Name the secrets that show in something."""
    raw = found.encode("utf-8", "surrogateescape") if isinstance(found, str) else found
    return [name for name, spellings in SPELLINGS.items() if any(each in raw for each in spellings)]


def check(*texts: str) -> None:
    """Fail the test that made a process say this."""
    found = [name for text in texts for name in leaks_in(text)]
    assert not found, f"{' and '.join(found)} showed in what a process printed"


def plant(path: Path) -> Path:
    """Say that a file is where a secret belongs: a passphrase file, a key to be imported."""
    with (path.parent / MAY_HOLD).open("a") as listed:
        listed.write(f"{path.name}\n")

    return path


def leaks_under(folder: Path) -> list[str]:
    """Search every file under a folder."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.suffix == CONFIGURATION or path.name in _listed(path):
            continue

        if path.stat().st_size > LARGEST_FILE:
            continue

        found += [f"{name} is in {path}" for name in leaks_in(path.read_bytes())]

    return found


def _listed(path: Path) -> set[str]:
    listed = path.parent / MAY_HOLD
    return set(listed.read_text().splitlines()) if listed.is_file() else set()


# The plugin -----------------------------------------------------------------------------------------------------


def pytest_configure(config):
    config.stash[_leaks] = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    said = "\n".join([report.longreprtext, *(text for _, text in report.sections)])
    item.config.stash[_leaks] += [f"{name} showed in {item.nodeid} ({call.when})" for name in leaks_in(said)]


def pytest_sessionfinish(session):
    leaks = session.config.stash[_leaks]
    factory = getattr(session.config, "_tmp_path_factory", None)
    if factory is not None and factory._basetemp is not None:
        leaks += leaks_under(factory._basetemp)

    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[REPORTED] = leaks
    elif leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash[_leaks] += getattr(node, "workeroutput", {}).get(REPORTED, [])


def pytest_terminal_summary(terminalreporter, config):
    leaks = sorted(set(config.stash[_leaks]))
    if leaks:
        terminalreporter.section("secrets that leaked", sep="=", red=True)
        for leak in leaks:
            terminalreporter.line(leak)
