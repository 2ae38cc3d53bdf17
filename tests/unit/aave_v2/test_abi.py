"""Every signature the adapter speaks is one of the protocol's own artifacts."""

import json

from eth_abi.grammar import parse
from eth_utils.crypto import keccak

from keeper.protocols.aave_v2 import abi
from keeper.sandbox.aave_v2 import PACKAGE

CONTRACTS = (
    "LendingPool", "LendingPoolAddressesProvider", "LendingPoolConfigurator", "AaveOracle", "AToken",
    "VariableDebtToken", "StableDebtToken", "InitializableImmutableAdminUpgradeabilityProxy",
)  # fmt: skip
ELSEWHERE = {"BASE_CURRENCY()", "BASE_CURRENCY_UNIT()"}
"""Functions of later oracles, which no package has."""
FEEDS = {keccak(text="AnswerUpdated(int256,uint256,uint256)")}


def test_every_signature_is_the_protocols(packages):
    functions, events = set(), set()
    for name in CONTRACTS:
        path = packages._artifact_paths(PACKAGE)[name]
        for entry in json.loads(path.read_bytes())["abi"]:
            inputs = [parse(i["type"]).to_type_str() for i in entry.get("inputs", ()) if i["type"] != "tuple"]
            signature = f"{entry.get('name')}({','.join(inputs)})"
            (functions if entry["type"] == "function" else events).add(signature)

    topics = {keccak(text=event) for event in events}
    said = {name: value for name, value in vars(abi).items() if name.isupper()}
    assert {v for v in said.values() if isinstance(v, str)} - functions == ELSEWHERE
    assert {v for v in said.values() if isinstance(v, bytes)} - topics == FEEDS
