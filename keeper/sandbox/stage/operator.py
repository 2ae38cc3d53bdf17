"""What an operator has before `keeper run`: keys, gas, an executor that is wired, and a configuration.

Made with the `keeper` command itself wherever it has a verb for it, in a folder that only this user can read.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from keeper.config.overrides import PREFIX
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.stage.command import without_settings
from keeper.sandbox.stage.executor import deploy, wire
from keeper.sandbox.stage.keys import Key, make_key
from keeper.sandbox.world import World
from keeper.types import Address, parse_address, to_checksum
from keeper.units import WAD

OPERATOR_GAS_WEI: Final = 5 * WAD
OWNER_GAS_WEI: Final = WAD
TREASURY: Final = Address(bytes.fromhex("7f" * 20))
"""Where profit goes: an account that has nothing else."""
STRATEGY: Final[Mapping[str, Any]] = {"min_profit": "5 USD", "take_bad_debt": True}
"""What all deployments are worked with, but for what a scene says of its own."""
BID: Final = 'bid = { kind = "fixed", tip_wei = "1 gwei", max_fee_per_gas_wei = "200 gwei" }'
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
passphrase_file = "operator.passphrase"
doppelganger_blocks = 0 # a chain of our own: nobody else has the key

[governor]
max_consecutive_reverts = 50 # rivals and a slow machine are part of the show
cooldown_s = 0
max_transactions_per_minute = 5000 # a minute of this chain passes in seconds

[assets]
trusted = [{trusted}]

[[venue]]
name = "uniswap"
kind = "uniswap_v3"
factory = "{factory}"
"""
_EXECUTOR: Final = """
[executor]
address = "{address}"
code_hash = "{code_hash}"
start_block = {start_block}
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A deployment's part of the configuration: its table, and where its strategy differs from the others'."""

    name: str
    deployment: Mapping[str, Any]
    strategy: Mapping[str, Any]

    def text(self) -> str:
        """Spell both tables as TOML, the strategy named after the deployment."""
        strategy = {"name": f"{self.name}-flash", "deployments": [self.name], **STRATEGY, **self.strategy}
        lines = ["", "[[deployment]]", *_keys({"name": self.name, **self.deployment})]
        return "\n".join([*lines, "", "[[strategy]]", *_keys(strategy), BID, ""])


@dataclass(frozen=True, slots=True)
class Operator:
    """What an operator has, as far as others need it."""

    folder: Path
    """Of this run's own files."""
    config: Path
    environ: Mapping[str, str] = field(repr=False)
    """What the keeper is started with: settings in it stand above the file's."""
    account: Address
    """The key that signs and pays gas."""
    treasury: Address
    executor: Address


def settle_in(chain: LocalChain, world: World, folder: Path, rpc: str, tables: Sequence[Table]) -> Operator:
    """Make everything an operator needs to work on these deployments, in an existing empty folder.

    The chain must mine each transaction as it comes. The configuration names `rpc`.
    """
    settings = {
        "chain_id": int(chain.node.rpc("eth_chainId"), 16),
        "rpc": rpc,
        "wrapped_native": to_checksum(world.assets["WETH"].token),
        "native_usd": to_checksum(world.assets["WETH"].feed.proxy),
        "trusted": ", ".join(f'"{to_checksum(asset.token)}"' for asset in world.assets.values()),
        "factory": to_checksum(world.uniswap.factory),
    }
    base = _BASE.format(**settings) + "".join(table.text() for table in tables)
    environ = without_settings(os.environ)
    operator, owner = _make_keys(chain, folder, environ)
    path = folder / "keeper.toml"
    path.write_text(base)
    deployed = deploy(path, environ, owner, TREASURY)
    path.write_text(base + _EXECUTOR.format(**asdict(deployed)))
    wire(path, environ, owner)
    return Operator(folder, path, environ, operator.account, TREASURY, parse_address(deployed.address))


def move_in(chain: LocalChain, config: Path, folder: Path, rpc: str) -> Operator:
    """Make what an operator's own configuration needs on a fork of its chain: a key and an executor of our own.

    The operator's file stays as it is and their key is not touched: what differs on the fork is said in the
    environment.
    """
    environ = without_settings(os.environ, keep=lambda name: not name.startswith(_OURS_ON_A_FORK))
    operator, owner = _make_keys(chain, folder, environ)
    environ |= {
        "KEEPER__CHAIN__RPC": json.dumps([rpc]),
        "KEEPER__RUN__LIVE": "true",
        "KEEPER__RUN__JOURNAL": str(folder / "keeper.db"),
        "KEEPER__RUN__RECORDING": str(folder / "passes.rec"),
        "KEEPER__KEYS__KEYSTORE": str(operator.keystore),
        "KEEPER__KEYS__PASSPHRASE_FILE": str(operator.passphrase),
    }
    deployed = deploy(config, environ, owner, TREASURY)
    environ |= {
        "KEEPER__EXECUTOR__ADDRESS": deployed.address,
        "KEEPER__EXECUTOR__CODE_HASH": deployed.code_hash,
        "KEEPER__EXECUTOR__START_BLOCK": str(deployed.start_block),
    }
    wire(config, environ, owner)
    return Operator(folder, config, environ, operator.account, TREASURY, parse_address(deployed.address))


def _keys(table: Mapping[str, Any]) -> list[str]:
    # What JSON writes of texts, numbers, truths and lists of them is TOML too.
    return [f"{name} = {json.dumps(value)}" for name, value in table.items()]


def _make_keys(chain: LocalChain, folder: Path, environ: Mapping[str, str]) -> tuple[Key, Key]:
    """Make the operator's key and the owner's, both with gas, in a folder that only this user may enter."""
    folder.chmod(0o700)
    operator, owner = (make_key(folder, name, environ) for name in ("operator", "owner"))
    chain.set_balance(operator.account, OPERATOR_GAS_WEI)
    chain.set_balance(owner.account, OWNER_GAS_WEI)
    return operator, owner
