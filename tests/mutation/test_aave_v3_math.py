"""Every rounding, comparison, sign and constant of Aave V3's arithmetic, flipped: some test notices, or none could."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = (
    "tests/unit/aave_v3/test_math_accrual.py",
    "tests/unit/aave_v3/test_math_liquidation.py",
    "tests/unit/aave_v3/test_offers.py",
    "tests/unit/aave_v3/test_settle.py",
    "tests/property/test_aave_v3_accounts.py",
    "tests/property/test_aave_v3_sizes.py",
)


@pytest.mark.full
@pytest.mark.timeout(5_400)
def test_every_mutant_of_the_arithmetic_is_killed_or_listed_as_equivalent():
    command = [ROOT / "scripts/mutate", "keeper/protocols/aave_v3/math.py"]
    command += ["--equivalent", "tests/mutation/aave_v3_math.toml", "--tests", *TESTS]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout
