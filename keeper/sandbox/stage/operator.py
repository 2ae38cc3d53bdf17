"""What an operator has before `keeper run`: a keystore, gas, an executor that is wired, and a configuration.

Made with the `keeper` command itself wherever it has a verb for it, in a folder that only this user can read.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_hash.auto import keccak

from keeper.config.load import load_config
from keeper.config.overrides import PREFIX
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
_OURS_ON_A_FORK: Final = tuple(f"{PREFIX}{name}" for name in ("RUN__", "KEYS__", "EXECUTOR__", "CHAIN__RPC"))
"""Settings that would lead away from the fork."""

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
take_bad_debt = true
bid = {{ kind = "fixed", tip_wei = "1 gwei", max_fee_per_gas_wei = "200 gwei" }}
"""
_EXECUTOR: Final = """
[executor]
address = "{executor}"
"""


@dataclass(frozen=True, slots=True)
class Operator:
    """What an operator has, as far as others need it."""

    folder: Path
    """Of this run's own files."""
    config: Path
    environ: Mapping[str, str]
    """What the keeper is started with: settings in it stand above the file's."""
    account: Address
    """The key that signs and pays gas."""
    treasury: Address


def settle_in(chain: LocalChain, world: World, folder: Path, rpc: str) -> Operator:
    """Make everything an operator needs for the sandbox's market, in an existing empty folder.

    The chain must mine each transaction as it comes. The configuration names `rpc`.
    """
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
    folder.chmod(0o700)
    environ = without_settings(os.environ)
    account = make_key(folder, environ)
    chain.set_balance(account, OPERATOR_GAS_WEI)
    path = folder / "keeper.toml"
    path.write_text(_BASE.format(**settings))
    executor = deploy_executor(chain, load_config(path, environ).config, account, TREASURY)
    path.write_text(_BASE.format(**settings) + _EXECUTOR.format(executor=to_checksum(executor)))
    return Operator(folder, path, environ, account, TREASURY)


def move_in(chain: LocalChain, config: Path, folder: Path, rpc: str) -> Operator:
    """Make what an operator's own configuration needs on a fork of its chain: a key and an executor of our own.

    The operator's file stays as it is and their key is not touched: what differs on the fork is said in the
    environment.
    """
    folder.chmod(0o700)
    environ = without_settings(os.environ, keep=lambda name: not name.startswith(_OURS_ON_A_FORK))
    account = make_key(folder, environ)
    chain.set_balance(account, OPERATOR_GAS_WEI)
    environ |= {
        "KEEPER__CHAIN__RPC": json.dumps([rpc]),
        "KEEPER__RUN__LIVE": "true",
        "KEEPER__RUN__JOURNAL": str(folder / "keeper.db"),
        "KEEPER__RUN__RECORDING": str(folder / "passes.rec"),
        "KEEPER__KEYS__KEYSTORE": str(folder / "operator.json"),
        "KEEPER__KEYS__PASSPHRASE_FILE": str(folder / "passphrase"),
    }
    loaded = load_config(config, environ).config
    executor = deploy_executor(chain, loaded, account, TREASURY)
    environ["KEEPER__EXECUTOR__ADDRESS"] = to_checksum(executor)

    if loaded.executor is not None and loaded.executor.code_hash is not None:
        environ["KEEPER__EXECUTOR__CODE_HASH"] = f"0x{keccak(chain.code(executor)).hex()}"

    return Operator(folder, config, environ, account, TREASURY)


def without_settings(environ: Mapping[str, str], keep: Callable[[str], bool] = lambda _name: False) -> dict[str, str]:
    """Leave out of an environment what would set the keeper up, but for the names to keep."""
    return {name: text for name, text in environ.items() if not name.startswith(PREFIX) or keep(name)}


def make_key(folder: Path, environ: Mapping[str, str]) -> Address:
    """Make an encrypted keystore and the file with its passphrase, readable by this user alone."""
    passphrase = folder / "passphrase"
    descriptor = os.open(passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(24) + "\n")

    arguments = ("keys", "new", str(folder / "operator.json"), "--passphrase-file", str(passphrase), "--json")
    return parse_address(json.loads(keeper(arguments, environ))["address"])


def keeper_command() -> str:
    """Return the path of the `keeper` command of this very installation."""
    return str(Path(sys.executable).with_name("keeper"))


def keeper(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run a `keeper` verb as an operator would and return what it printed; `SandboxError` where it refused."""
    command = [keeper_command(), *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(environ))

    if finished.returncode != 0:
        verb = " ".join(arguments[:2])
        raise SandboxError(f"keeper {verb} ended with {finished.returncode}: {finished.stderr.strip()[-2_000:]}")

    return finished.stdout


def json_lines(text: str) -> list[dict[str, Any]]:
    """Read what a verb printed with `--json`: one object a line."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]
