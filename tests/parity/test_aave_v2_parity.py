"""The Aave V2 adapter against the protocol's own contracts, on random liquidations.

Each case is simulated on the deployed bytecode with its own balances, parameters, indices and prices. What the adapter
says it moves, which health it finds before and after, and what remains must be the chain's own numbers.
"""

import pytest

from tests.parity import aave_v2_cases as cases
from tests.parity.aave_v2_compare import check, check_reads, lived_through
from tests.parity.aave_v2_lab import LabV2
from tests.parity.drawn import Suite, run

READS_EVERY = 10
"""Every so many cases everything the adapter reads is read in the case's own block."""

BRANCHES = {
    "half", "part", "all collateral", "stable debt", "both rates", "pays into both debts", "pays stable debt",
    "pays variable debt", "paused", "inactive", "frozen", "not collateral", "no liquidity", "zero threshold",
    "unknown price", "burns nothing", "burns too much", "same asset", "two decimals", "near one",
    "debt of a wei or two", "underwater", "earns nothing", "healthy",
}  # fmt: skip


SUITE = Suite("Aave V2", tuple(cases.THEMES), BRANCHES)


def drawn(scene, count, seed):
    """Live and check so many cases."""
    lab = LabV2(scene)

    def play(place, theme, rng):
        case = cases.draw(lab, rng, theme)
        branches = check(lab, case, lived_through(lab, case))
        if place % READS_EVERY == 0:
            check_reads(lab, case)

        return branches

    return run(SUITE, count, seed, play)


def test_random_liquidations_equal_the_contracts(scene, random_seed):
    met = drawn(scene, 132, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 1} == set()
    assert met["trivial"] <= 132 // 10


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_many_random_liquidations_equal_the_contracts(scene, random_seed):
    met = drawn(scene, 1_100, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 10} == set()
    assert met["trivial"] <= 1_100 // 10
