"""Every rounding, sign, comparison and constant of Compound V3's arithmetic, flipped: a test notices, or none could."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ("tests/unit/compound_v3/test_math.py", "tests/parity/test_compound_v3_recorded.py")


@pytest.mark.full
@pytest.mark.timeout(5_400)
def test_every_mutant_of_the_arithmetic_is_killed_or_listed_as_equivalent():
    command = [ROOT / "scripts/mutate", "keeper/protocols/compound_v3/math.py"]
    command += ["--equivalent", "tests/mutation/compound_v3_math.toml", "--tests", *TESTS]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout
