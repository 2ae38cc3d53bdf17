"""Every rounding, comparison, sign and constant of Aave's arithmetic, flipped: some test notices, or none could."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS_V3 = (
    "tests/unit/aave_v3/test_math_accrual.py",
    "tests/unit/aave_v3/test_math_liquidation.py",
    "tests/unit/aave_v3/test_offers.py",
    "tests/unit/aave_v3/test_settle.py",
    "tests/property/test_aave_v3_accounts.py",
    "tests/property/test_aave_v3_sizes.py",
)
TESTS_V2 = (
    "tests/unit/aave_v2/test_math.py",
    "tests/unit/aave_v2/test_adapter.py",
    "tests/property/test_aave_v2_sizes.py",
    "tests/property/test_aave_v2_screen.py",
)
SUITES = {
    "aave": (*TESTS_V2[:1], *TESTS_V3[:3]),
    "aave_v2": TESTS_V2,
    "aave_v3": TESTS_V3,
}


@pytest.mark.full
@pytest.mark.timeout(5_400)
@pytest.mark.parametrize("package", SUITES)
def test_every_mutant_of_the_arithmetic_is_killed_or_listed_as_equivalent(package):
    command = [ROOT / "scripts/mutate", f"keeper/protocols/{package}/math.py"]
    listed = f"tests/mutation/{package}_math.toml"
    command += ["--equivalent", listed] if (ROOT / listed).exists() else []
    command += ["--tests", *SUITES[package]]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout
