"""What is installed is what was locked: every package of every lock has one version and its hashes."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
PINNED = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._\[\],-]*==[^ ;]+(?: ;.*)?(?: --hash=sha256:[0-9a-f]{64})+$")


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_one_version_and_its_hashes(lock):
    whole = (ROOT / lock).read_text().replace("\\\n", " ")
    lines = [" ".join(line.split("#")[0].split()) for line in whole.splitlines()]
    packages = [line for line in lines if line and not line.startswith("--")]
    assert packages
    assert [line for line in packages if not PINNED.match(line)] == []


def test_setup_installs_nothing_without_a_hash():
    installs = [line for line in (ROOT / "scripts" / "setup").read_text().splitlines() if " install " in line]
    of_packages = [line for line in installs if "pip" in line]
    assert of_packages
    assert [line for line in of_packages if "--require-hashes" not in line and "--no-deps" not in line] == []
