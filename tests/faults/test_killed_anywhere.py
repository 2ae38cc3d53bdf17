"""`kill -9` while it works: nothing is sent twice, forgotten, or booked wrong, says a program that asks only the chain.

Every run is drawn from one integer: `PYTHONPATH=scripts python -m tests.faults.kill SEED 1` repeats it. Requests and
answers get lost, transactions are refused, evicted and outbid, gas spikes, blocks are orphaned; the node insists on
geth's rules.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.kill.points import POINTS

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(1_800)]

RUNS = 50
"""One process plays them all: a second one would cost as much to start as ten runs."""
ROOT = Path(__file__).parents[2]


def play(first_seed, runs, *options, program="tests.faults.kill"):
    command = [sys.executable, "-m", program, str(first_seed), str(runs), *options]
    environ = {**os.environ, "PYTHONPATH": "scripts"}
    played = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environ)
    told = [json.loads(line) for line in played.stdout.splitlines()]
    assert len(told) == runs, played.stderr
    return told


def faults_of(told):
    return {run["seed"]: run["faults"] for run in told if run["faults"]}


def test_killed_anywhere_the_books_are_the_chains(random_seed):
    told = play(random_seed, RUNS)
    assert faults_of(told) == {}
    died_at = {point for run in told for point in run["deaths"]}
    assert died_at >= set(POINTS), "not every named crash point was met"
    assert {"line", "statement", "clock"} <= died_at


@pytest.mark.full
@pytest.mark.parametrize(
    ("sabotage", "fault"),
    [("sends_first", "not ours"), ("forgets_reorgs", "wrong booking"), ("signs_anew", "ended by itself")],
)
def test_keeper_that_breaks_the_order_is_caught(sabotage, fault):
    told = play(0, 40, "--sabotage", sabotage)
    assert [run["seed"] for run in told if any(fault in found for found in run["faults"])]


@pytest.mark.full
@pytest.mark.parametrize("batch", range(10))
def test_thousand_times_killed_anywhere_the_books_are_the_chains(random_seed, batch):
    assert faults_of(play(random_seed + 1_000 + 100 * batch, 100)) == {}


@pytest.mark.full
@pytest.mark.parametrize("run", range(3))
def test_killed_in_a_real_market_the_books_are_the_chains(random_seed, run):
    """The whole keeper, on real lending contracts in a crash: killed a dozen times while it works."""
    (told,) = play(random_seed + run, 1, program="tests.faults.kill.market")
    assert told["faults"] == []
    assert len(told["deaths"]) >= 8
    assert told["transactions"] >= 40
