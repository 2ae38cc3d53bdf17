"""Twins of dYdX Perpetual V1's contracts, and how a recorded case's state is written into them."""

from keeper.sandbox.compiler import compile_own
from tests.parity.twin_chain import Ask, Scenario, TwinChain, account, answering, mapped, packed

MAKER = bytes.fromhex("3c44cdddb6a900fa2b585dd299e03d12fa4293bc")
HIGH_MAKER, LOW_MAKER = bytes.fromhex("f" * 40), (0xAAAAA).to_bytes(20, "big")
TAKER = bytes.fromhex("90f79bf6eb2c4f870365e785982e1f101e93b906")
"""Reverts spell addresses, so these are the recording's; the low one where the maker is the one that is named."""
OPERATOR, OUTSIDER, PROVIDER = account("operator"), account("outsider"), account("provider")
FUND, DELEVERAGER = account("insurance fund"), account("deleveraging operator")
BALANCE, INDEX, GLOBAL_INDEX, MIN_COLLATERAL, SETTLED, GLOBAL_OPERATOR = range(6)
"""Slots of the twin of PerpetualV1."""
MARKED, INSURANCE_FEE, RATE, TOKENS = 0, 0, 0, 3
RICH = 2**200


class Lab(TwinChain):
    """One perpetual with everything around it."""

    def __init__(self, packages):
        super().__init__(packages)
        chain, twins = self.chain, compile_own(packages, "twins/dydx")
        self.oracle, self.funder = account("oracle"), account("funder")
        self.token = chain.deploy(compile_own(packages, "sandbox")["SandboxToken"], "", "", 6)
        self.perpetual = chain.deploy(twins["TwinPerpetualV1"])
        self.liquidation = chain.deploy(twins["TwinP1Liquidation"], self.perpetual)
        self.deleveraging = chain.deploy(twins["TwinP1Deleveraging"], self.perpetual, DELEVERAGER)
        self.proxy = chain.deploy(twins["TwinP1LiquidatorProxy"], self.perpetual, self.liquidation, FUND, 2 * 10**17)
        self.funding = chain.deploy(twins["TwinP1FundingOracle"], PROVIDER)
        chain.send(
            self.perpetual, "initializeV1(address,address,address,uint256)",
            self.token, self.oracle, self.funder, 1_075 * 10**15,
        )  # fmt: skip
        chain.send(self.proxy, "approveMaximumOnPerpetual()")

        for operator in (OPERATOR, self.liquidation, self.deleveraging, self.proxy):
            chain.send(self.perpetual, "setGlobalOperator(address,bool)", operator, True)

    def addresses(self, case):
        """Say who is who in a case: accounts are settled and checked in ascending order, which shows who is lower."""
        named = case.get("revert", {}).get("suffix")
        settled = [said["account"] for name, said in events_of(case) if name == "LogAccountSettled"]
        maker = LOW_MAKER if named == "address of maker" else MAKER
        maker = HIGH_MAKER if named == "address of taker" or settled == ["taker", "maker"] else maker
        return {"maker": maker, "taker": TAKER, "a": MAKER, "insuranceFund": FUND}

    def scenario(self, case, calls, timestamp=None):
        """Put asks to the contracts in a case's state."""
        at = timestamp or int(case["call"].get("timestamp", 0)) or logged_time(case)
        return Scenario(at, list(calls), self._storage(case, at), self._code(case))

    def ask(self, function, *arguments, to=None, sender=OPERATOR):
        return Ask(to or self.perpetual, function, arguments, sender)

    def _storage(self, case, at):
        state, call = case["state"], case["call"]
        if "price" not in state:
            return {}

        settled = {"timestamp": at, "isPositive": False, "value": 0}
        words = {
            GLOBAL_INDEX: index_word(state.get("globalIndex", settled)),
            MIN_COLLATERAL: int(state["minCollateral"]),
            SETTLED: int(state.get("finalSettlementEnabled", False)),
            mapped(GLOBAL_OPERATOR, OPERATOR): int(call.get("senderIsGlobalOperator", True)),
        }
        marked = {}

        for name, one in state["accounts"].items():
            who = self.addresses(case)[name]
            words[mapped(BALANCE, who)] = balance_word(one["balance"])
            words[mapped(INDEX, who)] = index_word(one.get("index", settled))
            marked[mapped(MARKED, who)] = int(one.get("markedTimestamp", 0))

        return {
            self.perpetual: words,
            self.deleveraging: marked,
            self.proxy: {INSURANCE_FEE: int(state.get("insuranceFee", 0))},
            self.token: {mapped(TOKENS, self.perpetual): RICH},
        }

    def _code(self, case):
        state = case["state"]
        funding = state.get("funding", {"isPositive": False, "value": 0})
        return {
            self.oracle: answering(int(state.get("price", 10**18))),
            self.funder: answering(funding["isPositive"], int(funding["value"])),
        }


def events_of(case):
    return case.get("result", {}).get("events", ())


def logged_time(case):
    """Read the block's time off the index that was logged in it; any will do where nothing was."""
    words = [said["index"] for name, said in events_of(case) if name == "LogIndex"]
    return time_of(words[0]) if words else 1_700_000_000


def time_of(word):
    """Read the time in an index's or a funding rate's word."""
    return int(word, 16) >> 136 & 2**32 - 1


def balance_word(balance):
    return packed(
        (balance["marginIsPositive"], 8), (balance["positionIsPositive"], 8),
        (balance["margin"], 120), (balance["position"], 120),
    )  # fmt: skip


def index_word(index):
    return packed((index["timestamp"], 32), (index["isPositive"], 8), (index["value"], 128))
