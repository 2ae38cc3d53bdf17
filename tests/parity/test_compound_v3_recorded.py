"""Every recorded answer of the real contracts, given by our formulas: results to the unit, reverts by name."""

from collections import Counter

import pytest

from tests.parity.comet_recorded import branch, cases, recorded
from tests.parity.comet_replays import answered

BRANCHES = Counter(branch(case) for case in cases())


def test_recorded_cases_are_all_there():
    """The file's own description counts them by kind and by reverts."""
    kinds = Counter(case["kind"] for case in cases())
    assert kinds == {
        "market": 3,
        "accrual": 208,
        "is_liquidatable": 432,
        "absorb": 366,
        "quote": 411,
        "quote_inverse": 80,
        "buy": 392,
        "base_move": 105,
        "misc": 21,
    }
    assert sum(count for name, count in BRANCHES.items() if not name.endswith("answered")) == 231


@pytest.mark.parametrize("name", sorted(BRANCHES))
def test_recorded_case_is_answered_alike(name: str):
    differing = [
        (place, case["call"], answered(case), recorded(case))
        for place, case in enumerate(cases())
        if branch(case) == name and answered(case) != recorded(case)
    ]
    assert not differing, f"{len(differing)} of {BRANCHES[name]} differ, the first: {differing[0]}"
