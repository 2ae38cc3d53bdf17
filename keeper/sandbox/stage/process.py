"""A program beside the stage, started as a person would start it, its output kept in files."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from keeper.sandbox.packages import SandboxError
from keeper.sandbox.tied import die_with_parent

END_TIMEOUT_S: Final = 10.0
_TAIL: Final = 2_000
"""Characters of a program's own words that go into an error about it."""


class Process:
    """A running program; leaving its context ends it. Output goes to `<name>.out` and `<name>.log` in a folder."""

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        """Start it, in our own environment unless another is given."""
        self.name = name
        self.output = folder / f"{name}.out"
        self.log = folder / f"{name}.log"
        self._read = 0

        with self.output.open("wb") as output, self.log.open("wb") as log:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                env=environ,
                preexec_fn=die_with_parent(),  # noqa: PLW1509  # one system call, no locks
            )

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, timeout_s: float) -> int:
        """Wait for its end and return its exit code; `SandboxError` where it takes longer."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise SandboxError(f"the {self.name} did not end within {timeout_s:.0f} s: {self.tail()}") from None

    def events(self) -> Iterator[Mapping[str, Any]]:
        """Yield the JSON lines it logged since last asked; anything else it says is passed over."""
        with self.log.open("rb") as file:
            file.seek(self._read)
            content = file.read()

        # A line is whole once its end is there.
        complete = content[: content.rfind(b"\n") + 1]
        self._read += len(complete)

        for line in complete.splitlines():
            if line.startswith(b"{"):
                yield json.loads(line)

    def tail(self) -> str:
        """Return its last words."""
        return self.log.read_text(errors="replace")[-_TAIL:].strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.exit_code is None:
            self._process.terminate()

            try:
                self._process.wait(END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
