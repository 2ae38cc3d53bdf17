"""A sandbox that stays up, through its verbs: an operator in another terminal finds everything there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from keeper.config.load import load_config
from keeper.sandbox.node import Node

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(300)]

KEEPER = str(Path(sys.executable).with_name("keeper"))


def verb(*arguments):
    return subprocess.run([KEEPER, "sandbox", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(saved, tmp_path_factory):
    """The folder of a running sandbox."""
    assert saved.state.exists()
    place = tmp_path_factory.mktemp("standing") / "sandbox"
    started = verb("up", "--folder", str(place), "--json")
    assert started.returncode == 0, started.stderr
    (place / "up.json").write_text(started.stdout)
    yield place
    verb("down", "--folder", str(place))


@pytest.fixture
def facts(folder):
    return json.loads((folder / "up.json").read_text())


def test_up_leaves_a_configuration_that_loads_and_files_nobody_else_reads(folder, facts):
    loaded = load_config(Path(facts["config"]), {})

    assert loaded.config.run.live
    assert loaded.config.executor is not None
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "operator.passphrase").stat().st_mode & 0o077 == 0


def test_up_mines_by_itself(facts):
    node = Node(facts["url"])
    before = int(node.rpc("eth_blockNumber"), 16)
    stamps = []

    # A block comes every two seconds; the test's time limit bounds the wait.
    while len(stamps) < 2:
        head = node.rpc("eth_getBlockByNumber", "latest", False)

        if int(head["number"], 16) > before + len(stamps):
            stamps.append(int(head["timestamp"], 16))

    node.close()
    assert stamps[1] - stamps[0] == 12


def test_up_twice_in_one_folder_is_refused(folder):
    again = verb("up", "--folder", str(folder))

    assert again.returncode == 9
    assert "a sandbox runs already" in again.stderr


def test_crash_lowers_the_named_feed_alone(folder):
    fallen = verb("crash", "--drop", "10", "--asset", "LINK", "--folder", str(folder), "--json")

    assert fallen.returncode == 0, fallen.stderr
    # 15 dollars less a tenth, with 8 decimals.
    assert json.loads(fallen.stdout) == {"LINK": "1350000000"}


def test_crash_of_an_unknown_asset_says_which_there_are(folder):
    refused = verb("crash", "--asset", "DOGE", "--folder", str(folder))

    assert refused.returncode == 9
    assert "no asset DOGE" in refused.stderr
    assert "WETH" in refused.stderr


def test_down_where_nothing_is_up_says_so(tmp_path):
    assert "no sandbox was up" in verb("down", "--folder", str(tmp_path / "none")).stdout


def test_up_in_a_folder_of_something_else_leaves_it_alone(tmp_path):
    (tmp_path / "precious").write_text("mine")
    refused = verb("up", "--folder", str(tmp_path))

    assert refused.returncode == 9
    assert "is not empty" in refused.stderr
    assert (tmp_path / "precious").read_text() == "mine"
