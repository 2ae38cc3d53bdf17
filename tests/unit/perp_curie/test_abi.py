"""What we call and read is what the protocol's own compiled interfaces declare."""

import json

import pytest

from keeper.protocols.perp_curie import abi
from keeper.protocols.words import selector, topic

CONTRACTS = (
    "ClearingHouse", "ClearingHouseConfig", "Vault", "Exchange", "OrderBook", "AccountBalance", "InsuranceFund",
    "MarketRegistry", "CollateralManager", "BaseToken",
)  # fmt: skip
OF_OTHERS = {
    abi.APPROVE, abi.SLOT0, abi.LIQUIDITY, abi.TICK_SPACING, abi.TICKS, abi.LATEST_ROUND_DATA, abi.AGGREGATOR,
    abi.ANSWER_UPDATED, abi.SWAP,
}  # fmt: skip
"""Of tokens, pools and aggregators, which these packages do not declare."""


def spelled(entry):
    """The signature of a function or event, tuples by their components."""

    def kind(one):
        if not one["type"].startswith("tuple"):
            return one["type"]

        return f"({','.join(map(kind, one['components']))}){one['type'][5:]}"

    return f"{entry['name']}({','.join(map(kind, entry['inputs']))})"


@pytest.fixture(scope="module")
def declared(packages):
    """Every function and event of the protocol and its oracle."""
    found = {"function": set(), "event": set()}
    sources = [("@perp/curie-contract", name) for name in CONTRACTS]
    sources += [("@perp/perp-oracle-contract", name) for name in ("ChainlinkPriceFeedV3", "PriceFeedDispatcher")]
    for package, name in sources:
        path = packages.modules / package / "artifacts/contracts" / f"{name}.sol" / f"{name}.json"
        for entry in json.loads(path.read_bytes())["abi"]:
            if entry["type"] in found:
                found[entry["type"]].add(spelled(entry))

    return found


def test_every_function_is_declared(declared):
    ours = {value for value in vars(abi).values() if isinstance(value, str) and value.endswith(")")} - OF_OTHERS
    selectors = {selector(text) for text in declared["function"]}
    assert len(ours) > 40
    assert {text for text in ours if selector(text) not in selectors} == set()


def test_every_event_is_declared(declared):
    topics = {topic(text) for text in declared["event"]}
    assert set(abi.EVENTS) - topics == set()
    assert len(set(abi.EVENTS)) == len(abi.EVENTS)
