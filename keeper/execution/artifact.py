"""The compiled contracts that ship with the package, and where they end up when deployed.

`scripts/build-contracts` makes the files; a test compiles again and compares byte for byte.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from eth_utils.crypto import keccak

from keeper.errors import DecodeError
from keeper.types import ZERO_ADDRESS, Address

CREATE2_DEPLOYER: Final = Address(bytes.fromhex("4e59b44847b379578588920cA78FbF26c0B4956C"))
"""The keyless deployer that has the same address on every chain."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One contract. `immutables` are the byte offsets at which the runtime code holds each immutable's word."""

    creation: bytes
    runtime: bytes
    immutables: Mapping[str, tuple[int, ...]]

    @property
    def masked_hash(self) -> bytes:
        """Hash of the runtime code with every immutable zero: the same for every deployment."""
        return bytes(keccak(self.runtime))

    def mask(self, code: bytes) -> bytes:
        """Zero the places of the immutables in a deployed code."""
        masked = bytearray(code)

        for places in self.immutables.values():
            for place in places:
                masked[place : place + 32] = bytes(32)

        return bytes(masked)

    def is_code_of(self, code: bytes) -> bool:
        """Tell whether a deployed code is this contract's, whatever its immutables."""
        return len(code) == len(self.runtime) and self.mask(code) == self.runtime

    def immutable(self, code: bytes, name: str) -> int:
        """Read an immutable out of a deployed code; `DecodeError` if its places disagree."""
        words = {code[place : place + 32] for place in self.immutables[name]}
        if len(words) != 1:
            raise DecodeError(f"the code holds {len(words)} values of {name}")

        return int.from_bytes(words.pop(), "big")


@dataclass(frozen=True, slots=True)
class ExecutorParams:
    """What an executor is made with; together with the salt it decides the address."""

    owner: Address
    guardian: Address
    treasury: Address
    wrapped_native: Address
    operators: Sequence[Address]
    atlas: Address = ZERO_ADDRESS


@cache
def load_artifact(name: str = "Executor") -> Artifact:
    """Read a contract of the package: `Executor` or `Vault`."""
    content = json.loads((files("keeper.execution") / "artifacts" / f"{name}.json").read_text())
    return Artifact(
        bytes.fromhex(content["creation"][2:]),
        bytes.fromhex(content["runtime"][2:]),
        {name: tuple(places) for name, places in content["immutables"].items()},
    )


def executor_creation_code(params: ExecutorParams) -> bytes:
    """Append the constructor's arguments to the creation code."""
    named = (params.owner, params.guardian, params.treasury, params.wrapped_native, params.atlas)
    operators = b"".join(map(_word, params.operators))
    length = len(params.operators).to_bytes(32, "big")
    head = b"".join(map(_word, named)) + (32 * (len(named) + 1)).to_bytes(32, "big")
    return load_artifact().creation + head + length + operators


def vault_creation_code(owner: Address, executor: Address) -> bytes:
    """Append the constructor's arguments to the vault's creation code."""
    return load_artifact("Vault").creation + _word(owner) + _word(executor)


def create2_address(creation_code: bytes, salt: bytes = bytes(32)) -> Address:
    """Compute where the keyless deployer puts a contract."""
    preimage = b"\xff" + CREATE2_DEPLOYER + salt + keccak(creation_code)
    return Address(bytes(keccak(preimage)[12:]))


def _word(address: Address) -> bytes:
    return address.rjust(32, b"\0")
