"""Every rounding, sign, comparison and constant of Perp Curie's arithmetic, flipped: a test notices, or none could."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.full
@pytest.mark.timeout(5_400)
def test_every_mutant_of_the_arithmetic_is_killed_or_listed_as_equivalent():
    command = [ROOT / "scripts/mutate", "keeper/protocols/perp_curie/math.py"]
    command += ["--equivalent", "tests/mutation/perp_curie_math.toml", "--tests", "tests/unit/perp_curie/test_math.py"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout
