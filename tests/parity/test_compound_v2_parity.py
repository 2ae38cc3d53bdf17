"""The Compound V2 adapter against Venus's own contracts, on random liquidations.

Each case is simulated on the deployed bytecode with its own balances, sums, rates, rules and prices. What the adapter
says is moved and redeemed, what the comptroller thinks before and after, and what remains must be the chain's own
numbers; what the contracts refuse, with or without a revert, must be refused by the adapter for that reason.
"""

import random
from collections import Counter

import pytest

from tests.parity import compound_v2_cases as cases
from tests.parity.compound_v2_compare import check, check_reads, live
from tests.parity.compound_v2_lab import Lab

FEW_SEED = 20_260_101
READS_EVERY = 12
"""Every so many cases everything the adapter reads is read in the case's own block."""

BRANCHES = {
    "liquidated", "half", "all cTokens but a crumb", "close factor", "seizes too much", "no cash", "unknown price",
    "paused", "healthy", "near one", "accrual decides", "only the pair accrues", "same market", "not entered",
    "native debt", "native collateral", "through the liquidator", "liquidator keeps a share", "redeem fee",
    "restricted", "two decimals", "three markets", "repays zero", "greatest number", "fresh already",
    "takes nothing", "more than the market counts",
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
            if i % READS_EVERY == 5:
                check_reads(lab, case)
        except AssertionError as error:
            error.add_note(f"case {i} of theme {theme}, seed {seed}, own seed {case_seed}: {case}")
            raise

        met.update(branches)
        trivial += "healthy" in branches and "near one" not in branches

    print(f"\nCompound V2: {count} cases, {trivial} trivial, seed {seed}")
    for branch in sorted(BRANCHES | met.keys()):
        print(f"  {branch:32} {met[branch]:6}")

    return met, trivial


def test_random_liquidations_equal_the_contracts(scene):
    """Few enough that a seed of their own makes sure every branch is met; `--full` draws anew."""
    met, trivial = run(Lab(scene), 116, FEW_SEED)
    assert {branch for branch in BRANCHES if met[branch] < 1} == set()
    assert trivial <= 116 // 10


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_many_random_liquidations_equal_the_contracts(scene, random_seed):
    met, trivial = run(Lab(scene), 1_200, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 10} == set()
    assert trivial <= 1_200 // 10
