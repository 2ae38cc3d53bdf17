"""A running chain with the sandbox's world on it, put back after every test.

`scene` is the chain and everything on it; `aave36` and `aave302` are the same with one lending market picked. The
chain starts once per test process, and only if a test asks for it.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from keeper.sandbox.aave import AaveV3
    from keeper.sandbox.anvil import Anvil
    from keeper.sandbox.assets import Asset
    from keeper.sandbox.chain import LocalChain
    from keeper.sandbox.packages import Packages
    from keeper.sandbox.world import World


@dataclass(frozen=True)
class Scene:
    """A chain, what is deployed on it, and the market the test is about."""

    anvil: "Anvil"
    chain: "LocalChain"
    packages: "Packages"
    world: "World"
    aave: "AaveV3"

    def asset(self, symbol: str) -> "Asset":
        return self.world.assets[symbol]


def pytest_collection_modifyitems(items):
    """Mark what needs the local chain, so that `-m 'not anvil'` leaves it out."""
    for item in items:
        if "scene" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.anvil)


@pytest.fixture(scope="session")
def packages():
    from keeper.sandbox.packages import find_packages

    return find_packages()


@pytest.fixture(scope="session")
def saved(packages):
    """The world's saved state; built by the first test process that asks."""
    from keeper.sandbox.saved import saved_world

    return saved_world(packages)


@pytest.fixture(scope="session")
def running_scene(packages, saved):
    from keeper.sandbox.chain import LocalChain

    with saved.start(packages) as anvil:
        chain = LocalChain(anvil.url)
        yield Scene(anvil, chain, packages, saved.world, saved.world.aave36)
        chain.close()


@pytest.fixture
def scene(running_scene):
    node = running_scene.chain.node
    snapshot = node.rpc("evm_snapshot")
    yield running_scene
    node.rpc("evm_setAutomine", True)
    running_scene.chain.revert(snapshot)


@pytest.fixture
def aave36(scene):
    return scene


@pytest.fixture
def aave302(scene):
    return replace(scene, aave=scene.world.aave302)
