"""Every rounding, sign, comparison and constant of Compound V2's arithmetic, flipped: a test notices, or none could."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ("tests/unit/compound_v2/test_math.py", "tests/property/test_compound_v2_sizes.py")


@pytest.mark.full
@pytest.mark.timeout(5_400)
def test_every_mutant_of_the_arithmetic_is_killed_or_listed_as_equivalent():
    command = [ROOT / "scripts/mutate", "keeper/protocols/compound_v2/math.py"]
    command += ["--equivalent", "tests/mutation/compound_v2_math.toml", "--tests", *TESTS]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout
