"""A risk team's keeper: no key, no executor, no strategy; it watches, warns in time, and says the cure."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from keeper.alerting.watchlist import write_watchlist
from keeper.sandbox.aave import borrow, supply
from keeper.sandbox.assets import approve
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.feeds import DOLLAR, set_price
from keeper.types import parse_address, to_checksum
from keeper.units import WAD
from tests.canary import TOKEN
from tests.fakes.tables import aave_v3_table
from tests.unit.cli.terminal import keeper

pytestmark = pytest.mark.anvil

REPAY = "repay(address,uint256,uint256,address)"
CONFIG = """\
[chain]
id = {chain_id}
rpc = ["{rpc}"]
wrapped_native = "{weth}"
native_usd = "{feed}"
[watch]
margin_call_health = "1.05"
[[deployment]]
name = "aave"
adapter = "aave_v3"
addresses_provider = "{provider}"
[[venue]]
name = "uniswap"
kind = "uniswap_v3"
factory = "{factory}"
[[channel]]
name = "ops"
url_env = "OPS_URL"
"""


@pytest.fixture(scope="module")
def chain(packages, saved):
    with saved.start(packages) as anvil:
        local = LocalChain(anvil.url)
        yield local
        local.close()


@pytest.fixture(scope="module")
def borrower(chain, saved):
    """10 WETH against 22 000 USDC, at 2 700 dollars: health 10 * 2700 * 0.83 / 22000 = 1.0186."""
    user = chain.accounts[1]
    supply(chain, saved.world.aave36, saved.world.assets["WETH"], user, 10 * WAD)
    borrow(chain, saved.world.aave36, saved.world.assets["USDC"], user, 22_000_000_000)
    set_price(chain, saved.world.assets["WETH"].feed, 2_700 * DOLLAR)
    return to_checksum(user)


@pytest.fixture(scope="module")
def folder(chain, saved, tmp_path_factory):
    world = saved.world
    text = CONFIG.format(
        chain_id=int(chain.node.rpc("eth_chainId"), 16),
        rpc=chain.node.url,
        weth=to_checksum(world.assets["WETH"].token),
        feed=to_checksum(world.assets["WETH"].feed.proxy),
        provider=aave_v3_table(world).deployment["addresses_provider"],
        factory=to_checksum(world.uniswap.factory),
    )
    home = tmp_path_factory.mktemp("desk")
    (home / "keeper.toml").write_text(text)
    return home


@pytest.fixture(scope="module")
def told():
    """What a channel of ours was told."""
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"json://127.0.0.1:{server.server_address[1]}/{TOKEN}", heard
    server.shutdown()
    server.server_close()


def watch(chain, folder, url):
    """Run until a block brought nothing new."""
    chain.node.rpc("evm_setIntervalMining", 1)
    try:
        done = keeper("run", "--until-idle", "1", "--json", cwd=folder, environ={"OPS_URL": url})
    finally:
        chain.node.rpc("evm_setIntervalMining", 0)
        chain.node.rpc("evm_setAutomine", True)

    assert done.returncode == 0, done.stderr
    return done


def test_watch_only_run_warns_of_a_followed_account_and_the_cure_named_cures(chain, saved, folder, borrower, told):
    url, heard = told
    write_watchlist(folder / "keeper.db.watchlist", {parse_address(borrower): "treasury"})
    watch(chain, folder, url)
    (message,) = [one for one in heard if one["title"].startswith("Margin call: treasury")]
    assert "cure to 1.05: repay" in message["message"]
    assert "WETH below 2,650.6" in message["message"]
    done = keeper("margin", "--json", cwd=folder, environ={"OPS_URL": url})
    assert done.returncode == 0, done.stderr
    (row,) = [json.loads(line) for line in done.stdout.splitlines() if borrower in line]
    assert (row["state"], row["label"], row["deployment"]) == ("margin_call", "treasury", "aave")
    assert row["since_block"] > 0
    usdc = saved.world.assets["USDC"]
    cure = row["cures"][0]
    assert (cure["action"], cure["token"]) == ("repay", to_checksum(usdc.token))
    assert [sale["repay"] for sale in row["through_pools"]] == [to_checksum(usdc.token)]


@pytest.mark.full
def test_watch_only_run_says_nothing_twice_and_shows_it_to_people(chain, saved, folder, borrower, told):
    url, heard = told
    added = keeper("watchlist", "add", borrower, "--label", "treasury", "--json", cwd=folder)
    assert json.loads(added.stdout)["account"] == borrower
    assert f"{borrower} treasury" in keeper("watchlist", "list", cwd=folder).stdout
    watch(chain, folder, url)
    before = len([one for one in heard if "treasury" in one["title"]])
    watch(chain, folder, url)
    assert len([one for one in heard if "treasury" in one["title"]]) == before
    assert before <= 1
    shown = keeper("margin", cwd=folder, environ={"OPS_URL": url}).stdout
    assert [word for word in ("treasury", "since block", "falls at: WETH", "cure to 1.05") if word not in shown] == []
    explained = keeper("explain", borrower, cwd=folder, environ={"OPS_URL": url}).stdout
    assert "margin cure to 1.05: repay" in explained
    weth = to_checksum(saved.world.assets["WETH"].token)
    worse = keeper("margin", "--if", f"price:{weth}=-5%", "--json", cwd=folder).stdout
    (row,) = [json.loads(line) for line in worse.splitlines() if borrower in line]
    assert (row["state_before"], row["state"]) == ("margin_call", "liquidatable")
    unknown = keeper("margin", "--if", "made_up_bps=1", cwd=folder)
    assert (unknown.returncode, "liquidation_threshold_bps" in unknown.stderr) == (2, True)
    tested = keeper("alerts", "test", cwd=folder, environ={"OPS_URL": url})
    assert (tested.returncode, tested.stdout) == (0, "ops: taken\n")
    dead = keeper("alerts", "test", cwd=folder, environ={"OPS_URL": f"json://127.0.0.1:1/{TOKEN}"})
    assert (dead.returncode, TOKEN in dead.stdout + dead.stderr) == (2, False)
    (row,) = [json.loads(line) for line in keeper("margin", "--json", cwd=folder).stdout.splitlines()]
    amount = int(row["cures"][0]["amount"])
    usdc, pool, user = saved.world.assets["USDC"], saved.world.aave36.pool, chain.accounts[1]
    approve(chain, usdc, user, pool)
    # A little more: interest grows with every block that is mined meanwhile.
    chain.send(pool, REPAY, usdc.token, amount + 10**6, 2, user, sender=user)
    assert keeper("margin", "--json", cwd=folder).stdout == ""
