"""A first configuration, written for the operator: presets in place of addresses, a comment on whatever is a choice."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keeper.config.presets import Preset, shipped

_DOLLARS: Final = ("USDC", "USDT", "DAI", "USDC.e", "USDt", "WXDAI")
"""Tokens a strategy may keep its profit in, besides the wrapped native one; the first that a chain has."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What an operator chose; names are those of presets, `trusted` names of tokens or addresses."""

    chain: str
    rpc: tuple[str, ...]
    deployments: tuple[str, ...]
    venues: tuple[str, ...]
    trusted: tuple[str, ...]
    min_profit: str
    max_fee_per_gas: str
    keystore: str | None = None
    passphrase_file: str | None = None


def chains() -> tuple[str, ...]:
    """Chains there are deployments for, the best known first."""
    there = {preset.chain for preset in shipped()["deployment"].values()}
    return tuple(name for name in shipped()["chain"] if name in there)


def presets_on(chain: str, table: str) -> tuple[Preset, ...]:
    """What is shipped for a chain: its `deployment` or `venue` presets, by name."""
    return tuple(preset for _, preset in sorted(shipped()[table].items()) if preset.chain == chain)


def usual_trust(chain: str) -> tuple[str, ...]:
    """The wrapped native token and the first dollar a chain has, by name."""
    preset = shipped()["chain"][chain]
    native = [name for name, address in preset.tokens.items() if address == preset.values["wrapped_native"]]
    dollars = [name for name in _DOLLARS if name in preset.tokens]
    return (*native[:1], *dollars[:1])


def draft(answers: Answers) -> str:
    """Write the file."""
    parts = [_HEAD.format(chain=answers.chain, rpc=_list(answers.rpc)), _keys(answers)]
    parts.append(_ASSETS.format(trusted=_list(answers.trusted)))
    parts += [_table("deployment", name, answers.chain) for name in answers.deployments]
    parts += [_table("venue", name, answers.chain) for name in answers.venues]
    parts.append(
        _STRATEGY.format(
            deployments=_list(answers.deployments),
            min_profit=json.dumps(answers.min_profit),
            max_fee=json.dumps(answers.max_fee_per_gas),
        )
    )
    return "\n".join(parts)


def _list(items: Sequence[str]) -> str:
    return "[" + ", ".join(json.dumps(item) for item in items) + "]"


def _table(kind: str, name: str, chain: str) -> str:
    (preset,) = [each for each in presets_on(chain, kind) if each.name == name]
    doubt = "" if preset.verified else f"# Not verified: {preset.doubt}\n"
    return f'{doubt}[[{kind}]]\npreset = "{name}"\n'


def _keys(answers: Answers) -> str:
    if answers.keystore is None:
        return _NO_KEYS

    lines = ["[keys]", f"keystore = {json.dumps(answers.keystore)}"]
    if answers.passphrase_file is not None:
        lines.append(f"passphrase_file = {json.dumps(answers.passphrase_file)}")

    return "\n".join([*lines, ""])


_HEAD: Final = """\
# Written by `keeper init`. Every key, its unit, default and reason: docs/configuration.md.
# What it was understood to say: `keeper config show`. Whether the world agrees: `keeper doctor`.

[chain]
preset = "{chain}"
# The first answers first, the others when it fails. An endpoint with a key in it is better kept in a file of its
# own, named by the environment: KEEPER__CHAIN__RPC_FILE=/run/secrets/rpc.
rpc = {rpc}

[run]
# Nothing is signed unless this says true and `keeper run` is given --live.
live = false
journal = "keeper.db"
"""
_NO_KEYS: Final = """\
# To go live: `keeper keys new operator.json`, then name it here; `keeper executor deploy`, then write its address.
# [keys]
# keystore = "operator.json"
# passphrase_file = "operator.passphrase"
#
# [executor]
# address = "0x..."
"""
_ASSETS: Final = """\
[assets]
# Profit counts in these alone: tokens you would hold overnight.
trusted = {trusted}
"""
_STRATEGY: Final = """\
[[strategy]]
name = "flash"
deployments = {deployments}
# After gas; what is expected to earn less is left.
min_profit = {min_profit}
# The tip is bid to the block's producer; never more per gas than the cap, base fee included.
bid = {{ kind = "fixed", tip_wei = "1 gwei", max_fee_per_gas_wei = {max_fee} }}
# Plans per block: what a wrong belief can cost before it shows.
max_plans_per_block = 10
"""
