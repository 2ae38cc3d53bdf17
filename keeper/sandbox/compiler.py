"""The pinned Solidity compilers, and the cache of what they made."""

import hashlib
import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from keeper.sandbox.artifact import Artifact
from keeper.sandbox.packages import Packages, SandboxError, write_atomically

SETTINGS: dict[str, object] = {
    "optimizer": {"enabled": True, "runs": 200},
    # No metadata: the same source gives the same bytes wherever it is compiled.
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
}


@dataclass(frozen=True, slots=True)
class Compiler:
    """A compiler among the fetched packages, and the newest EVM it knows."""

    package: str
    evm_version: str


CURRENT = Compiler("solc", "cancun")
SOLC_0_8_19 = Compiler("solc-0.8.19", "paris")
"""For sources that want exactly this version."""
WANTED = ["abi", "evm.bytecode.object", "evm.bytecode.linkReferences"]


def compile_own(packages: Packages, folder: str, *imported: str) -> Mapping[str, Artifact]:
    """Compile every Solidity file below `contracts/<folder>`; the artifacts by contract name.

    `imported` are files elsewhere in `contracts` that those import.
    """
    files = sorted((packages.contracts / folder).rglob("*.sol"))
    wanted = {str(file.relative_to(packages.contracts)): {"content": file.read_text()} for file in files}
    others = {name: {"content": (packages.contracts / name).read_text()} for name in imported}
    return artifacts(compile_sources(packages, wanted | others, wanted))


def compile_package(
    packages: Packages, prefix: str, files: Iterable[str], compiler: Compiler = CURRENT
) -> Mapping[str, Artifact]:
    """Compile files of a package that ships sources only, with every library they import.

    `prefix` is the name its own imports use, for example `aave-v3-origin/src/contracts/`.
    """
    wrapper = "".join(f'import "{prefix}{file}.sol";\n' for file in files)
    source = f"// SPDX-License-Identifier: MIT\npragma solidity >=0.8.0;\n{wrapper}"
    return artifacts(compile_sources(packages, {"all.sol": {"content": source}}, ["*"], compiler))


def compile_sources(
    packages: Packages, sources: Mapping[str, Any], wanted: Iterable[str], compiler: Compiler = CURRENT
) -> Mapping[str, Any]:
    """Compile a standard-JSON input, or take the answer of the last time.

    Returns the compiler's `contracts`. Sources must carry every file that is not from a package: packages are
    covered by the lock file's hash, which names the cache.
    """
    chosen = {"evmVersion": compiler.evm_version, "outputSelection": {file: {"*": WANTED} for file in wanted}}
    job = json.dumps({"language": "Solidity", "sources": sources, "settings": SETTINGS | chosen}, sort_keys=True)
    script = packages.contracts / "tools" / "compile.js"
    key = hashlib.sha256(compiler.package.encode() + job.encode() + script.read_bytes()).hexdigest()[:16]
    cached = packages.cache / f"compiled-{key}.json"

    if cached.exists():
        return _contracts(cached.read_bytes())

    output = _run([packages.node(), str(script), compiler.package], job)
    write_atomically(cached, json.dumps({"contracts": output["contracts"]}).encode())
    return _contracts(cached.read_bytes())


def artifacts(contracts: Mapping[str, Any]) -> Mapping[str, Artifact]:
    """Name the deployable contracts of a compilation; interfaces and abstract ones have no code."""
    return {
        name: Artifact.from_compiler(
            name, output["abi"], output["evm"]["bytecode"]["object"], output["evm"]["bytecode"]["linkReferences"]
        )
        for by_name in contracts.values()
        for name, output in by_name.items()
        if output["evm"]["bytecode"]["object"]
    }


def _contracts(content: bytes) -> Mapping[str, Any]:
    contracts: Mapping[str, Any] = json.loads(content)["contracts"]
    return contracts


def _run(command: list[str], job: str) -> Mapping[str, Any]:
    finished = subprocess.run(command, input=job.encode(), capture_output=True, check=False)

    if finished.returncode != 0:
        raise SandboxError(f"the Solidity compiler stopped: {finished.stderr.decode(errors='replace')[-2_000:]}")

    output: Mapping[str, Any] = json.loads(finished.stdout)
    errors = [error["formattedMessage"] for error in output.get("errors", ()) if error["severity"] == "error"]

    if errors:
        raise SandboxError("\n".join(errors))

    return output
