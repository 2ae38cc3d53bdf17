"""The Compound V3 adapter against Comet's twin, on random absorptions and purchases.

Each case is simulated on the twin's bytecode with its own indices, accounts, prices, reserves and stock, and read by
the adapter's own reads. What it says is paid and received must be what balances show, what it leaves must be what is
left; what the contract refuses must be declined for that reason. The twin itself answers what the real contracts
recorded.
"""

import random
from collections import Counter

import pytest

from tests.parity import compound_v3_cases as cases
from tests.parity.compound_v3_compare import check
from tests.parity.compound_v3_lab import Lab

pytestmark = pytest.mark.anvil

FEW, MANY = 100, 1_000
FEW_SEED = 20_260_101
BRANCHES = {
    *cases.MARKETS, "absorbed", "standing stock", "surplus left", "debt written off", "one purchase",
    "several purchases", "all there is", "in part", "the sale ends", "opened by the absorption",
    "beyond sixteen assets", "behind others", "accrual decides", "undecided", "left alike", "healthy, refused",
    "paused, refused",
    "bad price, refused", "not for sale, refused", "nothing to buy",
}  # fmt: skip


@pytest.fixture(scope="module")
def lab(packages):
    lab = Lab(packages)
    yield lab
    lab.stop()


def run(lab, count, seed):
    """Live and check so many cases; returns how often each branch was met."""
    rng, met = random.Random(seed), Counter()
    for i in range(count):
        theme, case_seed = cases.THEMES[i % len(cases.THEMES)], rng.getrandbits(64)
        own = random.Random(case_seed)
        state = cases.draw(lab, own, theme)
        try:
            met.update(check(lab, state, theme, own))
        except AssertionError as error:
            error.add_note(f"case {i} of theme {theme}, seed {seed}, own seed {case_seed}: {state}")
            raise

    print(f"\nCompound V3: {count} cases, seed {seed}")
    for branch in sorted(BRANCHES | met.keys()):
        print(f"  {branch:32} {met[branch]:6}")

    return met


def test_random_absorptions_and_purchases_equal_the_twins(lab):
    """Few enough that a seed of their own makes sure every branch is met; `--full` draws anew."""
    met = run(lab, FEW, FEW_SEED)
    assert {branch for branch in BRANCHES if met[branch] < 1} == set()


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_many_random_absorptions_and_purchases_equal_the_twins(lab, random_seed):
    met = run(lab, MANY, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 5} == set()
