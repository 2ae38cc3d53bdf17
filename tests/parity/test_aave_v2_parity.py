"""The Aave V2 adapter against the protocol's own contracts, on random liquidations.

Each case is simulated on the deployed bytecode with its own balances, parameters, indices and prices. What the adapter
says it moves, which health it finds before and after, and what remains must be the chain's own numbers.
"""

import random
from collections import Counter

import pytest

from tests.parity import aave_v2_cases as cases
from tests.parity.aave_v2_compare import check, check_reads, live
from tests.parity.aave_v2_lab import LabV2

READS_EVERY = 10
"""Every so many cases everything the adapter reads is read in the case's own block."""

BRANCHES = {
    "half", "part", "all collateral", "stable debt", "both rates", "pays into both debts", "pays stable debt",
    "pays variable debt", "paused", "inactive", "frozen", "not collateral", "no liquidity", "zero threshold",
    "unknown price", "burns nothing", "burns too much", "same asset", "two decimals", "near one",
    "debt of a wei or two", "underwater", "earns nothing", "healthy",
}  # fmt: skip


def run(lab, count, seed):
    """Live and check so many cases; returns how often each branch was met."""
    rng = random.Random(seed)
    met, trivial = Counter(), 0
    for i in range(count):
        theme = cases.THEMES[i % len(cases.THEMES)]
        case_seed = rng.getrandbits(64)
        case = cases.draw(lab, random.Random(case_seed), theme)
        try:
            branches = check(lab, case, live(lab, case))
            if i % READS_EVERY == 0:
                check_reads(lab, case)
        except AssertionError as error:
            error.add_note(f"case {i} of theme {theme}, seed {seed}, own seed {case_seed}: {case}")
            raise

        met.update(branches)
        trivial += "healthy" in branches and "near one" not in branches

    print(f"\nAave V2: {count} cases, {trivial} trivial, seed {seed}")
    for branch in sorted(BRANCHES | met.keys()):
        print(f"  {branch:32} {met[branch]:6}")

    return met, trivial


def test_random_liquidations_equal_the_contracts(scene, random_seed):
    met, trivial = run(LabV2(scene), 132, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 1} == set()
    assert trivial <= 132 // 10


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_many_random_liquidations_equal_the_contracts(scene, random_seed):
    met, trivial = run(LabV2(scene), 1_100, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 10} == set()
    assert trivial <= 1_100 // 10
