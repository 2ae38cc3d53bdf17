"""A laboratory on the real Venus: any market, account and rule, set by storage overrides, in one request.

Slots are learned by asking the node which ones a getter reads. A case lives in one block: before it liquidates it asks
what the comptroller thinks, after it what is left. Interest rates are whatever a case says: each market's model, which
anybody may replace, is one that answers a stored word.
"""

from dataclasses import dataclass, field, replace

from eth_utils.crypto import keccak

from keeper.protocols.compound_v2 import build
from keeper.protocols.compound_v2.account import Account
from keeper.protocols.compound_v2.math import Split, Totals
from keeper.sandbox.compound_v2 import deploy_compound_v2, with_liquidator, with_native_market
from keeper.types import Address, BlockTarget
from keeper.units import MAX_UINT256
from tests.anvil.compound_v2_world import answer_at
from tests.parity.aave_v3_lab import (
    KEY,
    LIQUIDATOR,
    USER,
    WALLET,
    Overrides,
    as_log,
    block_head,
    drive_batched,
    hexed,
)

RATE_CODE = bytes.fromhex("5f545f5260205ff3")
"""A rate model that answers its first word."""
NATIVE = "native"
GAS = 15_000_000


@dataclass(frozen=True)
class CaseMarket:
    """A market as the case sets it, in the contract's own words; `answer` is the feed's, with 8 decimals."""

    totals: Totals
    rate: int
    reserve_factor: int
    factor: int
    answer: int
    paused: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Case:
    """One liquidation and the redemption after it, and the world they are made in."""

    theme: str
    markets: dict[int, CaseMarket]
    account: Account
    close_factor: int
    incentive: int
    redeem_fee: int
    percent: int | None
    protocol_paused: bool
    collateral: int
    debt: int
    repay: int


@dataclass
class Words(Overrides):
    """Storage, and native balances, as a case wants them."""

    balances: dict[Address, int] = field(default_factory=dict)

    def as_json(self):
        found = super().as_json()
        for account, wei in self.balances.items():
            found.setdefault(hexed(account), {})["balance"] = hex(wei)

        return found


