"""The scenes of the twins as they open, and what the referee finds to earn in them when nobody takes it."""

import json
from contextlib import closing
from itertools import pairwise

import pytest
from referee import manifest as manifests
from referee.judge import open_judge
from referee.rpc import Rpc

from keeper.sandbox.chain import LocalChain
from keeper.sandbox.market.draw import draw
from keeper.sandbox.market.moves import arbitrage, publish
from keeper.sandbox.market.path import FALL
from keeper.sandbox.scenes import compound_v3, dydx_perpetual
from keeper.sandbox.scenes.base import Turn
from keeper.sandbox.stage.opened import open_scenes
from keeper.types import to_checksum
from keeper.units import WAD

pytestmark = pytest.mark.anvil

SEED = 1
EXECUTOR = bytes.fromhex("ee" * 20)


@pytest.fixture(scope="module")
def opened(packages, saved):
    """A chain of its own with both scenes on it: the chain, and what came of opening them, by name."""
    with saved.start(packages) as anvil:
        played = open_scenes(anvil.url, packages, saved.world, SEED, [compound_v3.SCENE, dydx_perpetual.SCENE])

        with closing(LocalChain(anvil.url)) as chain:
            yield chain, {one.scene.name: one for one in played}


@pytest.fixture(scope="module")
def fallen(opened, saved):
    """The block after which ether has risen and fallen: everything the scenes do on the way was done."""
    chain, played = opened
    path = draw(SEED, "").path
    last = [step.name for step in path].index(FALL)

    for before, step in pairwise(path[: last + 1]):
        moves = publish(chain, saved.world, step.feeds, before.feeds)
        turn = Turn(before, step, 0)
        moves += [move for one in played.values() for move in one.opened.moves(chain, turn)]
        chain.execute_many([*moves, *arbitrage(chain, saved.world, step.traded)])

    for one in played.values():
        chain.execute_many(list(one.opened.grants(chain, EXECUTOR)))

    return int(chain.head()["number"], 16)


@pytest.mark.parametrize("name", [compound_v3.NAME, dydx_perpetual.NAME])
def test_everybody_is_healthy_when_a_scene_opens(opened, name):
    chain, played = opened
    one = played[name].opened
    block = int(chain.head()["number"], 16)
    healths = one.healths(chain, list(one.names), block)

    assert healths.keys() == one.names.keys()
    assert all(WAD <= health < 4 * WAD for health in healths.values())


def test_contracts_say_who_has_fallen(opened, fallen):
    """The shorts, whose time was the rally, are healthy again; of the dust there is too little to absorb it for."""
    chain, played = opened
    low = {}

    for name, one in played.items():
        names = one.opened.names
        healths = one.opened.healths(chain, list(names), fallen)
        low[name] = {names[account] for account, health in healths.items() if health is not None and health < WAD}

    assert low == {
        "compound_v3": {"long-1", "long-2", "long-3", "dust-1", "dust-2"},
        "dydx_perpetual": {"long-1", "long-2", "long-3", "dust-1", "dust-2"},
    }


def test_referee_finds_what_is_left_on_the_twins(opened, fallen, saved, tmp_path):
    """Three positions of each pay, and the stock that the governor put on sale; dust is below the floor."""
    chain, played = opened
    weth, link = saved.world.assets["WETH"], saved.world.assets["LINK"]
    rules = {
        # The loans are Aave's.
        "deployments": [
            {
                "kind": "aave_v3",
                "name": "lender",
                "addresses_provider": to_checksum(saved.world.aave36.addresses_provider),
            },
            *({**one.opened.referee, "name": name} for name, one in played.items()),
        ],
        "venues": [{"factory": to_checksum(saved.world.uniswap.factory)}],
        "native_usd": to_checksum(weth.feed.proxy),
        "min_profit": "5 USD",
        "executor": to_checksum(EXECUTOR),
        "treasury": to_checksum(EXECUTOR),
        "run_block": fallen,
    }
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(rules))

    with closing(Rpc(chain.url)) as rpc:
        judge = open_judge(rpc, manifests.load(file), fallen)
        judge.finish(fallen)

    (record,) = judge.records
    names = {f"0x{account.hex()}": name for one in played.values() for account, name in one.opened.names.items()}
    names |= {f"0x{asset.token.hex()}": asset.listing.symbol for asset in (weth, link)}
    paid = {(subject.deployment, names[subject.position]) for subject in record.paid}
    longs = ("long-1", "long-2", "long-3")

    assert paid == {
        *(("compound_v3", name) for name in (*longs, "WETH", "LINK")),
        *(("dydx_perpetual", name) for name in longs),
    }
    assert judge.full_runs.doubts == []
