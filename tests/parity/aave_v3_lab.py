"""A laboratory on the real contracts: any position, parameter and price, set by storage overrides, in one request.

`eth_simulateV1` runs a block on top of the head in which storage is what a case says it is. Slots are learned by
asking the node which ones a getter reads; only the packing of words is written here.
"""

import json
from dataclasses import dataclass, field, replace

from eth_utils.crypto import keccak

from keeper.protocols.aave_v3 import build
from keeper.sandbox.aave_v3 import compile_aave_v3
from keeper.sandbox.artifact import signature
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.feeds import deploy_feed
from keeper.types import Address, BlockHead, BlockTarget, Call, Log, PositionKey, Returned
from keeper.units import MAX_UINT256, RAY

USER = Address(bytes.fromhex("b0" * 20))
LIQUIDATOR = Address(bytes.fromhex("1d" * 20))
KEY = PositionKey(USER)
IMPLEMENTATION = (int.from_bytes(keccak(text="eip1967.proxy.implementation"), "big") - 1).to_bytes(32, "big")
ADMIN = (int.from_bytes(keccak(text="eip1967.proxy.admin"), "big") - 1).to_bytes(32, "big")
LOW_128 = (1 << 128) - 1
WALLET = 1 << 200
"""What the liquidator has of every token."""


