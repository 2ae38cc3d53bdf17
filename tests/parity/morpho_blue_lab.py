"""A laboratory on the real contract: any market and any borrower, set by storage overrides, in one request.

A case lives through two simulated blocks: in the first the adapter reads, in the second somebody liquidates, so that
interest and rates are projected from the one to the other as they are in earnest.
"""

from dataclasses import dataclass

from eth_utils.crypto import keccak

from keeper.protocols.ledger import Ledger
from keeper.protocols.morpho_blue import MorphoBlueMarket, abi, build
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.morpho_blue.discovery import read_borrowers, read_totals
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.observation import read_market
from keeper.protocols.morpho_blue.params import MarketParams, position_key
from keeper.protocols.morpho_blue.roster import Roster
from keeper.protocols.reads import gather
from keeper.protocols.words import encode
from keeper.sandbox.morpho_blue import compile_morpho_blue, deploy_morpho_blue
from keeper.types import ZERO_ADDRESS, Address, BlockHead, BlockTarget, Call, Returned
from keeper.units import MAX_UINT256
from tests.parity.aave_v3_lab import WALLET, Overrides, as_log, hexed

USER = Address(bytes.fromhex("b0" * 20))
LIQUIDATOR = Address(bytes.fromhex("1d" * 20))
GROWING_IRM = Address(bytes.fromhex("64" * 20))
GROWING_CODE = bytes.fromhex("5f6101243542036103e8026304000000015f5260205ff3")
"""A model whose rate is 2**26 + 1000 * (now - last update): market.lastUpdate is the tenth argument word."""
POSITION_SLOT, MARKET_SLOT, ORACLE_PRICE_SLOT = 2, 3, 0
GAS = 15_000_000


@dataclass(frozen=True)
class Case:
    """One call of `liquidate`, and the world it is made in: read at `read_at`, liquidated at `timestamp`."""

    theme: str
    params: MarketParams
    totals: Totals
    borrower: Borrower
    price: int
    read_at: int
    timestamp: int
    seized: int = 0
    repaid_shares: int = 0

    @property
    def key(self):
        return position_key(self.params.id, USER)


@dataclass(frozen=True)
class Lived:
    """What the chain did with a case, and the adapter's market from what it read in the block before."""

    market: MorphoBlueMarket
    ok: bool
    revert: bytes
    logs: list
    totals: Totals
    borrower: Borrower


