"""`keeper signer` as a process of its own, asked over its socket; and the switch that stops it."""

import json
import os
import signal
import subprocess

import pytest

from keeper.errors import SigningKeyError
from keeper.execution.base import Fees
from keeper.execution.calldata import EXECUTE_SELECTOR
from keeper.execution.eip1559 import UnsignedTx
from keeper.execution.keys import import_keystore, open_keystore
from keeper.execution.remote import RemoteSigner
from keeper.execution.signer import LocalSigner, SigningPolicy
from keeper.execution.wires import SocketWire
from keeper.types import Address, to_checksum
from keeper.units import GWEI
from tests.canary import KEY, PASSPHRASE, check, plant
from tests.unit.cli.terminal import KEEPER, keeper
from tests.unit.config.sample import GOOD

EXECUTOR = Address(b"\x11" * 20)
POLICY = """\
keystore = "operator.json"
passphrase_file = "passphrase"
socket = "signer.sock"
chain_id = 1
executors = ["{executor}"]
count_file = "signer.count"
switch_file = "keeper.db.switch"
"""
TX = UnsignedTx("plan-1", EXECUTOR, EXECUTE_SELECTOR + bytes(64), 3, 700_000, Fees(100 * GWEI, 2 * GWEI))


@pytest.fixture
def folder(tmp_path):
    import_keystore(tmp_path / "operator.json", KEY.hex(), PASSPHRASE, scrypt_n=2**4)
    (tmp_path / "passphrase").touch(mode=0o600)
    plant(tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    (tmp_path / "signer.toml").write_text(POLICY.format(executor=to_checksum(EXECUTOR)))
    (tmp_path / "keeper.toml").write_text(GOOD)
    return tmp_path


@pytest.fixture
def process(folder):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KEEPER")}
    with subprocess.Popen(
        [KEEPER, "signer", "--policy", "signer.toml", "--json"],
        cwd=folder,
        env=inherited,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stderr:
            if json.loads(line)["event"] == "signer_ready":
                break

        yield process
        process.kill()


async def test_a_signer_signs_until_it_is_killed_by_the_operators_word_and_ends_on_a_signal(folder, process):
    account = open_keystore(folder / "operator.json", PASSPHRASE)
    policy = SigningPolicy(1, frozenset({EXECUTOR}), frozenset({EXECUTE_SELECTOR}), 500 * GWEI)
    here = LocalSigner(account, policy)
    there = RemoteSigner(SocketWire(str(folder / "signer.sock")), here.address, policy)
    await there.check()
    assert await there.sign(TX) == here.sign_at_once(TX)

    told = keeper("kill", "--because", "stolen laptop", "--json", cwd=folder)
    assert (told.returncode, json.loads(told.stdout)["order"]) == (0, "kill")
    with pytest.raises(SigningKeyError, match="killed by the operator: stolen laptop"):
        await there.sign(TX)

    assert keeper("resume", cwd=folder).returncode == 0
    await there.sign(TX)
    await there.close()
    process.send_signal(signal.SIGTERM)
    said = process.stderr.read()
    assert process.wait(20) == 0
    check(said)


def test_a_signers_file_is_refused_by_line(folder):
    text = (folder / "signer.toml").read_text()
    (folder / "signer.toml").write_text(text.replace("chain_id = 1", 'chain_id = "one"') + 'pasphrase = "hunter2"\n')
    done = keeper("signer", cwd=folder)
    assert done.returncode == 2
    assert "signer.toml:4: [chain_id]" in done.stderr
    assert "signer.toml:8" in done.stderr
    assert "hunter2" not in done.stderr
