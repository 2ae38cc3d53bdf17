"""The doctor on a real market: what it passes, and that each thing broken is found with what to do about it."""

import json

import pytest

from keeper.sandbox.chain import LocalChain
from keeper.sandbox.stage.operator import settle_in
from keeper.types import to_checksum
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
def folder(chain, saved, tmp_path_factory):
    office = tmp_path_factory.mktemp("office")
    settle_in(chain, saved.world, office, chain.node.url, [aave_v3_table(saved.world)])
    return office


def look(folder, *arguments, **replacements):
    """The doctor's findings by check, with parts of the configuration replaced, and its exit code."""
    text = (folder / "keeper.toml").read_text()
    for old, new in replacements.values():
        assert old in text
        text = text.replace(old, new)

    (folder / "tried.toml").write_text(text)
    done = keeper("doctor", "--config", "tried.toml", "--json", *arguments, cwd=folder)
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


def failures(found):
    return {row["check"]: row for row in found if row["level"] == "fail"}


def test_sound_set_up_passes_even_for_a_live_run(folder):
    found, code = look(folder, "--live")

    assert (failures(found), code) == ({}, 0)
    assert {"journal", "disk", "node 1", "native price", "deployment aave_v3", "executor", "key"} <= {
        row["check"] for row in found
    }


def test_what_is_broken_is_named_with_what_to_do(folder, saved):
    nobody = to_checksum(b"\x77" * 20)
    feed, factory = to_checksum(saved.world.assets["WETH"].feed.proxy), to_checksum(saved.world.uniswap.factory)

    found, code = look(folder, price=(feed, nobody), pools=(factory, nobody))

    assert code == 10
    broken = failures(found)
    assert set(broken) == {"native price", "venue uniswap", "executor"}  # whose list knows the right factory
    assert all(row["hint"] for row in broken.values())
    assert nobody in broken["venue uniswap"]["text"]


def test_dead_endpoint_does_not_hide_the_living_one(folder, chain):
    found, code = look(folder, nodes=(f'"{chain.node.url}"', f'"http://127.0.0.1:9", "{chain.node.url}"'))

    assert code == 10
    assert "node 1" in failures(found)
    assert any(row["check"] == "node 2" and row["level"] == "pass" for row in found)
