"""Looking from the command line on a real market: positions, the reasoning about one, a record replayed."""

import base64
import gzip
import json
import re
import shutil

import pytest

from keeper.sandbox.aave import borrow, supply
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.feeds import DOLLAR, set_price
from keeper.sandbox.stage.operator import settle_in
from keeper.types import to_checksum
from keeper.units import WAD
from tests.fakes.tables import aave_v3_table
from tests.unit.cli.terminal import keeper

pytestmark = pytest.mark.anvil


@pytest.fixture(scope="module")
def chain(packages, saved):
    with saved.start(packages) as anvil:
        local = LocalChain(anvil.url)
        yield local
        local.close()


@pytest.fixture(scope="module")
def borrower(chain, saved):
    """10 WETH against 22 000 USDC: health 10 * 3000 * 0.83 / 22000 = 1.1318 at 3 000 dollars."""
    user = chain.accounts[1]
    supply(chain, saved.world.aave36, saved.world.assets["WETH"], user, 10 * WAD)
    borrow(chain, saved.world.aave36, saved.world.assets["USDC"], user, 22_000_000_000)
    return to_checksum(user)


@pytest.fixture(scope="module")
def folder(chain, saved, borrower, tmp_path_factory):
    assert borrower
    office = tmp_path_factory.mktemp("office")
    settle_in(chain, saved.world, office, chain.node.url, [aave_v3_table(saved.world)])
    return office


@pytest.fixture
def fallen(chain, saved):
    """WETH at 2 600 dollars while a test runs: health 10 * 2600 * 0.83 / 22000 = 0.9809."""
    feed = saved.world.assets["WETH"].feed
    set_price(chain, feed, 2_600 * DOLLAR)
    yield
    set_price(chain, feed, 3_000 * DOLLAR)


