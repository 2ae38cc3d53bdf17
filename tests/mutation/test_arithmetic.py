"""Every rounding, sign, comparison and constant of the protocols' arithmetic, flipped: a test notices, or none could.

Those that none could are listed beside this file with the reason, one list per module.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AAVE_V3 = (
    "tests/unit/aave_v3/test_math_accrual.py",
    "tests/unit/aave_v3/test_math_liquidation.py",
    "tests/unit/aave_v3/test_offers.py",
    "tests/unit/aave_v3/test_settle.py",
    "tests/property/test_aave_v3_accounts.py",
    "tests/property/test_aave_v3_sizes.py",
)
AAVE_V2 = (
    "tests/unit/aave_v2/test_math.py",
    "tests/unit/aave_v2/test_adapter.py",
    "tests/property/test_aave_v2_sizes.py",
    "tests/property/test_aave_v2_screen.py",
)
MAKER = ("tests/unit/maker/test_math.py", "tests/unit/maker/test_vectors.py")
SUITES = {
    "aave/math": (*AAVE_V2[:1], *AAVE_V3[:3]),
    "aave_v2/math": AAVE_V2,
    "aave_v3/math": AAVE_V3,
    "compound_v2/math": ("tests/unit/compound_v2/test_math.py", "tests/property/test_compound_v2_sizes.py"),
    "compound_v3/math": ("tests/unit/compound_v3/test_math.py", "tests/parity/test_compound_v3_recorded.py"),
    "dydx_perpetual/math": ("tests/unit/dydx_perpetual/test_math.py", "tests/unit/dydx_perpetual/test_recorded.py"),
    "maker/math": MAKER,
    "maker/checked": MAKER,
    "maker/bark": MAKER,
    "maker/auction": MAKER,
    "maker/frob": MAKER,
    "morpho_blue/math": ("tests/unit/morpho_blue/test_math.py", "tests/property/test_morpho_blue_math.py"),
    "morpho_blue/pre_liquidation": ("tests/unit/morpho_blue/test_pre_liquidation.py",),
    "perp_curie/math": ("tests/unit/perp_curie/test_math.py",),
}
"""What must notice, quickest first, by module."""


@pytest.mark.full
@pytest.mark.timeout(5_400)
@pytest.mark.parametrize("module", SUITES)
def test_every_mutant_of_the_arithmetic_is_killed_or_listed_as_equivalent(module):
    listed = f"tests/mutation/{module.replace('/', '_')}.toml"
    command = [ROOT / "scripts/mutate", f"keeper/protocols/{module}.py"]
    command += ["--equivalent", listed] if (ROOT / listed).exists() else []
    command += ["--tests", *SUITES[module]]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout


def test_every_list_belongs_to_a_module():
    lists = {file.stem for file in (ROOT / "tests" / "mutation").glob("*.toml")}
    assert lists <= {module.replace("/", "_") for module in SUITES}
