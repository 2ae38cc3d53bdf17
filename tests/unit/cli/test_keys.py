"""Keystores are made, imported and shown; a key or passphrase is never printed."""

import json

import pytest

from tests.unit.cli.terminal import keeper

# The private key 1 belongs to this address: keccak of the curve's generator point.
KEY_ONE = "0x" + "1".rjust(64, "0")
ADDRESS_ONE = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


@pytest.fixture
def folder(tmp_path):
    for name, text in (("pass.txt", "correct horse\nignored\n"), ("wrong.txt", "battery staple"), ("key.txt", KEY_ONE)):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)

    return tmp_path


def test_key_imported_is_shown_by_its_address_and_opens(folder):
    done = keeper("keys", "import", "op.json", "--key-file", "key.txt", "--passphrase-file", "pass.txt", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{ADDRESS_ONE}\n", "")
    assert (folder / "op.json").stat().st_mode & 0o777 == 0o600
    done = keeper("keys", "show", "op.json", "--verify", "--passphrase-file", "pass.txt", "--json", cwd=folder)
    assert json.loads(done.stdout) == {"address": ADDRESS_ONE, "keystore": "op.json", "verified": True}
    done = keeper("keys", "show", "op.json", "--verify", "--passphrase-file", "wrong.txt", cwd=folder)
    assert (done.returncode, done.stdout) == (3, "")
    assert "wrong passphrase" in done.stderr
    assert "staple" not in done.stderr


def test_key_made_is_another_one_each_time_and_never_overwritten(folder):
    first = keeper("keys", "new", "a.json", "--passphrase-file", "pass.txt", "--json", cwd=folder)
    second = keeper("keys", "new", "b.json", "--passphrase-file", "pass.txt", "--json", cwd=folder)
    assert json.loads(first.stdout)["address"] != json.loads(second.stdout)["address"]
    again = keeper("keys", "new", "a.json", "--passphrase-file", "pass.txt", cwd=folder)
    assert again.returncode == 3
    assert "never overwritten" in again.stderr
    assert keeper("keys", "show", "a.json", cwd=folder).stdout.strip() == json.loads(first.stdout)["address"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["new", "op.json"], "no terminal to ask for the passphrase at: name a file with --passphrase-file"),
        (["import", "op.json"], "no terminal to ask for the private key at: name a file with --key-file"),
        (["import", "op.json", "--key-file", "absent"], "cannot read the key file absent"),
        (["import", "op.json", "--key-file", "pass.txt", "--passphrase-file", "pass.txt"], "expected 64 hex digits"),
        (["new", "op.json", "--passphrase-file", "absent"], "cannot read the passphrase file"),
        (["show", "absent.json"], "cannot read the keystore absent.json"),
        (["show", "key.txt"], "is not a keystore"),
    ],
)
def test_key_that_cannot_be_had_ends_with_code_3_and_says_what_to_do(folder, arguments, said):
    done = keeper("keys", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (3, "")
    assert said in done.stderr
    assert [secret for secret in ("correct horse", KEY_ONE, "Traceback") if secret in done.stderr] == []
    assert not (folder / "op.json").exists()
