"""What an operator has before `keeper run`: a keystore, gas, an executor that is wired, and a configuration.

Made with the `keeper` command itself wherever it has a verb for it, in a folder that only this user can read.
"""

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from keeper.sandbox.chain import LocalChain
from keeper.sandbox.packages import SandboxError
from keeper.sandbox.stage.executor import deploy_executor
from keeper.sandbox.world import World
from keeper.types import Address, parse_address, to_checksum
from keeper.units import WAD

OPERATOR_GAS_WEI: Final = 5 * WAD
TREASURY: Final = Address(bytes.fromhex("7f" * 20))
"""Where profit goes: an account that has nothing else."""
DEPLOYMENT: Final = "aave-sandbox"
STRATEGY: Final = "aave-flash"
MIN_PROFIT: Final = "5 USD"

_BASE: Final = """\
# Written by the sandbox; the same keys an operator would set.
[chain]
id = {chain_id}
rpc = ["{rpc}"]
wrapped_native = "{wrapped_native}"
native_usd = "{native_usd}"
confirmations = 4

[run]
live = true
journal = "keeper.db"
recording = "passes.rec"

[keys]
keystore = "operator.json"
passphrase_file = "passphrase"

[assets]
trusted = [{trusted}]

[[deployment]]
name = "{deployment}"
adapter = "aave_v3"
addresses_provider = "{addresses_provider}"

[[venue]]
name = "uniswap"
kind = "uniswap_v3"
factory = "{factory}"

[[strategy]]
name = "{strategy}"
deployments = ["{deployment}"]
min_profit = "{min_profit}"
bid = {{ kind = "fixed", tip_wei = "1 gwei", max_fee_per_gas_wei = "200 gwei" }}
"""
_EXECUTOR: Final = """
[executor]
address = "{executor}"
"""


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator's files and addresses, as far as others need them."""

    folder: Path
    account: Address
    """The key that signs and pays gas."""
    executor: Address
    treasury: Address

    @property
    def config(self) -> Path:
        return self.folder / "keeper.toml"


def settle_in(chain: LocalChain, world: World, folder: Path, rpc: str) -> Operator:
    """Make everything an operator needs for the sandbox's market, in an existing empty folder.

    The chain must mine each transaction as it comes. The configuration names `rpc`.
    """
    folder.chmod(0o700)
    account = make_key(folder)
    chain.set_balance(account, OPERATOR_GAS_WEI)
    settings = {
        "chain_id": int(chain.node.rpc("eth_chainId"), 16),
        "rpc": rpc,
        "wrapped_native": to_checksum(world.assets["WETH"].token),
        "native_usd": to_checksum(world.assets["WETH"].feed.proxy),
        "trusted": ", ".join(f'"{to_checksum(asset.token)}"' for asset in world.assets.values()),
        "deployment": DEPLOYMENT,
        "addresses_provider": to_checksum(world.aave36.addresses_provider),
        "factory": to_checksum(world.uniswap.factory),
        "strategy": STRATEGY,
        "min_profit": MIN_PROFIT,
    }
    config = folder / "keeper.toml"
    config.write_text(_BASE.format(**settings))
    executor = deploy_executor(chain, world, account, TREASURY)
    config.write_text(_BASE.format(**settings) + _EXECUTOR.format(executor=to_checksum(executor)))
    return Operator(folder, account, executor, TREASURY)


def make_key(folder: Path) -> Address:
    """Make an encrypted keystore and the file with its passphrase, readable by this user alone."""
    passphrase = folder / "passphrase"
    descriptor = os.open(passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(24) + "\n")

    shown = keeper("keys", "new", str(folder / "operator.json"), "--passphrase-file", str(passphrase), "--json")
    return parse_address(json.loads(shown)["address"])


def keeper_command() -> str:
    """Return the path of the `keeper` command of this very installation."""
    return str(Path(sys.executable).with_name("keeper"))


def keeper(*arguments: str) -> str:
    """Run a `keeper` verb as an operator would and return what it printed; `SandboxError` where it refused."""
    finished = subprocess.run([keeper_command(), *arguments], capture_output=True, text=True, check=False)

    if finished.returncode != 0:
        verb = " ".join(arguments[:2])
        raise SandboxError(f"keeper {verb} ended with {finished.returncode}: {finished.stderr.strip()[-2_000:]}")

    return finished.stdout


def json_lines(text: str) -> list[dict[str, Any]]:
    """Read what a verb printed with `--json`: one object a line."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]
