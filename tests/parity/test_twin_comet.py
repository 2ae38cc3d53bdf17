"""Our twin of Compound V3 against the recorded answers of the real contracts: every number, event and revert."""

import pytest

from tests.parity.twin_comet_answers import check
from tests.parity.twin_comet_cases import put
from tests.parity.twin_comet_lab import Lab
from tests.recorded import recorded, sample

FEW = 6
"""Cases of each kind and each named revert."""
SEED = 20_260_101


@pytest.fixture(scope="module")
def lab(packages):
    lab = Lab(packages, recorded("comet"))
    yield lab
    lab.stop()


def replay(lab, cases):
    scenarios = [put(lab, case) for case in cases]
    answers = iter(lab.play(one for several in scenarios for one in several))

    for case, several in zip(cases, scenarios, strict=True):
        try:
            check(lab, case, [next(answers) for _ in several])
        except AssertionError as error:
            error.add_note(f"{case}")
            raise

    return len(cases)


@pytest.mark.anvil
def test_drawn_cases_of_compound_v3_are_answered_as_recorded(lab):
    assert replay(lab, sample(recorded("comet"), FEW, SEED)) >= 100


@pytest.mark.anvil
@pytest.mark.full
@pytest.mark.timeout(1_800)
def test_every_case_of_compound_v3_is_answered_as_recorded(lab):
    assert replay(lab, recorded("comet")) == 2_018