def read_at(chain: LocalChain, block_hash: str):
    """Answer whole rounds of calls at a block, as the shell does: a revert is an answer."""
    connection = chain.node._connection

    def answers(requests):
        body = [
            {"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [call_fields(r), {"blockHash": block_hash}]}
            for i, r in enumerate(requests)
        ]
        if not body:
            return []

        connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        found = {entry["id"]: entry for entry in json.loads(connection.getresponse().read())}
        return [returned(found[i]) for i in range(len(body))]

    return answers


def call_fields(request):
    asked_by = {} if request.sender is None else {"from": hexed(request.sender)}
    return {"to": hexed(request.to), "data": hexed(request.data), "gas": hex(30_000_000), **asked_by}


def returned(entry) -> Returned:
    if "result" in entry:
        return Returned(True, bytes.fromhex(entry["result"][2:]))

    data = entry["error"].get("data")
    return Returned(False, bytes.fromhex(data[2:]) if isinstance(data, str) and data.startswith("0x") else b"")


def drive_batched(read, answer):
    """Run a read to its end with a function that answers a whole round."""
    try:
        requests = next(read)
        while True:
            requests = read.send(tuple(answer(requests)))
    except StopIteration as stop:
        return stop.value


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def block_head(header) -> BlockHead:
    number, timestamp, base_fee, used, limit = (
        int(header[name], 16) for name in ("number", "timestamp", "baseFeePerGas", "gasUsed", "gasLimit")
    )
    digest, parent, miner = (bytes.fromhex(header[name][2:]) for name in ("hash", "parentHash", "miner"))
    return BlockHead(number, digest, parent, timestamp, base_fee, used, limit, Address(miner))


@dataclass
class Overrides:
    """Storage as a case wants it, by contract and slot."""

    words: dict[Address, dict[bytes, int]] = field(default_factory=dict)

    def set(self, place: tuple[Address, bytes], value: int, offset: int = 0) -> None:
        contract, slot = place
        where = (int.from_bytes(slot, "big") + offset).to_bytes(32, "big")
        self.words.setdefault(contract, {})[where] = value

    def as_json(self):
        return {
            hexed(contract): {"stateDiff": {hexed(slot): hexed(v.to_bytes(32, "big")) for slot, v in words.items()}}
            for contract, words in self.words.items()
        }


class Lab:
    """One market on a running chain, its slots learned, its adapter bootstrapped and observing."""

    def __init__(self, scene):
        self.chain, self.aave, self.assets = scene.chain, scene.aave, scene.world.assets
        self.adapter = build("parity", self.aave.addresses_provider)
        self.head = block_head(self.chain.head())
        answer = read_at(self.chain, hexed(self.head.hash))
        drive_batched(self.adapter.sync.bootstrap(self.head), answer)
        target = BlockTarget(self.head.number + 1, self.head.timestamp + 12, 10**9, self.head.timestamp + 36)
        self.base = drive_batched(self.adapter.sync.observe(self.head, target), answer)
        self.symbols = [s for s in self.aave.reserves if self.assets[s].token in self.base.roster.places]
        self.places = {s: self.base.roster.places[self.assets[s].token][0] for s in self.symbols}
        self.contracts, self.ids = self.adapter.sync._contracts, self.adapter.sync._ids
        self._learn()

    def _learn(self):
        pool = self.aave.pool
        self.user_config = self.slot(pool, "getUserConfiguration(address)", USER)
        self.user_emode = self.slot(pool, "getUserEMode(address)", USER)
        self.config, self.price, self.held, self.wallet, self.allowed, self.scaled, self.total = ({} for _ in range(7))
        for symbol in self.symbols:
            asset, reserve = self.assets[symbol], self.aave.reserves[symbol]
            place = self.places[symbol]
            self.config[place] = self.slot(pool, "getConfiguration(address)", asset.token)
            self.price[place] = self.slot(asset.feed.aggregator, "latestAnswer()")
            self.held[place] = self.slot(asset.token, "balanceOf(address)", reserve.a_token)
            self.wallet[place] = self.slot(asset.token, "balanceOf(address)", LIQUIDATOR)
            self.allowed[place] = self.slot(asset.token, "allowance(address,address)", LIQUIDATOR, pool)
            for is_debt, token in ((False, reserve.a_token), (True, reserve.variable_debt_token)):
                self.scaled[place, is_debt] = self.slot(token, "scaledBalanceOf(address)", USER)
                self.total[place, is_debt] = self.slot(token, "scaledTotalSupply()")

    def slot(self, contract, function, *arguments):
        """The one slot a getter reads, its proxy's own aside."""
        fields = self.chain.transaction(contract, function, *arguments).fields()
        found = [
            (Address(bytes.fromhex(entry["address"][2:])), bytes.fromhex(key[2:]))
            for entry in self.chain.node.rpc("eth_createAccessList", fields, "latest")["accessList"]
            for key in entry["storageKeys"]
        ]
        (only,) = [place for place in found if place[1] not in (IMPLEMENTATION, ADMIN)]
        return only

    # One case ------------------------------------------------------------------------------------------------------

    def market(self, case):
        """The adapter's market of a case, from the observed one and the case's numbers."""
        target = BlockTarget(self.head.number + 1, case.timestamp, 10**9, case.timestamp + 36)
        reserves = {
            place: replace(
                self.base.reserves[place],
                config=r.config,
                liquidity_index=r.liquidity_index,
                liquidity_rate=r.liquidity_rate,
                borrow_index=r.borrow_index,
                borrow_rate=r.borrow_rate,
                last_update=r.last_update,
                price=r.price or None,
                virtual=None if self.base.reserves[place].virtual is None else r.available,
                underlying=r.available,
                grace_until=r.grace_until,
            )
            for place, r in case.reserves.items()
        }
        market = replace(self.base.with_reserves(reserves), liquidations_allowed=case.sequencer_up)
        if case.category_price is not None:
            market = market.with_prices({self.category_source: case.category_price})

        return market.with_accounts({KEY: case.account}).at(target)

    category_source = None
    """An asset of the oracle that prices an eMode category of its own (3.0.2)."""
    sequencer = sequencer_owner = None
    """Slot of the sequencer's word behind the sentinel, and the owner in its lower bits."""
    category_price = None
    """Slot of that category's price."""

    def overrides(self, case):
        found = Overrides()
        flags = 0
        for place, scaled in case.account.supplied:
            self._hold(found, place, scaled, is_debt=False)
            flags |= case.account.uses_as_collateral(place) << 2 * self.base.reserves[place].id + 1

        for place, scaled in case.account.borrowed:
            self._hold(found, place, scaled, is_debt=True)
            flags |= 1 << 2 * self.base.reserves[place].id

        found.set(self.user_config, flags)
        found.set(self.user_emode, case.account.emode)
        for place, r in case.reserves.items():
            slot = self.config[place]
            identity = self.base.reserves[place].id << 168 | r.last_update << 128
            found.set(slot, r.config)
            found.set(slot, r.liquidity_index | r.liquidity_rate << 128, 1)
            found.set(slot, r.borrow_index | r.borrow_rate << 128, 2)
            found.set(slot, identity | r.grace_until << 184, 3)
            if self.base.rules.grace_period:
                found.set(slot, r.available << 128, 8)

            found.set(self.price[place], r.price)
            found.set(self.held[place], r.available)
            found.set(self.wallet[place], WALLET)
            found.set(self.allowed[place], MAX_UINT256)

        if self.sequencer is not None:
            found.set(self.sequencer, self.sequencer_owner | (not case.sequencer_up) << 160)

        if case.category_price is not None:
            found.set(self.category_price, case.category_price)

        return found

    def _hold(self, found, place, scaled, *, is_debt):
        # The token's own note of the index it last saw must not be above the reserve's.
        found.set(self.scaled[place, is_debt], scaled | RAY << 128)
        found.set(self.total[place, is_debt], scaled + (0 if is_debt else 10**24))

    def simulate(self, case, calls):
        """Run calls in the case's block, after its overrides; each answers (ok, data, logs)."""
        block = {
            "blockOverrides": {"time": hex(case.timestamp), "gasLimit": hex(10**9)},
            "stateOverrides": self.overrides(case).as_json(),
            "calls": [
                {"from": hexed(sender), "to": hexed(call.to), "data": hexed(call.data), "gas": hex(15_000_000)}
                for sender, call in calls
            ],
        }
        request = {"blockStateCalls": [block], "validation": False}
        (answer,) = self.chain.node.rpc("eth_simulateV1", request, hex(self.head.number))
        return [
            (c["status"] == "0x1", bytes.fromhex(c["returnData"][2:]), [as_log(log) for log in c["logs"]])
            for c in answer["calls"]
        ]


def as_log(log) -> Log:
    raw = {name: bytes.fromhex(log[name][2:]) for name in ("address", "data", "blockHash", "transactionHash")}
    topics = tuple(bytes.fromhex(t[2:]) for t in log["topics"])
    number, index = int(log["blockNumber"], 16), int(log["logIndex"], 16)
    return Log(Address(raw["address"]), topics, raw["data"], number, raw["blockHash"], raw["transactionHash"], index)


def account_data_call(lab) -> Call:
    return Call(lab.aave.pool, signature("getUserAccountData(address)").encode(USER))


# Markets on which every theme can be staged ------------------------------------------------------------------------


def install_sentinel(scene, artifacts):
    """Give the market a sentinel whose sequencer a case can switch off."""
    chain, provider = scene.chain, scene.aave.addresses_provider
    sequencer = chain.deploy(artifacts("SequencerOracle"), chain.account)
    sentinel = chain.deploy(artifacts("PriceOracleSentinel"), provider, sequencer, 3_600)
    chain.send(provider, "setPriceOracleSentinel(address)", sentinel)
    return sequencer


def sequencer_slot(lab, sequencer):
    """The word that holds the owner and, above it, whether the sequencer is down."""
    owner = int.from_bytes(lab.chain.account, "big")
    for slot in range(3):
        word = int(lab.chain.node.rpc("eth_getStorageAt", "0x" + sequencer.hex(), hex(slot), "latest"), 16)
        if word & ((1 << 160) - 1) == owner:
            return (sequencer, slot.to_bytes(32, "big")), owner

    raise AssertionError("the sequencer's owner is in none of its first slots")


def lab36(scene):
    sequencer = install_sentinel(scene, compile_aave_v3(scene.packages).__getitem__)
    lab = Lab(scene)
    lab.sequencer, lab.sequencer_owner = sequencer_slot(lab, sequencer)
    return lab


def lab302(scene):
    sequencer = install_sentinel(scene, lambda name: scene.packages.artifact("@aave/core-v3", name))
    own = compile_own(scene.packages, "sandbox")
    feed = deploy_feed(scene.chain, own, "eMode / USD", 10**8)
    source = Address(b"\x03" * 20)
    scene.chain.send(scene.aave.oracle, "setAssetSources(address[],address[])", [source], [feed.proxy])
    scene.chain.send(
        scene.aave.configurator,
        "setEModeCategory(uint8,uint16,uint16,uint16,address,string)",
        3, 9_000, 9_400, 10_150, source, "priced as one",
    )  # fmt: skip
    lab = Lab(scene)
    lab.sequencer, lab.sequencer_owner = sequencer_slot(lab, sequencer)
    lab.category_source = source
    lab.category_price = lab.slot(feed.aggregator, "latestAnswer()")
    return lab
