"""Multicall3 at its usual address, where a fresh local chain has nothing."""

import re
from typing import Final

from keeper.sandbox.artifact import Artifact
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.packages import Packages, SandboxError
from keeper.types import Address

MULTICALL3: Final = Address(bytes.fromhex("ca11bde05977b3631167028862be2a173976ca11"))
CONSTANTS: Final = "viem/_cjs/constants/contracts.js"


def install_multicall3(chain: LocalChain, packages: Packages) -> None:
    """Put the real code at the real address."""
    constants = (packages.modules / CONSTANTS).read_text()
    found = re.search(r"multicall3Bytecode\s*=\s*'0x([0-9a-f]+)'", constants)

    if found is None:
        raise SandboxError(f"{CONSTANTS} no longer holds Multicall3's creation code")

    deployed = chain.deploy(Artifact("Multicall3", found[1], (), {}))
    chain.set_code(MULTICALL3, chain.code(deployed))
