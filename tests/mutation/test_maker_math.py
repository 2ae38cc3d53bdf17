"""Every rounding, sign, comparison and constant of Maker's arithmetic, flipped: a test notices, or none could."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = ("math", "checked", "bark", "auction", "frob")
SUITES = ("tests/unit/maker/test_math.py", "tests/unit/maker/test_vectors.py")


@pytest.mark.full
@pytest.mark.timeout(5_400)
@pytest.mark.parametrize("module", MODULES)
def test_every_mutant_of_the_arithmetic_is_killed_or_listed_as_equivalent(module):
    command = [ROOT / "scripts/mutate", f"keeper/protocols/maker/{module}.py"]
    command += ["--equivalent", f"tests/mutation/maker_{module}.toml", "--tests", *SUITES]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout
