"""Every rounding, sign, comparison and constant of Morpho Blue's arithmetic, flipped: a test notices, or none could."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITES = {
    "math": ("tests/unit/morpho_blue/test_math.py", "tests/property/test_morpho_blue_math.py"),
    "pre_liquidation": ("tests/unit/morpho_blue/test_pre_liquidation.py",),
}


@pytest.mark.full
@pytest.mark.timeout(5_400)
@pytest.mark.parametrize("module", SUITES)
def test_every_mutant_of_the_arithmetic_is_killed_or_listed_as_equivalent(module):
    command = [ROOT / "scripts/mutate", f"keeper/protocols/morpho_blue/{module}.py"]
    command += ["--equivalent", f"tests/mutation/morpho_blue_{module}.toml", "--tests", *SUITES[module]]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout
