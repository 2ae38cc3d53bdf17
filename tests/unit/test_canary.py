"""The net under every test catches what it is there for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.canary import KEY, PASSPHRASE, TOKEN, leaks_in, leaks_under, plant

LEAKS = {
    "printed": f"def test_it(): print({TOKEN!r})",
    "logged": f"import logging\ndef test_it(): logging.getLogger().warning('using %s', {PASSPHRASE!r})",
    "in a file": f"def test_it(tmp_path): (tmp_path / 'dump.bin').write_bytes(b'..' + bytes.fromhex('{KEY.hex()}'))",
}
ROOT = Path(__file__).parents[2]
HARMLESS = "def test_it(tmp_path): (tmp_path / 'x').write_text('nothing'); print('nothing')"


SPELLED = {"raw": KEY, "hex": KEY.hex(), "capitals": f"0x{KEY.hex().upper()}", "decimal": str(int.from_bytes(KEY))}


@pytest.mark.parametrize("secret", [TOKEN, PASSPHRASE, *SPELLED.values()], ids=["token", "passphrase", *SPELLED])
def test_a_secret_is_found_in_every_spelling(secret):
    around = (b"x", b"y") if isinstance(secret, bytes) else ("x", "y")
    assert len(leaks_in(around[0] + secret + around[1])) == 1
    assert leaks_in(secret[:-1]) == []


def test_a_file_is_searched_unless_it_is_where_a_secret_belongs(tmp_path):
    plant(tmp_path / "passphrase").write_text(PASSPHRASE)
    assert leaks_under(tmp_path) == []
    (tmp_path / "journal.db").write_bytes(b"\0\1" + KEY)
    assert leaks_under(tmp_path) == [f"the private key is in {tmp_path / 'journal.db'}"]
    plant(tmp_path / "journal.db")


@pytest.mark.parametrize("leak", ["none", *LEAKS])
def test_a_session_that_leaks_fails_though_its_tests_pass(tmp_path, leak):
    code = int(leak != "none")
    (tmp_path / "test_leak.py").write_text(LEAKS.get(leak, HARMLESS))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.canary", "-p", "no:cacheprovider", "test_leak.py"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    place = ("--rootdir", tmp_path, f"--basetemp={tmp_path / 'base'}")
    done = subprocess.run([*command, *place], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    plant(tmp_path / "test_leak.py")
    if leak == "in a file":
        plant(tmp_path / "base" / "test_it0" / "dump.bin")

    assert done.returncode == code, done.stdout
    assert ("secrets that leaked" in done.stdout) is bool(code)
    assert "1 passed" in done.stdout
