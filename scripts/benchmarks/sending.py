"""The keeper at work on the sandbox: from a head to the bytes leaving, and from a kill to armed again."""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.figure import Figure, same
from benchmarks.timing import each, percentile, shown
from keeper.sandbox.packages import find_packages
from keeper.sandbox.scenes import aave_v3
from keeper.sandbox.stage.command import keeper_command
from keeper.sandbox.stage.demo import trial_of
from keeper.sandbox.stage.opened import Stage, open_stage
from keeper.sandbox.stage.trial import run_trial

SEED = 1
PACE_S = 0.3
ROUND_TRIPS = 300
RESTARTS = 5
ARMED_WITHIN_S = 60.0
TIMED_KEEPER = Path(__file__).with_name("timed_keeper.py")


def measure() -> Iterator[Figure]:
    """Run the sandbox's whole path once, then kill and restart the keeper on what it left."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="keeper-bench-")))
        stage = open_stage(held, find_packages(), SEED, folder, [aave_v3.SCENE])
        samples = folder / "samples"
        os.environ["KEEPER_BENCH_SAMPLES"] = str(samples)
        trial = trial_of(stage, PACE_S)
        environ = {**trial.operator.environ, "KEEPER_BENCH_SAMPLES": str(samples)}
        trial = replace(
            trial,
            command=(sys.executable, str(TIMED_KEEPER)),
            operator=replace(trial.operator, environ=environ),
        )
        result = run_trial(trial, lambda _line: None)
        same(result.verdict["verdict"], "agree")
        sent = [float(line) for line in samples.read_text().split()]
        floors = _round_trips(stage.anvil.url)
        for percent in (50, 99):
            ours, floor = percentile(sent, percent), percentile(floors, 50)
            yield Figure(
                f"head to sent, p{percent}",
                ours / floor,
                "x",
                None,
                f"{shown(ours)} over {len(sent)} transactions of the sandbox's run, cores shared with node and judge; "
                f"one raw round trip to that node takes {shown(floor)} (p50)",
            )

        yield from _restarts(stage, environ)


def _restarts(stage: Stage, environ: Mapping[str, str]) -> Iterator[Figure]:
    """From the start of a process, on the journal of one that was killed, until it may sign."""
    command = [keeper_command(), "run", "--config", str(stage.operator.config), "--live", "--json"]
    bare = [sys.executable, "-c", "import keeper.app"]
    floors = each(lambda: subprocess.run(bare, check=True), RESTARTS)
    armed = [_until_armed(command, environ) for _ in range(RESTARTS + 1)][1:]  # the first reads what is new since
    ours, floor = percentile(armed, 50), percentile(floors, 50)
    yield Figure(
        "killed to armed again, p50",
        ours / floor,
        "x",
        None,
        f"{shown(ours)} of {RESTARTS}; a Python that only imports the keeper takes {shown(floor)}",
    )
    yield Figure("killed to armed again, worst", max(armed), "s", 2.0, f"of {RESTARTS} restarts", at_most=True)


def _until_armed(command: list[str], environ: Mapping[str, str]) -> float:
    start = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environ, text=True)
    try:
        for line in process.stderr or ():
            if '"lane_armed"' in line:
                return time.perf_counter() - start

            if time.perf_counter() - start > ARMED_WITHIN_S:
                break
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()

    raise TimeoutError("the keeper did not arm")


def _round_trips(url: str) -> list[float]:
    """Raw round trips on one kept connection, an empty question each."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []})

    def ask() -> None:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        connection.getresponse().read()

    ask()
    found = each(ask, ROUND_TRIPS)
    connection.close()
    return found
