"""Runs of a keeper that is killed: a line of JSON for each, exit 1 where the books of any were wrong.

`PYTHONPATH=scripts python -m tests.faults.kill FIRST_SEED RUNS`; one seed repeats one run, and with `--keep FOLDER` its
journal stays where its books were wrong.
"""

import argparse
import asyncio
import dataclasses
import json
import os
import signal
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from keeper.sandbox.anvil import Anvil
from keeper.sandbox.packages import find_packages
from tests.anvil.desk_world import OPTIONS
from tests.fakes.geth_rules import serve
from tests.faults.kill.sabotage import SABOTAGES
from tests.faults.kill.story import Ground, Story


@contextmanager
def ground():
    """One chain for all runs, and the rules in a process of their own: this one forks, so it has no threads."""
    with Anvil(find_packages(), OPTIONS) as anvil:
        url, tell = os.pipe()
        rules = os.fork()
        if rules == 0:
            asyncio.run(serve(anvil.url, lambda text: os.write(tell, text.encode())))

        try:
            yield Ground(anvil.url, os.read(url, 1_000).decode())
        finally:
            os.kill(rules, signal.SIGKILL)
            os.waitpid(rules, 0)


def main():
    parser = argparse.ArgumentParser(prog="tests.faults.kill", description=__doc__)
    parser.add_argument("first_seed", type=int)
    parser.add_argument("runs", type=int)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--sabotage", choices=sorted(SABOTAGES), help="break the keeper, to see that it is noticed")
    options = parser.parse_args()
    failed = False
    # In memory, where there is a place: a killed process loses nothing the system has, and a sync costs nothing.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of our own is made in it
    with ground() as chain, tempfile.TemporaryDirectory(dir=memory) as scratch:
        for seed in range(options.first_seed, options.first_seed + options.runs):
            folder = (options.keep or Path(scratch)) / str(seed)
            told = Story(chain, folder, seed, options.sabotage).run()
            print(json.dumps(dataclasses.asdict(told)), flush=True)
            failed = failed or bool(told.faults)

    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
