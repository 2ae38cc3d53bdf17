"""A twin of each market the recorded cases of Compound V3 name, and how a case is put to it."""

from keeper.sandbox.compiler import compile_own
from tests.parity.twin_chain import Ask, Scenario, TwinChain, account, answering, mapped, packed

ABSORBER, BUYER, STRANGER, GOVERNOR = account("absorber"), account("buyer"), account("stranger"), account("governor")
TOTALS, FLAGS, BASIC, COLLATERAL, STOCK, ENTERED = 0, 1, 2, 3, 4, 6
"""Slots of the twin; the points lie between."""
BALANCES, ALLOWANCES = 3, 4
ANSWER = 1
RICH = 10**30
ASSET_INFO = "(uint8,address,address,uint64,uint64,uint64,uint64,uint128)"
ALWAYS_FALSE = answering(0)
# calldatasize < 37, so a balance and no transfer, shifted high
REFUSES_TO_PAY = bytes.fromhex("60253610" + "60c81b" + "5f52" + "60205ff3")


class Market:
    """A deployed twin, its tokens and feeds by offset."""

    def __init__(self, twin, name, base, assets):
        self.twin, self.name, self.base, self.assets = twin, name, base, assets

    def token(self, asset):
        """Find a token by the case's word for it."""
        if asset == "base":
            return self.base[0]

        return self.assets[int(asset)][0] if asset.isdigit() else account(asset)

    def names(self):
        return {token: str(offset) for offset, (token, _) in enumerate(self.assets)} | {self.base[0]: "base"}


class Lab(TwinChain):
    """The markets of the recording."""

    def __init__(self, packages, cases):
        super().__init__(packages)
        own, twins = compile_own(packages, "sandbox"), compile_own(packages, "twins/comet")
        self.tokens = {decimals: self.chain.deploy(own["SandboxToken"], "", "", decimals) for decimals in (6, 8, 18)}
        self.feed = self.chain.deploy(own["SandboxAggregator"], 8, "", 10**8)
        terms = {case["state"]["market"]: case["state"] for case in cases if case["kind"] == "market"}
        self.markets = {name: self._deploy(twins["TwinComet"], name, state) for name, state in terms.items()}

    def _deploy(self, artifact, name, state):
        listed = state["assetConfigs"]
        base = self._listing(name, "base", int(state["baseDecimals"]))
        assets = [self._listing(name, str(i), int(config["decimals"])) for i, config in enumerate(listed)]
        curves = [
            tuple(int(state[key]) for key in (
                f"{side}Kink", f"{side}PerYearInterestRateBase",
                f"{side}PerYearInterestRateSlopeLow", f"{side}PerYearInterestRateSlopeHigh",
            ))
            for side in ("supply", "borrow")
        ]  # fmt: skip
        factors = ("borrowCollateralFactor", "liquidateCollateralFactor", "liquidationFactor", "supplyCap")
        twin = self.chain.deploy(artifact, (
            GOVERNOR, GOVERNOR, *base, state["contract"] == "CometWithExtendedAssetList", *curves,
            int(state["storeFrontPriceFactor"]), int(state["baseBorrowMin"]), int(state["targetReserves"]),
            [
                (*pair, int(config["decimals"]), *(int(config[key]) for key in factors))
                for pair, config in zip(assets, listed, strict=True)
            ],
        ))  # fmt: skip
        self.chain.send(twin, "initializeStorage()")
        return Market(twin, name, base, assets)

    def _listing(self, market, label, decimals):
        token, feed = account(f"{market} {label} token"), account(f"{market} {label} feed")
        self.copy_code(self.tokens[decimals], [token])
        self.copy_code(self.feed, [feed])
        return token, feed

    # Cases ----------------------------------------------------------------------------------------------------------

    def market(self, case):
        return self.markets[case["state"]["market"]]

    def scenario(self, case, calls, timestamp=None):
        """Put calls, (function, arguments) or asks, to the twin in a case's state."""
        market, call = self.market(case), case["call"]
        asks = [one if isinstance(one, Ask) else Ask(market.twin, one[0], tuple(one[1:])) for one in calls]
        at = int(call.get("timestamp", 1_600_000_000)) if timestamp is None else timestamp
        return Scenario(at, asks, self._storage(case, market), _code(case, market))

    def _storage(self, case, market):
        state, twin = case["state"], {}
        words = {market.twin: twin}

        if "baseSupplyIndex" in state:
            twin[TOTALS] = packed((state["baseSupplyIndex"], 64), (state["baseBorrowIndex"], 64))
            twin[FLAGS] = packed(
                (state["totalSupplyBase"], 104), (state["totalBorrowBase"], 104),
                (state["lastAccrualTime"], 40), (state.get("pauseFlags", 0), 8),
            )  # fmt: skip

        twin[ENTERED] = int(state.get("reentrancyGuard", 0))

        for one in state.get("accounts", ()):
            twin[mapped(BASIC, account(one["id"]))] = packed(
                (one["principal"], 104), (0, 128), (one["assetsIn"], 16), (one.get("_reserved", 0), 8)
            )

            for offset, amount in one["collateral"].items():
                twin[mapped(COLLATERAL, account(one["id"]), market.token(offset))] = int(amount)

        for offset, asset in state.get("assets", {}).items():
            token, feed = market.assets[int(offset)]
            words[feed] = {ANSWER: int(asset["price"])}

            if "tokenBalance" in asset:
                twin[mapped(STOCK, token)] = int(asset["totalSupplyAsset"])
                words[token] = {mapped(BALANCES, market.twin): int(asset["tokenBalance"])}

        words[market.base[1]] = {ANSWER: int(state.get("basePrice", state.get("feedAnswer", 10**8)))}
        words[market.base[0]] = {
            mapped(BALANCES, market.twin): int(state.get("baseBalance", 0)),
            mapped(BALANCES, BUYER): int(state.get("buyerBaseBalance", RICH)),
            mapped(ALLOWANCES, BUYER, market.twin): 2**256 - 1,
        }

        for token, _ in (market.base, *market.assets):
            words.setdefault(token, {}).update({
                mapped(BALANCES, account("u0")): 10**40, mapped(ALLOWANCES, account("u0"), market.twin): 2**256 - 1,
            })  # fmt: skip

        return words


def _code(case, market):
    """What a case's tokens do out of turn."""
    state = case["state"]
    code = {}

    if "baseToken" in state:
        code[market.base[0]] = ALWAYS_FALSE

    if "collateralToken" in state:
        token = market.token(case["call"]["asset"])
        code[token] = ALWAYS_FALSE if "balanceOf answers 0" in state["collateralToken"] else REFUSES_TO_PAY

    return code