def answer(folder, *arguments):
    done = keeper(*arguments, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_position_is_listed_with_what_it_holds_and_owes(folder, borrower, saved):
    (row,) = [row for row in answer(folder, "positions") if row["account"] == borrower]
    assert row["state"] == "healthy"
    assert row["health_wad"].startswith("11318")
    assert [item["token"] for item in row["collateral"]] == [to_checksum(saved.world.assets["WETH"].token)]
    assert 22_000_000_000 <= int(row["debt"][0]["amount"]) < 22_001_000_000
    below = {limit: answer(folder, "positions", "--below", limit) for limit in ("1.1", "1.14")}
    assert [row["account"] for row in below["1.14"]] == [borrower]
    assert below["1.1"] == []


def test_position_for_people_is_shown_in_whole_tokens(folder, borrower):
    done = keeper("positions", cwd=folder)
    assert done.returncode == 0
    assert [
        word for word in (borrower, "1.131", "10 WETH", "22,000 USDC", " positions\n") if word not in done.stdout
    ] == []


def test_healthy_account_is_explained_by_its_health(folder, borrower):
    (row,) = answer(folder, "explain", borrower)
    assert (row["position"]["state"], row["offers"], row["plans"]) == ("healthy", [], [])


def test_liquidatable_account_is_explained_by_its_offers_and_plan(folder, borrower, fallen):
    del fallen
    (row,) = answer(folder, "explain", borrower)
    assert row["position"]["state"] == "liquidatable"
    assert [(offer["kind"], offer["sizes"][0][0] != "0") for offer in row["offers"]] == [("seize", True)]
    (plan,) = row["plans"]
    assert int(plan["expected_profit"]) > 0
    best = row["tried"][0]
    assert (int(best["repaid"]), best["profit"]) == (sum(map(int, plan["calls"])), plan["expected_profit"])
    page = folder / "why.html"
    shown = keeper("explain", borrower, "--plot", str(page), cwd=folder).stdout
    assert "tried repay" in shown
    assert page.read_text().count("<polyline") >= 1
    assert [word for word in ("offer seize WETH for USDC", "plan  seize", "expecting") if word not in shown] == []


def test_account_is_explained_as_it_was_at_an_earlier_block(folder, chain, borrower, fallen):
    """Before the fall it was healthy; the block is the one in which the opening ended."""
    del fallen
    newest = int(chain.node.rpc("eth_blockNumber"), 16)
    (row,) = answer(folder, "explain", borrower, "--block", str(newest - 3))
    assert row["block"] == newest - 3
    done = keeper("explain", borrower, "--block", str(newest + 1_000), cwd=folder)
    assert done.returncode != 0
    assert "has no block" in done.stderr


def test_account_that_owes_nothing_is_said_to(folder):
    done = keeper("explain", "0x" + "77" * 20, cwd=folder)
    assert done.returncode == 2
    assert "owes nothing in the configured deployments" in done.stderr


def test_recorded_dry_run_is_replayed_to_the_same_decisions_without_a_node(folder, chain, fallen):
    del fallen
    chain.node.rpc("evm_setIntervalMining", 1)
    try:
        done = keeper("run", "--until-idle", "1", "--json", cwd=folder, environ={"KEEPER__RUN__RECORDING": "dry.rec"})
    finally:
        chain.node.rpc("evm_setIntervalMining", 0)
        chain.node.rpc("evm_setAutomine", True)

    assert done.returncode == 0, done.stderr
    (replayed,) = answer(folder, "replay", "dry.rec")
    assert (replayed["same"], replayed["runs"]) == (True, 1)
    assert replayed["plans"] > 0
    report = answer(folder, "report", "--dry-run")
    assert {"dry_run"} == {row["status"] for row in report if row["status"] != "declined"}


def test_replay_of_something_else_is_refused(folder):
    done = keeper("replay", "keeper.toml", cwd=folder)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert keeper("replay", "absent.rec", cwd=folder).returncode == 2


@pytest.fixture(scope="module")
def carried(folder, tmp_path_factory, chain):
    """A state file of a dry run on this chain, as its lines."""
    office = shutil.copytree(folder, tmp_path_factory.mktemp("giving") / "office")
    chain.node.rpc("evm_setIntervalMining", 1)
    try:
        assert keeper("run", "--until-idle", "1", cwd=office).returncode == 0
    finally:
        chain.node.rpc("evm_setIntervalMining", 0)
        chain.node.rpc("evm_setAutomine", True)

    assert keeper("state", "export", "state.gz", cwd=office).returncode == 0
    return gzip.decompress((office / "state.gz").read_bytes()).decode().splitlines()


@pytest.fixture
def office(folder, tmp_path):
    """The same operator on another machine: no journal yet."""
    return shutil.copytree(folder, tmp_path / "office", ignore=shutil.ignore_patterns("*db*"))


def given(lines, office):
    (office / "state.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return keeper("state", "import", "state.gz", "--json", cwd=office)


def test_state_is_carried_to_another_keeper_and_held_against_the_chain(office, carried, borrower):
    done = given(carried, office)
    assert done.returncode == 0, done.stderr
    taken = {line["source"]: line["rows"] for line in map(json.loads, done.stdout.splitlines())}
    assert taken["aave_v3"] > 1
    assert "state_audited" in [json.loads(line)["event"] for line in done.stderr.splitlines()]
    again = keeper("state", "export", "again.gz", "--json", cwd=office)
    assert {line["source"] for line in map(json.loads, again.stdout.splitlines())} == set(taken)
    assert borrower in [row["account"] for row in answer(office, "positions")]


def test_state_file_that_is_cut_short_or_of_another_chain_is_refused(office, carried):
    cut = given(carried[:-1], office)
    assert (cut.returncode, "its end is missing" in cut.stderr) == (6, True)
    header = json.loads(carried[0]) | {"chain_id": 5}
    foreign = given([json.dumps(header), *carried[1:]], office)
    assert (foreign.returncode, "of chain 5" in foreign.stderr) == (6, True)
    orphan = given([re.sub(r'"hash":"0x....', '"hash":"0xdead', line) for line in carried], office)
    assert (orphan.returncode, "is not on this chain" in orphan.stderr) == (6, True)


def test_state_file_that_leaves_an_account_out_is_refused_whole(office, carried, borrower):
    account = base64.b64encode(bytes.fromhex(borrower[2:])).decode()
    others = [line for line in carried[:-1] if account[:24] not in line]
    assert len(others) == len(carried) - 2
    told = json.dumps({"rows": json.loads(carried[-1])["rows"] - 1})
    done = given([*others, told], office)
    assert done.returncode == 6
    assert "differ from the chain" in done.stderr
    assert "nothing of the file was kept" in done.stderr
    assert keeper("state", "export", "none.gz", cwd=office).returncode == 6
