"""`python -m referee.build`: compile Probe.sol with the project's pinned compiler and print its runtime code."""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
COMPILER = HERE.parent.parent / "contracts" / "tools" / "compile.js"
SOURCE = "Probe.sol"
OUTPUT = {"*": {"*": ["evm.deployedBytecode.object"]}}
# No metadata hash: the same source gives the same bytes on every machine.
SETTINGS = {
    "optimizer": {"enabled": True, "runs": 200},
    "evmVersion": "cancun",
    "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
    "outputSelection": OUTPUT,
}


def compile_sources(sources: dict[str, str], node: str = "node") -> dict[str, str]:
    """Return the runtime code of every contract by its name, hex without a prefix; an error ends the program."""
    named = {name: {"content": text} for name, text in sources.items()}
    request = json.dumps({"language": "Solidity", "sources": named, "settings": SETTINGS})
    done = subprocess.run([node, str(COMPILER)], input=request, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    errors = [error["formattedMessage"] for error in answer.get("errors", ())]

    if errors:
        sys.exit("\n".join(errors))

    return {
        name: contract["evm"]["deployedBytecode"]["object"]
        for file in answer["contracts"].values()
        for name, contract in file.items()
    }


def probe_code(node: str = "node") -> str:
    """Compile the probe and return its runtime code."""
    return compile_sources({SOURCE: (HERE / SOURCE).read_text()}, node)["Probe"]


if __name__ == "__main__":
    print(probe_code())
