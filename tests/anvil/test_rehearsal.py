"""A rehearsal on somebody's chain: the sandbox stands in for it, and must not notice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from keeper.sandbox.node import Node

pytestmark = [pytest.mark.anvil, pytest.mark.full, pytest.mark.timeout(600)]

KEEPER = str(Path(sys.executable).with_name("keeper"))


@pytest.fixture
def sandbox(tmp_path):
    place = tmp_path / "sandbox"
    started = subprocess.run(
        [KEEPER, "sandbox", "up", "--folder", str(place), "--json"], capture_output=True, text=True, check=False
    )
    assert started.returncode == 0, started.stderr
    yield json.loads(started.stdout)
    subprocess.run([KEEPER, "sandbox", "down", "--folder", str(place)], check=True, capture_output=True)


def test_rehearsal_liquidates_on_the_fork_and_leaves_the_chain_alone(sandbox):
    command = [KEEPER, "sandbox", "demo", "--fork-url", sandbox["url"], "--config", sandbox["config"], "--json"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    document = json.loads(finished.stdout)
    landed = [row for row in document["outcomes"] if row["status"] == "landed"]

    assert finished.returncode == 0, finished.stderr[-3_000:]
    assert document["faults"] == []
    assert document["referee"]["verdict"] == "agree"
    assert len(landed) >= 30

    node = Node(sandbox["url"])
    assert all(node.rpc("eth_getTransactionReceipt", row["tx_hash"]) is None for row in landed)
    assert not (Path(sandbox["config"]).parent / "keeper.db").exists()
    node.close()
