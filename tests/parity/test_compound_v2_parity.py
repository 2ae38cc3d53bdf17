"""The Compound V2 adapter against Venus's own contracts, on random liquidations.

Each case is simulated on the deployed bytecode with its own balances, sums, rates, rules and prices. What the adapter
says is moved and redeemed, what the comptroller thinks before and after, and what remains must be the chain's own
numbers; what the contracts refuse, with or without a revert, must be refused by the adapter for that reason.
"""

import pytest

from tests.parity import compound_v2_cases as cases
from tests.parity.compound_v2_compare import check, check_reads, live
from tests.parity.compound_v2_lab import Lab
from tests.parity.drawn import Suite, run

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


SUITE = Suite("Compound V2", tuple(cases.THEMES), BRANCHES)


def drawn(scene, count, seed):
    """Live and check so many cases."""
    lab = Lab(scene)

    def play(place, theme, rng):
        case = cases.draw(lab, rng, theme)
        branches = check(lab, case, live(lab, case))
        if place % READS_EVERY == 5:
            check_reads(lab, case)

        return branches

    return run(SUITE, count, seed, play)


def test_random_liquidations_equal_the_contracts(scene):
    """Few enough that a seed of their own makes sure every branch is met; `--full` draws anew."""
    met = drawn(scene, 116, FEW_SEED)
    assert {branch for branch in BRANCHES if met[branch] < 1} == set()
    assert met["trivial"] <= 116 // 10


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_many_random_liquidations_equal_the_contracts(scene, random_seed):
    met = drawn(scene, 1_200, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 10} == set()
    assert met["trivial"] <= 1_200 // 10
