"""One Anvil process: a local chain that ends with whoever started it and leaves nothing behind."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from keeper.sandbox.packages import Packages, SandboxError
from keeper.sandbox.tied import die_with_parent

START_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class AnvilOptions:
    """What a chain is started with."""

    port: int = 0
    """0 lets the system choose."""
    chain_id: int = 31_337
    timestamp: int | None = None
    """Unix s of the genesis block, or of now for a loaded state; None is the wall clock's."""
    gas_limit: int = 30_000_000
    load_state: Path | None = None
    dump_state: Path | None = None
    """Written when the chain is stopped."""
    fork_url: str | None = None
    fork_block: int | None = None
    ipc: Path | None = None
    extra: tuple[str, ...] = ()

    def arguments(self, scratch: Path) -> list[str]:
        """Spell the options for Anvil's command line."""
        arguments = ["--host", "127.0.0.1", "--port", str(self.port), "--auto-impersonate"]
        arguments += ["--gas-limit", str(self.gas_limit), "--cache-path", str(scratch)]
        named: Sequence[tuple[str, object]] = (
            # A fork has its source's chain id.
            ("--chain-id", self.chain_id if self.fork_url is None else None),
            ("--timestamp", self.timestamp),
            ("--load-state", self.load_state),
            ("--dump-state", self.dump_state),
            ("--fork-url", self.fork_url),
            ("--fork-block-number", self.fork_block),
            ("--ipc", self.ipc),
        )

        for name, value in named:
            if value is not None:
                arguments += [name, str(value)]

        if self.fork_url is not None:
            # The cache on disk is keyed by chain id and block, which every local chain shares.
            arguments.append("--no-storage-caching")

        return [*arguments, *self.extra]


class Anvil:
    """A running chain; `stop` ends it and removes its scratch files, however often it is called.

    The process also ends when the thread that started it does, unless it was started `detached`.
    """

    def __init__(self, packages: Packages, options: AnvilOptions | None = None, *, detached: bool = False) -> None:
        """Start the process and wait until it listens."""
        runs = packages.cache.parent / "run"
        runs.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(runs)
        self.scratch = Path(tempfile.mkdtemp(prefix="anvil-", dir=runs))
        self.log = self.scratch / "anvil.log"
        command = [packages.anvil(), *(options or AnvilOptions()).arguments(self.scratch)]

        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a terminal's Ctrl-C is for us to pass on, once
                preexec_fn=None if detached else die_with_parent(),  # noqa: PLW1509  # one system call, no locks
            )

        (self.scratch / "pid").write_text(str(self._process.pid))
        self.port = self._wait_for_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal: SIGSTOP and SIGCONT make a node that hangs and comes back.

        Returns after SIGSTOP when every thread stands still: until then it may still answer.
        """
        self._process.send_signal(number)
        if number is signal.SIGSTOP:
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def stop(self) -> None:
        """End the process, by SIGINT because that is when it writes its state, and remove its scratch files."""
        if self.running:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGINT)

            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

        shutil.rmtree(self.scratch, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_for_port(self) -> int:
        deadline = time.monotonic() + START_TIMEOUT_S

        while time.monotonic() < deadline:
            text = self.log.read_text(errors="replace")
            listening = re.search(r"Listening on [\d.]+:(\d+)\s", text)

            if listening is not None:
                return int(listening[1])

            if not self.running:
                self.stop()
                raise SandboxError(f"anvil ended while starting: {text[-1_000:].strip()}")

            time.sleep(0.005)

        self.stop()
        raise SandboxError(f"anvil did not listen within {START_TIMEOUT_S:.0f} s")


def _remove_abandoned(runs: Path) -> None:
    """Remove scratch files of chains that were killed along with their owner."""
    for scratch in runs.glob("anvil-*"):
        with suppress(OSError, ValueError):
            pid = int((scratch / "pid").read_text())

            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                shutil.rmtree(scratch, ignore_errors=True)
