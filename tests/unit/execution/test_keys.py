import json
import stat
import subprocess
import sys

import pytest
import structlog
from eth_account import Account

from keeper.errors import SigningKeyError
from keeper.execution.keys import create_keystore, import_keystore, open_keystore, read_address, read_passphrase

CHEAP = 4_096  # the real work factor takes a second a time
PASSPHRASE = "correct horse"
KEY = "0x" + "11" * 32
# The address of that key, as published beside a test vector for request signatures.
ADDRESS = bytes.fromhex("19e7e376e7c213b7e7e7e46cc70a5dd086daff2a")


def test_a_new_key_opens_with_its_passphrase(tmp_path):
    path = tmp_path / "operator.json"
    address = create_keystore(path, PASSPHRASE, scrypt_n=CHEAP)
    assert bytes.fromhex(open_keystore(path, PASSPHRASE).address[2:]) == address
    assert read_address(path) == address


def test_two_new_keys_differ(tmp_path):
    one = create_keystore(tmp_path / "one.json", PASSPHRASE, scrypt_n=CHEAP)
    assert one != create_keystore(tmp_path / "two.json", PASSPHRASE, scrypt_n=CHEAP)


def test_a_keystore_is_readable_by_its_owner_alone(tmp_path):
    path = tmp_path / "operator.json"
    create_keystore(path, PASSPHRASE, scrypt_n=CHEAP)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_keystore_does_not_hold_the_key_in_the_clear(tmp_path):
    path = tmp_path / "operator.json"
    import_keystore(path, KEY, PASSPHRASE, scrypt_n=CHEAP)
    assert "11" * 32 not in path.read_text()
    assert json.loads(path.read_text())["crypto"]["kdf"] == "scrypt"


@pytest.mark.parametrize("written", [KEY, KEY[2:], f"  {KEY.upper().replace('0X', '0x')}\n"])
def test_an_imported_key_keeps_its_address(tmp_path, written):
    assert import_keystore(tmp_path / "operator.json", written, PASSPHRASE, scrypt_n=CHEAP) == ADDRESS


def test_a_keystore_of_another_tool_opens(tmp_path):
    path = tmp_path / "operator.json"
    path.write_text(json.dumps(Account.encrypt(KEY, PASSPHRASE, kdf="pbkdf2", iterations=1_000)))
    assert bytes.fromhex(open_keystore(path, PASSPHRASE).address[2:]) == ADDRESS


def test_an_existing_keystore_is_never_overwritten(tmp_path):
    path = tmp_path / "operator.json"
    path.write_text("precious")
    with pytest.raises(SigningKeyError, match="never overwritten"):
        create_keystore(path, PASSPHRASE, scrypt_n=CHEAP)

    assert path.read_text() == "precious"


@pytest.mark.parametrize("written", ["", "0x12", "zz" * 32, "00" * 32, "ff" * 32])
def test_what_is_not_a_private_key_is_refused_without_repeating_it(tmp_path, written):
    with pytest.raises(SigningKeyError, match="not a private key") as caught:
        import_keystore(tmp_path / "operator.json", written, PASSPHRASE, scrypt_n=CHEAP)

    assert not written or written not in str(caught.value)
    assert not (tmp_path / "operator.json").exists()


def test_a_wrong_passphrase_names_the_file_and_nothing_secret(tmp_path):
    path = tmp_path / "operator.json"
    import_keystore(path, KEY, PASSPHRASE, scrypt_n=CHEAP)
    with pytest.raises(SigningKeyError, match=r"operator\.json: wrong passphrase") as caught:
        open_keystore(path, "canary-passphrase")

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("content", ["", "[]", '{"version": 1}', "not json"])
def test_what_is_not_a_keystore_is_refused(tmp_path, content):
    path = tmp_path / "operator.json"
    path.write_text(content)
    with pytest.raises(SigningKeyError, match="keystore"):
        open_keystore(path, PASSPHRASE)


def test_a_keystore_without_its_inner_fields_is_refused(tmp_path):
    path = tmp_path / "operator.json"
    path.write_text('{"version": 3, "crypto": {}}')
    with pytest.raises(SigningKeyError, match="not a V3 keystore"):
        open_keystore(path, PASSPHRASE)


def test_a_keystore_that_names_another_address_is_refused(tmp_path):
    path = tmp_path / "operator.json"
    import_keystore(path, KEY, PASSPHRASE, scrypt_n=CHEAP)
    keystore = json.loads(path.read_text())
    path.write_text(json.dumps({**keystore, "address": "00" * 19 + "01"}))
    with pytest.raises(SigningKeyError, match="names another address"):
        open_keystore(path, PASSPHRASE)


def test_a_keystore_without_an_address_opens_but_cannot_be_shown(tmp_path):
    path = tmp_path / "operator.json"
    import_keystore(path, KEY, PASSPHRASE, scrypt_n=CHEAP)
    keystore = json.loads(path.read_text())
    del keystore["address"]
    path.write_text(json.dumps(keystore))
    assert bytes.fromhex(open_keystore(path, PASSPHRASE).address[2:]) == ADDRESS
    with pytest.raises(SigningKeyError, match="does not name its address"):
        read_address(path)


def test_a_missing_keystore_says_how_to_make_one(tmp_path):
    with pytest.raises(SigningKeyError, match="keeper keys new"):
        open_keystore(tmp_path / "none.json", PASSPHRASE)


def test_a_passphrase_is_the_first_line(tmp_path):
    path = tmp_path / "passphrase"
    path.write_text(" spaces count \nnot this\n")
    assert read_passphrase(path) == " spaces count "


@pytest.mark.parametrize("content", [b"", b"\nsecond line", b"\xff\xfe"])
def test_an_unusable_passphrase_file_names_itself(tmp_path, content):
    path = tmp_path / "passphrase"
    path.write_bytes(content)
    with pytest.raises(SigningKeyError, match="passphrase file"):
        read_passphrase(path)


def test_a_missing_passphrase_file_names_the_setting(tmp_path):
    with pytest.raises(SigningKeyError, match="passphrase_file"):
        read_passphrase(tmp_path / "none")


def test_an_empty_passphrase_is_refused(tmp_path):
    with pytest.raises(SigningKeyError, match="empty passphrase"):
        create_keystore(tmp_path / "operator.json", "", scrypt_n=CHEAP)


@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o400, False), (0o644, True)])
def test_a_passphrase_others_can_read_is_warned_about(tmp_path, mode, warns):
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE)
    path.chmod(mode)
    with structlog.testing.capture_logs() as logs:
        read_passphrase(path)

    assert [line["event"] for line in logs] == ["secret_file_shared"] * warns
    assert PASSPHRASE not in str(logs)


def test_a_process_with_a_key_leaves_no_core_and_is_closed_to_its_neighbours():
    """Asked of the kernel, in a process of its own: what is hidden once stays hidden."""
    look = (
        "import ctypes, resource\n"
        "from keeper.execution.keys import hide_memory\n"
        "hide_memory()\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE))"  # PR_GET_DUMPABLE
    )
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["0", "0", "0"]