class Lab:
    """Morpho on a running chain, its tokens' slots learned."""

    def __init__(self, scene):
        self.chain = scene.chain
        self.deployed = deploy_morpho_blue(self.chain, compile_morpho_blue(scene.packages))
        self.morpho = self.deployed.morpho
        self.oracle = self.chain.deploy(compile_morpho_blue(scene.packages)["OracleMock"])
        self.chain.set_code(GROWING_IRM, GROWING_CODE)
        self.loan, self.collateral = scene.asset("USDC").token, scene.asset("LINK").token
        self.adapter = build("parity", self.morpho)
        self.number, self.now = int(self.chain.head()["number"], 16), self.chain.timestamp()
        # The fee has somebody to go to, so that it is minted.
        self.chain.send(self.morpho, "setFeeRecipient(address)", Address(bytes.fromhex("fe" * 20)))
        self.number += 1
        self.held = self.slot(self.collateral, "balanceOf(address)", self.morpho)
        self.wallet = self.slot(self.loan, "balanceOf(address)", LIQUIDATOR)
        self.allowed = self.slot(self.loan, "allowance(address,address)", LIQUIDATOR, self.morpho)

    def slot(self, contract, function, *arguments):
        fields = self.chain.transaction(contract, function, *arguments).fields()
        found = self.chain.node.rpc("eth_createAccessList", fields, "latest")["accessList"]
        (only,) = [(entry["address"], key) for entry in found for key in entry["storageKeys"]]
        return Address(bytes.fromhex(only[0][2:])), bytes.fromhex(only[1][2:])

    def irm(self, kind):
        return {"none": ZERO_ADDRESS, "growing": GROWING_IRM, "mock": self.deployed.irm}[kind]

    def overrides(self, case):
        found = Overrides()
        t, b = case.totals, case.borrower
        market = (self.morpho, keccak(case.params.id + MARKET_SLOT.to_bytes(32, "big")))
        found.set(market, t.supply_assets | t.supply_shares << 128)
        found.set(market, t.borrow_assets | t.borrow_shares << 128, 1)
        found.set(market, t.last_update | t.fee << 128, 2)
        inner = keccak(case.params.id + POSITION_SLOT.to_bytes(32, "big"))
        found.set((self.morpho, keccak(USER.rjust(32, b"\0") + inner)), b.borrow_shares | b.collateral << 128, 1)
        found.set((self.oracle, ORACLE_PRICE_SLOT.to_bytes(32, "big")), case.price)
        found.set(self.held, WALLET)
        found.set(self.wallet, WALLET)
        found.set(self.allowed, MAX_UINT256)
        return found

    def live(self, case, call=None) -> Lived:
        """Read in one block, then liquidate in the next, by this call or by Morpho's own."""
        head = BlockHead(self.number, bytes(32), bytes(32), case.read_at, 10**9, 0, 10**9, ZERO_ADDRESS)
        target = BlockTarget(self.number + 1, case.timestamp, 10**9, case.timestamp + 36)
        reading = gather(
            gather(read_totals(self.morpho, [case.params.id]), read_borrowers(self.morpho, [case.key])),
            read_market(case.params, case.totals, head, target, adaptive=False),
        )
        again = gather(read_totals(self.morpho, [case.params.id]), read_borrowers(self.morpho, [case.key]))
        asked, asked_again = next(reading), next(again)
        call = call or Call(self.morpho, liquidate_data(case))
        first = self._block(case.read_at, asked, self.overrides(case).as_json())
        second = self._block(case.timestamp, [call, *asked_again])
        request = {"blockStateCalls": [first, second], "validation": False}
        answers = self.chain.node.rpc("eth_simulateV1", request, "latest")
        read, (liquidated, *rest) = ([self._answer(c) for c in block["calls"]] for block in answers)
        ((totals, borrowers), isolated) = finish(reading, read)
        assert (totals[case.params.id], borrowers[case.key]) == (case.totals, case.borrower)
        after, borrowers_after = finish(again, rest)
        roster = Roster()
        roster.add(case.params)
        roster.place(case.params.id)
        market = MorphoBlueMarket(
            deployment="parity",
            head=head,
            target=target,
            morpho=self.morpho,
            roster=roster,
            isolated={case.params.id: isolated},
            balances={self.loan: 10**40, self.collateral: 10**40},
            ledger=Ledger(borrowers),
        )
        logs = [as_log(log) for log in answers[1]["calls"][0]["logs"]]
        ok, revert = liquidated
        return Lived(market, ok, revert, logs, after[case.params.id], borrowers_after[case.key])

    def _block(self, timestamp, calls, overrides=None):
        return {
            "blockOverrides": {"time": hex(timestamp), "gasLimit": hex(10**9)},
            "stateOverrides": overrides or {},
            "calls": [
                {"from": hexed(LIQUIDATOR), "to": hexed(c.to), "data": hexed(c.data), "gas": hex(GAS)} for c in calls
            ],
        }

    def _answer(self, call):
        ok = call["status"] == "0x1"
        data = call["returnData"] if ok or "error" not in call else call["error"].get("data") or call["returnData"]
        return Returned(ok, bytes.fromhex(data[2:]))


def finish(read, answers):
    try:
        read.send(tuple(answers))
    except StopIteration as stop:
        return stop.value

    raise AssertionError("another round was not expected")


def liquidate_data(case) -> bytes:
    numbers = (case.seized, case.repaid_shares, 9 * 32, 0)
    words = USER.rjust(32, b"\0") + b"".join(n.to_bytes(32, "big") for n in numbers)
    return encode(abi.LIQUIDATE) + case.params.encoded + words
