"""Running tests against a mutant: in a forked process, through an import hook, without touching the checkout."""

import importlib.abc
import importlib.machinery
import os
import signal
import sys
import time
from collections.abc import Sequence
from enum import Enum
from types import ModuleType

import pytest

OPTIONS = ("-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--assert=plain")


class Verdict(Enum):
    """What the tests said about a mutant."""

    KILLED = "killed"
    TIMEOUT = "killed by time"
    SURVIVED = "survived"


class MutantFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another source; everything else is found as always."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        del path, target
        return importlib.machinery.ModuleSpec(fullname, self) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._source, f"<mutant of {self._name}>", "exec"), module.__dict__)  # noqa: S102  # the point


def warm_up() -> None:
    """Import what every test needs and no mutant changes, once, before the first fork."""
    import eth_abi  # noqa: F401, PLC0415
    import hypothesis.strategies  # noqa: F401, PLC0415
    import numpy as np  # noqa: F401, PLC0415
    import web3.types  # noqa: F401, PLC0415


def attempt(module: str, source: str, tests: Sequence[str], timeout_s: float) -> Verdict:
    """Run tests with a module's source replaced; a failing test, or one that never ends, kills the mutant."""
    child = os.fork()
    if child == 0:
        _run(module, source, tests)

    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return Verdict.SURVIVED if os.waitstatus_to_exitcode(status) == 0 else Verdict.KILLED

        time.sleep(0.01)

    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return Verdict.TIMEOUT


def _run(module: str, source: str, tests: Sequence[str]) -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.meta_path.insert(0, MutantFinder(module, source))
    code = 1
    try:
        code = int(pytest.main([*OPTIONS, *tests]))
    finally:
        os._exit(code)