class Lab:
    """Venus on a running chain, its slots learned, its adapter bootstrapped and observing."""

    def __init__(self, scene):
        self.chain, self.assets = scene.chain, scene.world.assets
        compound = deploy_compound_v2(self.chain, scene.packages, self.assets)
        compound = with_native_market(self.chain, scene.packages, compound, self.assets["WETH"])
        self.compound = with_liquidator(self.chain, scene.packages, compound)
        self.comptroller = compound.comptroller
        self.tokens = {**compound.markets, NATIVE: compound.native_market}
        models = [Address(bytes([0xC0 + i] * 20)) for i in range(len(self.tokens))]
        for token, model in zip(self.tokens.values(), models, strict=True):
            self._give_model(token, model)

        self.chain.node.rpc("anvil_mine", hex(300), hex(12))
        self.adapter = build("parity", self.comptroller, self.assets["WETH"].token)
        self.head = block_head(self.chain.head())
        answer = lambda requests: answer_at(self.chain, hexed(self.head.hash), requests)  # noqa: E731  # a short name
        drive_batched(self.adapter.sync.bootstrap(self.head), answer)
        number, time = self.head.number + 1, self.head.timestamp + 12
        self.target = BlockTarget(number, time, 10**9, time + 36)
        self.base = drive_batched(self.adapter.sync.observe(self.head, self.target), answer)
        self.places = {symbol: self.base.places[token] for symbol, token in self.tokens.items()}
        self.model = dict(zip(self.places.values(), models, strict=True))
        self._learn()

    def _give_model(self, token, model):
        """Let a market have a rate model of its own."""
        self.chain.set_code(model, RATE_CODE)
        (place,) = self.slots(token, "interestRateModel()")
        word = "0x" + model.rjust(32, b"\0").hex()
        self.chain.node.rpc("anvil_setStorageAt", hexed(token), hexed(place[1]), word)

    def _learn(self):
        comptroller = self.comptroller
        self.assets_in = self.slot(comptroller, "getAssetsIn(address)", USER)
        self.rules = {
            name: self.slot(comptroller, f"{name}()")
            for name in (
                "closeFactorMantissa", "liquidationIncentiveMantissa", "treasuryPercent", "treasuryAddress",
                "protocolPaused", "liquidatorContract", "pauseGuardian",
            )
        }  # fmt: skip
        self.percent = self.slot(self.compound.liquidator, "treasuryPercentMantissa()")
        self.restricted = self.slot(self.compound.liquidator, "liquidationRestricted(address)", USER)
        self.words, self.market, self.member, self.price, self.tokens_of, self.loan = ({} for _ in range(6))
        self.wallet, self.allowed, self.allowed_to_liquidator, self.held, self.paused = ({} for _ in range(5))
        for symbol, place in self.places.items():
            self._learn_market(symbol, place, self.tokens[symbol])

    def _learn_market(self, symbol, place, token):
        getters = ("totalBorrows", "totalReserves", "totalSupply", "borrowIndex", "accrualBlockNumber")
        for getter in (*getters, "reserveFactorMantissa"):
            self.words[place, getter] = self.slot(token, f"{getter}()")

        self.tokens_of[place] = self.slot(token, "balanceOf(address)", USER)
        self.loan[place] = self.slot(token, "borrowBalanceStored(address)", USER)
        self.market[place] = min(self.slots(self.comptroller, "markets(address)", token), key=lambda at: at[1])
        self.member[place] = self.slot(self.comptroller, "checkMembership(address,address)", USER, token)
        self.paused[place] = [self.slot(self.comptroller, "actionPaused(address,uint8)", token, i) for i in range(9)]
        asset = self.assets["WETH" if symbol == NATIVE else symbol]
        self.price[place] = self.slot(asset.feed.aggregator, "latestAnswer()")
        if symbol == NATIVE:
            return

        self.held[place] = self.slot(asset.token, "balanceOf(address)", token)
        self.wallet[place] = self.slot(asset.token, "balanceOf(address)", LIQUIDATOR)
        self.allowed[place] = self.slot(asset.token, "allowance(address,address)", LIQUIDATOR, token)
        liquidator = self.compound.liquidator
        self.allowed_to_liquidator[place] = self.slot(asset.token, "allowance(address,address)", LIQUIDATOR, liquidator)

    def slots(self, contract, function, *arguments):
        """Every slot a getter reads, the code of a proxy aside."""
        fields = self.chain.transaction(contract, function, *arguments).fields()
        found = self.chain.node.rpc("eth_createAccessList", fields, "latest")["accessList"]
        places = {
            (Address(bytes.fromhex(entry["address"][2:])), bytes.fromhex(key[2:]))
            for entry in found
            for key in entry["storageKeys"]
        }
        return places - self._code_slots()

    def slot(self, contract, function, *arguments):
        (only,) = self.slots(contract, function, *arguments)
        return only

    def _code_slots(self):
        """Where proxies keep their code: each is what asking for the implementation reads."""
        if not hasattr(self, "_codes"):
            self._codes = set()
            asked = [(token, "implementation()") for s, token in self.tokens.items() if s != NATIVE]
            for contract, getter in [(self.comptroller, "comptrollerImplementation()"), *asked]:
                fields = self.chain.transaction(contract, getter).fields()
                found = self.chain.node.rpc("eth_createAccessList", fields, "latest")["accessList"]
                self._codes |= {
                    (Address(bytes.fromhex(entry["address"][2:])), bytes.fromhex(key[2:]))
                    for entry in found
                    for key in entry["storageKeys"]
                }

        return self._codes

    # One case ------------------------------------------------------------------------------------------------------

    def market_of(self, case):
        """The adapter's market of a case, from the observed one and the case's numbers."""
        tokens = {}
        for place, m in case.markets.items():
            base = self.base.tokens[place]
            price = m.answer * base.listing.scale
            tokens[place] = replace(
                base,
                stored=m.totals,
                rate=m.rate,
                reserve_factor=m.reserve_factor,
                factor=m.factor,
                incentive=case.incentive,
                price=price or None,
                debt_paused=bool(m.paused & {3, 5}),
                collateral_paused=bool(m.paused & {1, 4}),
            )

        guarded = case.percent is not None
        rules = replace(
            self.base.rules,
            close_factor=case.close_factor,
            incentive=case.incentive,
            redeem_fee=case.redeem_fee,
            split=Split(case.percent if guarded else 0, case.incentive, of_bonus=False),
            paused=case.protocol_paused,
        )
        contracts = replace(self.base.contracts, liquidator=self.compound.liquidator if guarded else None)
        market = replace(self.base.with_tokens(tokens), rules=rules, contracts=contracts)
        return market.with_accounts({KEY: case.account}).at(self.target)

    def overrides(self, case):
        found = Words()
        found.balances[LIQUIDATOR] = WALLET
        values = {
            "closeFactorMantissa": case.close_factor,
            "liquidationIncentiveMantissa": case.incentive,
            "treasuryPercent": case.redeem_fee,
            "treasuryAddress": int.from_bytes(b"\x7e" * 20, "big"),
            "liquidatorContract": 0 if case.percent is None else int.from_bytes(self.compound.liquidator, "big"),
        }
        for name, value in values.items():
            found.set(self.rules[name], value)

        self._set_paused(found, case)
        found.set(self.percent, case.percent or 0)
        found.set(self.restricted, int(case.account.restricted))
        entered = [place for place in case.markets if case.account.has_entered(place)]
        found.set(self.assets_in, len(entered))
        first = int.from_bytes(keccak(self.assets_in[1]), "big")
        for i, place in enumerate(entered):
            slot = (first + i).to_bytes(32, "big")
            found.set((self.comptroller, slot), int.from_bytes(self.base.tokens[place].listing.token, "big"))

        for place, m in case.markets.items():
            self._set_market(found, case, place, m)

        return found

    def _set_paused(self, found, case):
        """The flag of all pauses shares its word with others."""
        place = self.rules["protocolPaused"]
        word = int(self.chain.node.rpc("eth_getStorageAt", hexed(place[0]), hexed(place[1]), "latest"), 16)
        (offset,) = self._paused_bits(word)
        found.set(place, word | 1 << offset if case.protocol_paused else word)

    def _paused_bits(self, word):
        """Which bit of the word makes the getter say yes."""
        if not hasattr(self, "_bit"):
            fields = self.chain.transaction(self.comptroller, "protocolPaused()").fields()
            contract, slot = self.rules["protocolPaused"]
            for offset in range(0, 256, 8):
                state = {hexed(contract): {"stateDiff": {hexed(slot): hexed((word | 1 << offset).to_bytes(32, "big"))}}}
                if int(self.chain.node.rpc("eth_call", fields, "latest", state), 16) == 1:
                    self._bit = offset

        return [self._bit]

    def _set_market(self, found, case, place, m):
        token = self.base.tokens[place].listing.token
        t = m.totals
        for getter, value in (
            ("totalBorrows", t.borrows), ("totalReserves", t.reserves), ("totalSupply", t.supply),
            ("borrowIndex", t.borrow_index), ("accrualBlockNumber", t.accrued_at),
            ("reserveFactorMantissa", m.reserve_factor),
        ):  # fmt: skip
            found.set(self.words[place, getter], value)

        found.set((self.model[place], bytes(32)), m.rate)
        found.set(self.tokens_of[place], case.account.tokens_in(place))
        loan = case.account.loan_in(place)
        found.set(self.loan[place], loan.principal if loan else 0)
        found.set(self.loan[place], loan.interest_index if loan else 0, 1)
        found.set(self.market[place], m.factor, 1)
        found.set(self.member[place], int(case.account.has_entered(place)))
        found.set(self.price[place], m.answer)
        for action in m.paused:
            found.set(self.paused[place][action], 1)

        if place in self.held:
            found.set(self.held[place], t.cash)
            found.set(self.wallet[place], WALLET)
            found.set(self.allowed[place], MAX_UINT256)
            found.set(self.allowed_to_liquidator[place], MAX_UINT256)
        else:
            found.balances[token] = t.cash

    def simulate(self, case, calls):
        """Run calls in the case's block, after its overrides; each answers (ok, data, logs)."""
        block = {
            "blockOverrides": {
                "number": hex(self.target.number), "time": hex(self.target.timestamp), "gasLimit": hex(10**9),
            },
            "stateOverrides": self.overrides(case).as_json(),
            "calls": [
                {
                    "from": hexed(sender), "to": hexed(call.to), "data": hexed(call.data), "gas": hex(GAS),
                    "value": hex(call.value_wei),
                }
                for sender, call in calls
            ],
        }  # fmt: skip
        request = {"blockStateCalls": [block], "validation": False}
        (answer,) = self.chain.node.rpc("eth_simulateV1", request, hex(self.head.number))
        return [
            (c["status"] == "0x1", bytes.fromhex(c["returnData"][2:]), [as_log(log) for log in c["logs"]])
            for c in answer["calls"]
        ]
