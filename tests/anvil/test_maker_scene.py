"""Maker's scene as it opens, and what the referee finds to earn in it when nobody takes it, or an outsider does."""

import json
from contextlib import closing
from itertools import pairwise

import pytest
from referee import manifest as manifests
from referee.judge import open_judge
from referee.probe import ADDRESS
from referee.rpc import Rpc

from keeper.sandbox.assets import approve, fund
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.market.draw import draw
from keeper.sandbox.market.moves import arbitrage, publish
from keeper.sandbox.market.path import FALL
from keeper.sandbox.scenes import maker
from keeper.sandbox.scenes.base import Turn
from keeper.sandbox.stage.opened import open_scenes
from keeper.types import parse_address, to_checksum
from keeper.units import MAX_UINT256, RAY, WAD

pytestmark = pytest.mark.anvil

SEED = 1
STRANGER = 3
EXECUTOR = bytes.fromhex("ee" * 20)
HOPS = 3
"""Blocks until a price that is held back counts."""
WAIT_S = 150
"""After which every curve is below the market."""
ETHER, STAKED = ("ether-1", "ether-2", "ether-3"), ("staked-1", "staked-2")


@pytest.fixture(scope="module")
def opened(packages, saved):
    """A chain of its own with the scene on it, and what came of opening it."""
    with saved.start(packages) as anvil:
        (played,) = open_scenes(anvil.url, packages, saved.world, SEED, [maker.SCENE])

        with closing(LocalChain(anvil.url)) as chain:
            yield chain, played.opened


@pytest.fixture(scope="module")
def fallen(opened, saved):
    """A block in which ether's fall counts, or will as soon as somebody pokes; nobody has poked the Spotter."""
    chain, scene = opened
    path = draw(SEED, "").path
    last = [step.name for step in path].index(FALL)

    for before, step in pairwise(path[: last + 1]):
        for place in range(step.blocks + (HOPS if step.name == FALL else 0)):
            moves = publish(chain, saved.world, step.feeds, before.feeds) if place == 0 else []
            moves += scene.moves(chain, Turn(before, step, place))
            chain.execute_many([*moves, *arbitrage(chain, saved.world, step.traded)])

    return int(chain.head()["number"], 16)


@pytest.fixture
def judging(opened, saved, tmp_path):
    """Return a function that judges the head: the judge, and whose vaults and auctions pay, with what they pay."""
    chain, scene = opened
    rules = {
        # The loans are Aave's.
        "deployments": [
            {
                "kind": "aave_v3",
                "name": "lender",
                "addresses_provider": to_checksum(saved.world.aave36.addresses_provider),
            },
            {**scene.referee, "name": maker.NAME},
        ],
        "venues": [{"factory": to_checksum(saved.world.uniswap.factory)}],
        "native_usd": to_checksum(saved.world.assets["WETH"].feed.proxy),
        "min_profit": "5 USD",
        "executor": to_checksum(EXECUTOR),
        "treasury": to_checksum(EXECUTOR),
    }
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(rules))

    with closing(Rpc(chain.url)) as rpc:

        def judge():
            head = int(chain.head()["number"], 16)
            found = open_judge(rpc, manifests.load(file), head)
            found.finish(head)
            paid = found.records[-1].paid
            return found, {scene.names[parse_address(f"0x{it.position[-40:]}")]: paid[it] for it in paid}

        yield judge


def test_everybody_is_healthy_when_the_scene_opens(opened):
    """But for the vault that is at auction, and owes nothing any more."""
    chain, scene = opened
    healths = scene.healths(chain, list(scene.names), int(chain.head()["number"], 16))

    assert {scene.names[account] for account, health in healths.items() if health is None} == {maker.ABANDONED}
    assert all(WAD <= health < 4 * WAD for health in healths.values() if health is not None)


@pytest.mark.usefixtures("fallen")
def test_referee_finds_what_can_be_barked_bought_and_begun_anew(opened, judging, saved):
    """First barks and a restart; after an outsider has made them, purchases, one of which it makes as well."""
    chain, _ = opened
    judge, paid = judging()
    part = judge.parts[1]
    assert set(paid) == {*ETHER, *STAKED, maker.ABANDONED}
    assert {finding.conclusion.pair.collateral for finding in paid.values()} == {part.dai}

    chain.execute_many(list(as_stranger(chain, part.paid.values())))
    chain.mine(interval_s=WAIT_S)
    judge, paid = judging()
    part = judge.parts[1]
    assert set(paid) == {*ETHER, *STAKED, maker.ABANDONED}
    assert {finding.conclusion.pair.debt for finding in paid.values()} == {part.dai}
    assert {finding.conclusion.pair.collateral for finding in paid.values()} == {
        f"0x{saved.world.assets[symbol].token.hex()}" for symbol in ("WETH", "wstETH")
    }
    assert judge.full_runs.doubts == []
    assert_purchase_is_read(chain, saved.world.assets["DAI"], judge, part)


def as_stranger(chain, paid):
    """The calls that pay, each once, paying an outsider."""
    stranger = chain.accounts[STRANGER]

    for step in dict.fromkeys(step for steps, _ in paid for step in steps):
        data = step.data.replace(bytes.fromhex(ADDRESS[2:]), stranger)
        yield Transaction(stranger, parse_address(step.to), data, gas=2_000_000)


def assert_purchase_is_read(chain, dai, judge, part):
    """An outsider buys all of an auction: the event is read as what its Vat balances say."""
    stranger = chain.accounts[STRANGER]
    (subject, auction), *_ = part.auctions.items()
    vat, clip = (parse_address(text) for text in (part.places.vat, part.places.ilks[auction.ilk].clip))
    fund(chain, dai, stranger, 100_000 * WAD)
    approve(chain, dai, stranger, parse_address(part.dai_join))
    join = "join(address,uint256)"
    chain.send(parse_address(part.dai_join), join, stranger, 100_000 * WAD, sender=stranger)
    chain.send(vat, "hope(address)", clip, sender=stranger)
    money = (vat, "dai(address)(uint256)", stranger)
    goods = (vat, "gem(bytes32,address)(uint256)", bytes.fromhex(auction.ilk[2:]), stranger)
    before = chain.call_many([money, goods])
    take = "take(uint256,uint256,uint256,address,bytes)"
    receipt = chain.send(clip, take, auction.id, MAX_UINT256, MAX_UINT256, stranger, b"", sender=stranger)
    block = int(receipt["blockNumber"], 16)
    after = chain.call_many([money, goods])
    (found,) = part.liquidations(judge.rpc, (block, block))

    assert (found.subject, found.liquidator) == (subject, f"0x{stranger.hex()}")
    assert (found.repaid, found.seized) == (-(-(before[0] - after[0]) // RAY), after[1] - before[1])
