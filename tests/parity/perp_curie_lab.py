"""A laboratory on the real contracts: any taker's account, real makers' orders, marks that drift while a case waits.

A case is read at the head and lived in one simulated block of a later time: somebody deposits, liquidates, leaves the
position and withdraws, and says what is left. Accounts are written into storage; makers' orders are real ones.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

from eth_utils.crypto import keccak

from keeper.protocols.ledger import Ledger
from keeper.protocols.perp_curie import abi, build, math
from keeper.protocols.perp_curie.account import Account
from keeper.protocols.perp_curie.discovery import read_accounts
from keeper.protocols.perp_curie.market import PerpCurieMarket
from keeper.protocols.words import encode
from keeper.sandbox.artifact import signature
from keeper.sandbox.assets import approve, fund
from keeper.sandbox.feeds import DOLLAR, price_update
from keeper.sandbox.node import NodeError
from keeper.sandbox.packages import SandboxError
from keeper.sandbox.perp_curie import add_liquidity, deposit, open_position, trade
from keeper.types import Address, BlockTarget, Call, PositionKey, Returned, StorageAt
from keeper.units import MAX_UINT256, WAD
from tests.anvil.perp_curie_world import ETH, open_world, tick_of
from tests.parity.aave_v3_lab import as_log, block_head, hexed

USER, PLEDGER = (Address(bytes.fromhex(pair * 20)) for pair in ("b0", "b1"))
"""Takers: one with a deposit only, one with ether as collateral beside it."""
ACCOUNT_MARKET_SLOT, BASE_TOKENS_SLOT = 159, 158
GAS = 6_000_000
ACCOUNT_INFO = "getAccountInfo(address,address)((int256,int256,int256))"
DEPOSIT_FOR = "depositFor(address,address,uint256)"
COLLATERAL_CONFIG = "addCollateral(address,(address,uint24,uint24,uint256))"


@dataclass(frozen=True)
class Case:
    """One call of `liquidate` at a time, on an account; `size` is signed as the position."""

    theme: str
    trader: Address
    base: Address
    timestamp: int
    size: int = 0


@dataclass(frozen=True)
class Lived:
    """What the chain did and said, in the simulated block; values are None where the call before failed."""

    ok: bool
    revert: bytes
    logs: list
    value: int
    requirement: int
    marks: tuple
    moved: tuple
    """Whether deposit, liquidation, exit and withdrawal each went through."""
    after: dict


class Lab:
    """Curie on a running chain, its users, and the market of the last epoch."""

    def __init__(self, scene, rng):
        self.scene, self.chain, self.rng = scene, scene.chain, rng
        self.world = open_world(scene)
        self.perp = self.world.perp
        self.adapter = build("parity", self.perp.clearing_house)
        self.sync = self.adapter.sync
        self.taker = self.chain.accounts[8]
        fund(self.chain, scene.asset("USDC"), self.taker, 10**15)
        approve(self.chain, scene.asset("USDC"), self.taker, self.perp.vault)
        self._collateral()
        self.makers = tuple(self.chain.accounts[i] for i in (3, 4, 6))
        self._make_orders()
        self.seen, self.epochs, self.slots = 0, 0, {}
        self._run(self.sync.bootstrap(self.head()))

    @property
    def bases(self):
        return (self.world.eth.base, self.world.btc.base)

    def _collateral(self):
        """Let ether be collateral at 70 % of its index price."""
        weth = self.scene.asset("WETH").token
        config = (self.world.eth.dispatcher, 700_000, 100_000, MAX_UINT256)
        self.chain.send(self.perp.collateral_manager, COLLATERAL_CONFIG, weth, config)
        self.chain.set_balance(self.taker, 10**24)
        self.chain.send(weth, "deposit()", sender=self.taker, value_wei=10**22)
        self.chain.send(weth, "approve(address,uint256)", self.perp.vault, MAX_UINT256, sender=self.taker)
        self.chain.send(self.perp.vault, DEPOSIT_FOR, PLEDGER, weth, 3 * WAD + 7, sender=self.taker)

    def _make_orders(self):
        """Makers with one, two and three orders, in and out of range, two of them takers as well."""
        world = self.world
        for i, maker in enumerate(self.makers):
            deposit(self.chain, self.perp, maker, 200_000 * 10**6)
            for k in range(i + 1):
                middle = tick_of(ETH) + (k - 1) * 800
                order = (int(20 * WAD), int(60_000 * WAD), middle - 600, middle + 600)
                add_liquidity(self.chain, self.perp, maker, world.eth, order)

        add_liquidity(
            self.chain,
            self.perp,
            self.makers[2],
            world.btc,
            (WAD // 2, 20_000 * WAD, tick_of(60_000) - 400, tick_of(60_000) + 400),
        )
        open_position(self.chain, self.perp, world.eth, self.makers[0], 10 * WAD)
        open_position(self.chain, self.perp, world.btc, self.makers[1], -WAD // 4)

    # Epochs: what is true of all cases between two of them ------------------------------------------------------------

    def next_epoch(self):
        """Trade, change rules, let time pass; then follow it all as the keeper would."""
        rng, chain, perp = self.rng, self.chain, self.perp
        owner = (
            (perp.market_registry, "setFeeRatio(address,uint24)", self.bases[0], rng.choice([0, 500, 1_000, 10_000])),
            (perp.market_registry, "setInsuranceFundFeeRatio(address,uint24)", self.bases[0], rng.choice([0, 200_000])),
            (perp.config, "setLiquidationPenaltyRatio(uint24)", rng.choice([25_000, 25_000, 1, 62_499, 0])),
            (perp.config, "setMaxFundingRate(uint24)", rng.choice([100_000, 1_000])),
            (
                perp.exchange,
                "setMaxTickCrossedWithinBlock(address,uint24)",
                self.bases[0],
                rng.choice([1_000, 1_000, 30]),
            ),
        )
        for call in owner:
            chain.send(*call)

        for symbol, market, unit in (("WETH", self.world.eth, 40), ("WBTC", self.world.btc, 1)):
            price = int(self.spot(market) * (1 + rng.uniform(-1, 1) * rng.choice([0.004, 0.07])) * DOLLAR)
            chain.execute(price_update(chain, self.scene.asset(symbol).feed, price))
            for _ in range(rng.choice([0, 0, 1, 2, 3])):
                size = int(rng.uniform(-unit, unit) * WAD)
                chain.node.rpc("evm_setNextBlockTimestamp", chain.timestamp() + rng.choice([1, 12, 40, 300]))
                # Too far for the room the market gives now: then nobody trades.
                with suppress(NodeError, SandboxError):
                    chain.execute(trade(chain, perp, market, chain.accounts[9], size))

        self.set_balance(perp.insurance_fund, rng.choice([0, 10**11, 10**11, -(10**9)]))
        self.epochs += 1
        if self.epochs % 3 == 0:
            # An answer nobody takes over for longer than the window: the mean before that is not the mean after.
            price = int(self.spot(self.world.eth) * rng.choice([0.97, 1.03]) * DOLLAR)
            chain.execute(price_update(chain, self.scene.asset("WETH").feed, price))
            chain.mine(interval_s=rng.randrange(905, 1_400))
        else:
            chain.mine(interval_s=rng.choice([1, 12, 500, 1_500]))

        self.market = self.observe()

    def spot(self, market):
        sqrt = self.chain.call(market.pool, "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)")[0]
        return math.x96_to_x18(math.sqrt_to_price_x96(sqrt)) / WAD

    def observe(self) -> PerpCurieMarket:
        """Apply the logs since the last epoch and freeze the market of the head."""
        head = self.head()
        (query,) = self.sync.sources()
        asked = {
            "fromBlock": hex(self.seen),
            "toBlock": hex(head.number),
            "address": [hexed(one) for one in query.addresses],
            "topics": [[hexed(one) for one in query.topics[0]]],
        }
        self.sync.apply([as_log(log) for log in self.chain.node.rpc("eth_getLogs", asked)])
        self.seen = head.number + 1
        return self._run(self.sync.observe(head, BlockTarget(head.number + 1, head.timestamp + 1, 10**9, 0)))

    def head(self):
        return block_head(self.chain.head())

    # Cases --------------------------------------------------------------------------------------------------------

    def write(self, trader: Address, account: Account):
        """Write a taker's account into storage, but for collateral the Vault lists by itself."""
        node, accounts, vault = self.chain.node, self.perp.account_balance, self.perp.vault
        bases = [base for base, _ in account.holdings]
        words = {(accounts, mapped(trader, abi.OWED_REALIZED_PNL_SLOT)): account.owed}
        words[accounts, mapped(trader, BASE_TOKENS_SLOT)] = len(bases)
        for i, base in enumerate(bases):
            words[accounts, slot_of(mapped(trader, BASE_TOKENS_SLOT)) + i] = int.from_bytes(base, "big")

        for base, one in account.holdings:
            inner = mapped(trader, ACCOUNT_MARKET_SLOT).to_bytes(32, "big")
            at = int.from_bytes(keccak(base.rjust(32, b"\0") + inner), "big")
            for i, value in enumerate((one.size, one.open_notional, one.last_growth_x96)):
                words[accounts, at + i] = value

        words[vault, self.balance_slot(trader)] = account.balance
        for (contract, slot), value in words.items():
            node.rpc("anvil_setStorageAt", hexed(contract), word_hex(slot), word_hex(value))

    def set_balance(self, trader, balance):
        """Write only what an account has deposited."""
        slot = word_hex(self.balance_slot(trader))
        self.chain.node.rpc("anvil_setStorageAt", hexed(self.perp.vault), slot, word_hex(balance))

    def balance_slot(self, trader):
        if trader in self.slots:
            return self.slots[trader]

        fields = self.chain.transaction(self.perp.vault, "getBalance(address)", trader).fields()
        found = self.chain.node.rpc("eth_createAccessList", fields, "latest")["accessList"]
        keys = [key for entry in found for key in entry["storageKeys"]]
        # The settlement token's own place, then the balance's: a hash, not a small number.
        self.slots[trader] = max(int(key, 16) for key in keys)
        return self.slots[trader]

    def read(self, trader) -> Account:
        key = PositionKey(bytes(trader))
        return self._run(read_accounts(self.market.contracts, [key]))[key]

    def market_with(self, account: Account, case: Case) -> PerpCurieMarket:
        """The epoch's market with one account, projected to the case's time, collateral priced at that time."""
        key = PositionKey(bytes(case.trader))
        target = BlockTarget(self.market.head.number + 1, case.timestamp, 10**9, case.timestamp)
        market = replace(self.market, ledger=Ledger({key: account}), overlay={}).at(target)
        if not account.collaterals:
            return market

        ((token, _),) = account.collaterals
        asked = Call(market.contracts.collateral_manager, encode(abi.GET_COLLATERAL_PRICE, token, 900))
        (answer,) = self._simulate(case.timestamp, [asked])
        price = int(answer["returnData"], 16)
        return replace(market, collaterals={token: replace(self.market.collaterals[token], price=price)})

    def live(self, case: Case, margin: int, cancels: list) -> Lived:
        """Live a case in one simulated block, and ask what is left."""
        perp, taker, trader = self.perp, self.taker, case.trader
        house, vault, usdc = perp.clearing_house, perp.vault, perp.settlement.token
        fund_account = perp.insurance_fund
        closing = (case.base, 0, 0, MAX_UINT256, 0)
        calls = [
            Call(house, signature("getAccountValue(address)").encode(trader)),
            Call(perp.account_balance, signature("getMarginRequirementForLiquidation(address)").encode(trader)),
            *(Call(perp.account_balance, signature("getMarkPrice(address)").encode(base)) for base in self.bases),
            *cancels,
            Call(vault, encode(abi.DEPOSIT, usdc, margin)),
            Call(house, encode(abi.LIQUIDATE, trader, case.base, case.size & MAX_UINT256)),
            Call(perp.account_balance, signature(ACCOUNT_INFO).encode(trader, case.base)),
            Call(vault, signature("getBalance(address)").encode(trader)),
            Call(perp.account_balance, signature("getPnlAndPendingFee(address)").encode(trader)),
            Call(house, encode(abi.CLOSE_POSITION, *closing)),
            Call(perp.account_balance, encode(abi.GET_TOTAL_ABS_POSITION_VALUE, taker)),
            Call(vault, encode(abi.WITHDRAW_ALL, usdc)),
            Call(vault, signature("getBalance(address)").encode(fund_account)),
            Call(perp.account_balance, signature("getPnlAndPendingFee(address)").encode(fund_account)),
            Call(self.market.instruments[case.base].pool_address, encode(abi.SLOT0)),
            Call(self.market.instruments[case.base].pool_address, encode(abi.LIQUIDITY)),
        ]
        found = self._simulate(case.timestamp, calls)
        said = [bytes.fromhex(one["returnData"][2:]) for one in found]
        numbers = [[signed_word(data, i) for i in range(len(data) // 32)] for data in said]
        first, rest = numbers[:4], numbers[4 + len(cancels) :]
        done = [one["status"] == "0x1" for one in found][4 + len(cancels) :]
        liquidated = found[4 + len(cancels) + 1]
        why = liquidated.get("error", {}).get("data") or liquidated["returnData"]
        revert = b"" if done[1] else bytes.fromhex(why[2:])
        return Lived(
            ok=all(done),
            revert=revert,
            logs=[as_log(log) for one in found for log in one["logs"]],
            value=first[0][0],
            requirement=first[1][0],
            marks=(first[2][0], first[3][0]),
            moved=(done[0], done[1], done[5], done[7]),
            after={
                "info": tuple(rest[2]),
                "balance": rest[3][0],
                "owed": rest[4][0],
                "left": rest[6][0] if rest[6] else None,
                "fund": (rest[8][0], rest[9][0]),
                "pool": (rest[10][0], rest[10][1], rest[11][0]),
            },
        )

    def _simulate(self, timestamp, calls):
        block = {
            "blockOverrides": {"time": hex(timestamp), "gasLimit": hex(10**9)},
            "calls": [
                {"from": hexed(self.taker), "to": hexed(c.to), "data": hexed(c.data), "gas": hex(GAS)} for c in calls
            ],
        }
        (answer,) = self.chain.node.rpc("eth_simulateV1", {"blockStateCalls": [block], "validation": False}, "latest")
        return answer["calls"]

    # Reads --------------------------------------------------------------------------------------------------------

    def _run(self, read):
        """Drive a read against the head."""
        try:
            requests = next(read)
            while True:
                requests = read.send(tuple(self._answers(requests)))
        except StopIteration as stop:
            return stop.value

    def _answers(self, requests):
        """Storage in a batch, calls in one simulated block; a revert is an answer."""
        places = [
            ("eth_getStorageAt", (hexed(r.to), word_hex(r.slot), "latest"))
            for r in requests
            if isinstance(r, StorageAt)
        ]
        stored = iter(self.chain.node.rpc_many(places) if places else ())
        calls = [request for request in requests if isinstance(request, Call)]
        called = iter(self._simulate(self.chain.timestamp() + 1, calls) if calls else ())
        for request in requests:
            if isinstance(request, StorageAt):
                yield Returned(True, bytes.fromhex(next(stored)[2:]))
                continue

            answer = next(called)
            yield Returned(answer["status"] == "0x1", bytes.fromhex(answer["returnData"][2:]))


def mapped(key: bytes, slot: int) -> int:
    return int.from_bytes(keccak(key.rjust(32, b"\0") + slot.to_bytes(32, "big")), "big")


def slot_of(slot: int) -> int:
    """Where the entries of a dynamic array at a slot begin."""
    return int.from_bytes(keccak(slot.to_bytes(32, "big")), "big")


def word_hex(value: int) -> str:
    return "0x" + (value % 2**256).to_bytes(32, "big").hex()


def signed_word(data: bytes, index: int) -> int:
    return int.from_bytes(data[32 * index : 32 * index + 32], "big", signed=True)
