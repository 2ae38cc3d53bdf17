"""`keeper positions` and `keeper explain` on the twin: vaults, running auctions, and when each pays."""

import json

import pytest

from keeper.sandbox.chain import LocalChain
from keeper.sandbox.maker import bark, open_vault
from keeper.sandbox.stage.operator import Table, settle_in
from keeper.types import to_checksum
from keeper.units import WAD
from tests.anvil.maker_world import OWNERS, addresses, crash, deploy
from tests.sandbox_fixtures import Scene
from tests.unit.cli.terminal import keeper

pytestmark = [pytest.mark.anvil, pytest.mark.full]


def test_vaults_and_auctions_are_listed_with_the_block_from_which_they_pay(packages, saved, tmp_path):
    with saved.start(packages) as anvil:
        chain = LocalChain(anvil.url)
        scene = Scene(anvil, chain, packages, saved.world, saved.world.aave36)
        maker = deploy(scene)
        ilk, owner = maker.ilks["ETH-A"], chain.accounts[OWNERS[0]]
        open_vault(chain, maker, ilk, owner, (ilk.asset.worth(12_000), 7_680 * WAD))
        named = addresses(maker)
        table = {
            "adapter": "maker",
            **{name: to_checksum(getattr(named, name)) for name in ("dog", "jug", "dai_join")},
            "gem_joins": [to_checksum(join) for join in named.gem_joins],
        }
        settle_in(chain, saved.world, tmp_path, chain.node.url, [Table("maker", table, {})])
        crash(scene, maker, "ETH-A", 95)
        chain.send(maker.spotter, "poke(bytes32)", ilk.key)
        bark(chain, maker, ilk, owner)
        now = chain.timestamp()
        done = keeper("positions", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        for_people = keeper("positions", cwd=tmp_path).stdout
        explained = keeper("explain", to_checksum(owner), "--json", cwd=tmp_path)
        chain.close()

    (auction,) = (row for row in rows if row["state"] == "sale")
    assert auction["account"] == to_checksum(owner)
    assert auction["profitable_at"] > now
    assert int(auction["net_usd"]) > 0
    assert f"pays from block {auction['profitable_block']} on" in auction["note"]
    assert [item["token"] for item in auction["collateral"]] == [to_checksum(ilk.asset.token)]
    assert any(row["state"] == "healthy" and row["profitable_block"] is None for row in rows)
    assert "sale: ETH-A auction 1" in for_people
    (told,) = map(json.loads, explained.stdout.splitlines())
    assert told["position"] == auction
    assert [offer["kind"] for offer in told["offers"]] == ["sale"]
    assert told["plans"] == []
    assert [no["reason"] for no in told["declined"]] == ["unprofitable"]
