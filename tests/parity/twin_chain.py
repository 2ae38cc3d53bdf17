"""A chain on which a twin is put into any state for one call: `eth_simulateV1` with storage, code and time given.

Nothing stays behind from one case to the next, and hundreds of them are asked in one batch. The chain's own clock
stands before every recorded case.
"""

from dataclasses import dataclass, field, replace

from eth_hash.auto import keccak

from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.artifact import signature
from keeper.sandbox.chain import LocalChain
from keeper.types import Returned

GENESIS_S = 1_500_000_000
GAS = 20_000_000
ERRORS = {signature("Error(string)").selector: "Error", signature("Panic(uint256)").selector: "Panic"}


@dataclass(frozen=True)
class Ask:
    """A call, and what its answer is decoded as."""

    to: bytes
    function: str
    arguments: tuple = ()
    sender: bytes = b"\x0a" * 20

    def fields(self):
        data = signature(self.function).encode(*self.arguments)
        return {"from": hexed(self.sender), "to": hexed(self.to), "data": hexed(data), "gas": hex(GAS)}


@dataclass(frozen=True)
class Scenario:
    """Calls in one block, on storage and code given for it alone."""

    timestamp: int
    calls: list
    storage: dict = field(default_factory=dict)
    """Words by address and slot."""
    code: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What a call said: its decoded value and its events, or its revert data."""

    value: object
    logs: tuple
    revert: bytes | None


class TwinChain:
    """An empty chain of our own."""

    def __init__(self, packages):
        self.anvil = Anvil(packages, AnvilOptions(timestamp=GENESIS_S))
        self.chain = LocalChain(self.anvil.url)

    def stop(self):
        self.chain.close()
        self.anvil.stop()

    def copy_code(self, source, places):
        """Put a contract's code at other addresses."""
        code = hexed(self.chain.code(source))
        self.chain.node.rpc_many(("anvil_setCode", (hexed(place), code)) for place in places)

    def run(self, scenario, calls):
        """Make plain calls, (sender, call), one after another in a scenario's state: each answer, and its logs."""
        asked = [
            {"from": hexed(sender), "to": hexed(call.to), "data": hexed(call.data), "gas": hex(GAS)}
            for sender, call in calls
        ]
        block = _block(replace(scenario, calls=[]))
        block["blockStateCalls"][0]["calls"] = asked
        answered = self.chain.node.rpc("eth_simulateV1", block, "latest")[0]["calls"]
        return [(Returned(said["status"] == "0x1", unhexed(said["returnData"])), said["logs"]) for said in answered]

    def play(self, scenarios):
        """Play each scenario on the same state; the answers to its calls, in order."""
        scenarios = list(scenarios)
        answered = self.chain.node.rpc_many(("eth_simulateV1", (_block(one), "latest")) for one in scenarios)
        return [
            [_answer(ask, said) for ask, said in zip(one.calls, blocks[0]["calls"], strict=True)]
            for one, blocks in zip(scenarios, answered, strict=True)
        ]


def _block(scenario):
    overrides = {}

    for address, words in scenario.storage.items():
        overrides.setdefault(hexed(address), {})["stateDiff"] = {
            word(slot): word(value) for slot, value in words.items()
        }

    for address, code in scenario.code.items():
        overrides.setdefault(hexed(address), {})["code"] = hexed(code)

    block = {
        "blockOverrides": {"time": hex(scenario.timestamp), "gasLimit": hex(10**9)},
        "stateOverrides": overrides,
        "calls": [ask.fields() for ask in scenario.calls],
    }
    return {"blockStateCalls": [block], "validation": False}


def _answer(ask, said):
    data = unhexed(said["returnData"])
    if said["status"] != "0x1":
        return Answer(None, (), data)

    logs = tuple(
        (
            bytes.fromhex(log["address"][2:]),
            [bytes.fromhex(t[2:]) for t in log["topics"]],
            bytes.fromhex(log["data"][2:]),
        )
        for log in said["logs"]
    )
    return Answer(signature(ask.function).decode(data), logs, None)


def topic(event):
    """Name an event as logs do, by the hash of its signature."""
    return keccak(event.encode())


def mapped(slot, *keys):
    """Find the slot of a mapping's entry; nested mappings take several keys."""
    for key in keys:
        slot = int.from_bytes(keccak(key.rjust(32, b"\0") + slot.to_bytes(32, "big")), "big")

    return slot


def packed(*fields):
    """Pack (value, bits) into a word, the first lowest, as the compiler does."""
    whole, place = 0, 0

    for value, bits in fields:
        whole |= (int(value) % 2**bits) << place
        place += bits

    return whole


def account(name):
    """Make an address of a name."""
    return keccak(name.encode())[-20:]


def answering(*words):
    """Write code that answers every call with the same words."""
    stores = b"".join(
        b"\x7f" + word_bytes(value) + b"\x60" + bytes([32 * i]) + b"\x52" for i, value in enumerate(words)
    )
    return stores + b"\x60" + bytes([32 * len(words)]) + b"\x5f\xf3"


def word_bytes(value):
    return (int(value) % 2**256).to_bytes(32, "big")


def word(value):
    return hexed(word_bytes(value))


def hexed(data):
    return "0x" + data.hex()


def unhexed(text):
    return bytes.fromhex(text[2:])
