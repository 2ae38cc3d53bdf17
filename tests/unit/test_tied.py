"""What a stage started ends with it, also when it had no time to see to that."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

STAGE = """
import sys
from pathlib import Path
from keeper.sandbox.stage.process import Process
print(Process("sleeper", ["sleep", "600"], Path(sys.argv[1])).pid, flush=True)
sys.stdin.read()
"""
PATIENCE_S = 60


def is_running(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False

    return stat.rsplit(")", 1)[1].split()[0] != "Z"  # that is dead, and nobody asked yet


def test_process_of_a_stage_that_was_killed_ends_with_it(tmp_path):
    with subprocess.Popen([sys.executable, "-c", STAGE, str(tmp_path)], stdin=-1, stdout=-1) as stage:
        sleeper = int(stage.stdout.readline())
        assert is_running(sleeper)
        os.kill(stage.pid, signal.SIGKILL)
        stage.wait()

    deadline = time.monotonic() + PATIENCE_S
    while is_running(sleeper):
        assert time.monotonic() < deadline
        time.sleep(0.02)
