"""The adapter against the protocol's own contracts, on random liquidations.

Each case is simulated on the deployed bytecode with its own balances, parameters, indices and prices. What the adapter
says it moves, which health it finds before and after, and what remains must be the chain's own numbers.
"""

from dataclasses import replace

import pytest

from tests.parity import aave_v3_cases as cases
from tests.parity.aave_v3_compare import check, check_reads, lived_through
from tests.parity.aave_v3_lab import lab36, lab302
from tests.parity.drawn import Suite, run

READS_EVERY = 10
"""Every so many cases everything the adapter reads is read in the case's own block."""

BRANCHES = {
    "3.6": {
        "half of total", "whole debt", "whole debt of a small position", "part", "all collateral", "bad debt",
        "bad debt in other reserves", "eMode", "dust refused", "paused", "inactive", "grace", "sentinel",
        "not collateral", "no liquidity", "zero threshold", "unknown price", "burns nothing", "frozen", "same asset",
        "two decimals", "near one", "debt of a wei or two", "no protocol fee", "underwater", "sentinel below 0.95",
    },
    "3.0.2": {
        "half of the debt", "whole debt", "part", "all collateral", "eMode", "eMode price", "paused", "inactive",
        "sentinel", "not collateral", "no liquidity", "zero threshold", "unknown price", "burns nothing", "frozen",
        "same asset", "two decimals", "near one", "debt of a wei or two", "no protocol fee", "underwater",
        "sentinel below 0.95",
    },
}  # fmt: skip


def drawn(scene, version, count, seed):
    """Live and check so many cases of one release."""
    lab = lab36(scene) if version == "3.6" else lab302(replace(scene, aave=scene.world.aave302))

    def play(place, theme, rng):
        case = cases.draw(lab, rng, theme)
        branches = check(lab, case, lived_through(lab, case))
        if place % READS_EVERY == 0:
            check_reads(lab, case)

        return branches

    return run(Suite(f"Aave {version}", tuple(cases.THEMES[version]), BRANCHES[version]), count, seed, play)


@pytest.mark.parametrize(("version", "count", "least"), [("3.6", 400, 3), ("3.0.2", 220, 2)])
def test_random_liquidations_equal_the_contracts(scene, random_seed, version, count, least):
    met = drawn(scene, version, count, random_seed)
    assert {branch for branch in BRANCHES[version] if met[branch] < least} == set()
    assert met["trivial"] <= count // 10


@pytest.mark.full
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(("version", "count"), [("3.6", 3_000), ("3.0.2", 2_000)])
def test_many_random_liquidations_equal_the_contracts(scene, random_seed, version, count):
    met = drawn(scene, version, count, random_seed)
    assert {branch for branch in BRANCHES[version] if met[branch] < 30} == set()
    assert met["trivial"] <= count // 10
