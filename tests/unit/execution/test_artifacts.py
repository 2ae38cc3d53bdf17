"""The artifacts in the package are what the sources compile to, and small enough to ship."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from keeper.errors import DecodeError
from keeper.execution.allowlist import CONFIGURE_SELECTOR
from keeper.execution.artifact import ExecutorParams, create2_address, executor_creation_code, load_artifact
from keeper.execution.calldata import EXECUTE_SELECTOR
from keeper.execution.deploy import SWEEP_SELECTOR
from keeper.types import Address

ROOT = Path(__file__).resolve().parents[3]
ARTIFACTS = ROOT / "keeper" / "execution" / "artifacts"


def test_artifacts_are_what_the_sources_compile_to_byte_for_byte():
    command = [sys.executable, str(ROOT / "scripts" / "build-contracts"), "--check"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_artifacts_are_small():
    assert all(path.stat().st_size < 400_000 for path in ARTIFACTS.glob("*.json"))


def test_code_fits_a_block_explorer_and_the_chain():
    """EIP-170: 24,576 bytes of runtime code."""
    assert len(load_artifact().runtime) <= 24_576


@pytest.mark.parametrize(
    ("name", "selector"), [("execute", EXECUTE_SELECTOR), ("configure", CONFIGURE_SELECTOR), ("sweep", SWEEP_SELECTOR)]
)
def test_selectors_are_those_of_the_abi(name, selector):
    abi = json.loads((ARTIFACTS / "Executor.json").read_text())["abi"]
    entry = next(e for e in abi if e["type"] == "function" and e["name"] == name)
    assert keccak(text=f"{name}({','.join(map(_type, entry['inputs']))})")[:4] == selector


def test_immutables_are_masked_and_read():
    artifact = load_artifact()
    code = bytearray(artifact.runtime)

    for place in artifact.immutables["owner"]:
        code[place : place + 32] = (7).to_bytes(32, "big")

    assert artifact.is_code_of(bytes(code))
    assert artifact.immutable(bytes(code), "owner") == 7
    assert not artifact.is_code_of(bytes(code) + b"\0")
    code[artifact.immutables["owner"][0] + 31] = 8

    with pytest.raises(DecodeError, match="2 values of owner"):
        artifact.immutable(bytes(code), "owner")


def test_code_changed_anywhere_else_is_not_ours():
    artifact = load_artifact()
    code = bytearray(artifact.runtime)
    code[5] ^= 1
    assert not artifact.is_code_of(bytes(code))


def test_address_follows_from_creation_code_and_salt():
    """EIP-1014's formula by hand, with the deployer in place of the sender."""
    params = ExecutorParams(*(Address(bytes([n] * 20)) for n in range(1, 5)), operators=(Address(bytes([5] * 20)),))
    code = executor_creation_code(params)
    deployer = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")

    assert code.startswith(load_artifact().creation)
    assert create2_address(code) == keccak(b"\xff" + deployer + bytes(32) + keccak(code))[12:]
    assert create2_address(code, b"\1" * 32) != create2_address(code)


def _type(entry):
    if not entry["type"].startswith("tuple"):
        return entry["type"]

    return f"({','.join(map(_type, entry['components']))}){entry['type'].removeprefix('tuple')}"
