"""The twin of Maker on a chain where nothing stays: a scene is set and asked about in one simulated block, or two.

State is set through the contracts' own functions; only what no function sets is written to storage.
"""

from dataclasses import dataclass, field

from keeper.sandbox.artifact import signature
from keeper.sandbox.assets import Asset, Listing
from keeper.sandbox.feeds import Feed
from keeper.sandbox.maker import Curve, Terms, deploy_maker, place_ilk, word
from keeper.sandbox.node import to_hex
from keeper.types import ZERO_ADDRESS, Address

ILK = "LAB-A"
GAS = 30_000_000
GENESIS_S = 1_600_000_000
"""Before any recorded case."""
BATCH = 40
"""Cases per HTTP request."""

ACTOR, KEEPER, OWNER, OTHER, THIRD, FOURTH, SINK = (Address(bytes([n]) * 20) for n in range(0xA1, 0xA8))
"""The actor sets the scene and makes the call; it may do what only contracts of the system may."""

FILE_NUMBER = "file(bytes32,uint256)"
FILE_ADDRESS = "file(bytes32,address)"
FILE_ILK_NUMBER = "file(bytes32,bytes32,uint256)"
FILE_ILK_ADDRESS = "file(bytes32,bytes32,address)"


@dataclass(frozen=True)
class Ask:
    """A call, and the name its answer is kept under."""

    to: Address
    function: str
    values: tuple = ()
    name: str = ""
    sender: Address = ACTOR


@dataclass
class Script:
    """Calls that set the scene and must succeed, then what is asked, at the same instant or later."""

    at: int
    then: int
    setting: list[Ask] = field(default_factory=list)
    asked: list[Ask] = field(default_factory=list)
    storage: dict[Address, dict[int, int]] = field(default_factory=dict)

    def set(self, to, function, *values):
        self.setting.append(Ask(to, function, values))

    def ask(self, name, to, function, *values, sender=ACTOR):
        self.asked.append(Ask(to, function, values, name, sender))

    def store(self, place, slot, value):
        self.storage.setdefault(place, {})[slot] = value


@dataclass(frozen=True)
class Heard:
    """An answer: what was returned, or why it was refused."""

    ok: bool
    values: tuple
    reason: str
    logs: list
    data: bytes
    """As it came, revert data included."""


class MakerTwinLab:
    """The twin, deployed with one collateral that is not listed yet."""

    def __init__(self, chain, contracts):
        self.chain, self.contracts = chain, contracts
        token = chain.deploy(contracts["TwinSandboxDai"], "LAB", "LAB", 18)
        asset = Asset(Listing("LAB", 18, 0, 0, 0, 0, 0), token, Feed(ZERO_ADDRESS, ZERO_ADDRESS))
        maker = place_ilk(chain, deploy_maker(chain, contracts), ILK, asset, Terms(Curve.LINEAR, {}))
        self.maker, self.ilk = maker, maker.ilks[ILK]
        self.curves = {
            "linear": self.ilk.curve,
            "stairstep": chain.deploy(contracts[Curve.STAIRSTEP]),
            "exponential": chain.deploy(contracts[Curve.EXPONENTIAL]),
        }
        self.callee = chain.deploy(contracts["TwinCallee"])
        self.key, self.clipper = self.ilk.key, self.ilk.clipper

        for place in (maker.vat, maker.spotter, maker.jug, maker.dog, self.clipper, *self.curves.values()):
            chain.send(place, "rely(address)", ACTOR)

        chain.send(self.clipper, FILE_ADDRESS, word("vow"), maker.vow)
        chain.send(maker.spotter, FILE_ILK_ADDRESS, self.key, word("pip"), self.ilk.source)
        chain.send(maker.dog, FILE_ILK_ADDRESS, self.key, word("clip"), self.clipper)

    def play(self, scripts):
        """Play scripts, each on the chain as it was deployed: yields answers by name, one mapping per script."""
        for start in range(0, len(scripts), BATCH):
            part = scripts[start : start + BATCH]
            played = self.chain.node.rpc_many(("eth_simulateV1", (_request(one), "latest")) for one in part)

            for script, blocks in zip(part, played, strict=True):
                calls = [call for block in blocks for call in block["calls"]]
                yield _heard(script, calls)


def _request(script):
    if script.at == script.then:
        blocks = [_block(script.at, [*script.setting, *script.asked])]
    else:
        blocks = [_block(script.at, script.setting), _block(script.then, script.asked)]

    blocks[0]["stateOverrides"] = {
        to_hex(place): {"stateDiff": {f"0x{slot:064x}": f"0x{value:064x}" for slot, value in slots.items()}}
        for place, slots in script.storage.items()
    }
    return {"blockStateCalls": blocks, "validation": False}


def _block(timestamp, asks):
    calls = [
        {
            "from": to_hex(ask.sender),
            "to": to_hex(ask.to),
            "data": to_hex(signature(ask.function).encode(*ask.values)),
            "gas": hex(GAS),
        }
        for ask in asks
    ]
    return {"blockOverrides": {"time": hex(timestamp), "gasLimit": hex(10**10)}, "calls": calls}


def _heard(script, calls):
    setting, asked = calls[: len(script.setting)], calls[len(script.setting) :]

    for ask, call in zip(script.setting, setting, strict=True):
        assert call["status"] == "0x1", (ask, call["returnData"])

    return {ask.name: _answer(ask, call) for ask, call in zip(script.asked, asked, strict=True)}


def _answer(ask, call):
    data = bytes.fromhex(call["returnData"][2:])

    if call["status"] != "0x1":
        return Heard(False, (), revert_reason(data), [], data)

    values = signature(ask.function).decode(data)
    return Heard(True, values if isinstance(values, tuple) else (values,), "", call["logs"], data)


def revert_reason(data):
    """Read `Error(string)` by its length word: what follows the text need not be zero. No data is no reason."""
    if not data:
        return ""

    assert data[:4] == bytes.fromhex("08c379a0"), data.hex()
    length = int.from_bytes(data[36:68])
    return data[68 : 68 + length].decode()


def log_words(log):
    """The words of a log's data."""
    data = bytes.fromhex(log["data"][2:])
    return [int.from_bytes(data[start : start + 32]) for start in range(0, len(data), 32)]


def spelled(value):
    """Spell an answer as the recordings do: numbers as text, flags and what is absent as they are."""
    if isinstance(value, dict):
        return {name: spelled(part) for name, part in value.items()}

    return value if value is None or isinstance(value, bool) else str(value)
