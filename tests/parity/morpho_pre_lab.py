"""A laboratory for pre-liquidation: contracts with random terms on markets of the real Morpho, and cases of them."""

from dataclasses import dataclass, replace
from fractions import Fraction

from keeper.protocols.morpho_blue import math
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.morpho_blue.math import ORACLE_PRICE_SCALE, Totals
from keeper.protocols.morpho_blue.params import MarketParams
from keeper.protocols.morpho_blue.pre_liquidation import PreLiquidation
from keeper.protocols.words import WORD, encode, selector
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.morpho_blue import LLTVS_WAD, compile_morpho_blue
from keeper.sandbox.morpho_blue import PARAMS as PARAMS_TYPE
from keeper.types import Call
from keeper.units import MAX_UINT256, WAD
from tests.parity.morpho_blue_lab import LIQUIDATOR, USER, Case, Lab

PRE_LIQUIDATE = "preLiquidate(address,uint256,uint256,bytes)"
CONTRACTS = 14
THEMES = (
    "plain", "own oracle", "pre edge", "market edge", "outside", "too much", "all shares", "dust", "one unit", "most",
    "part of the shares",
)  # fmt: skip


@dataclass(frozen=True)
class PreCase(Case):
    """A call of `preLiquidate` on one of the lab's contracts; `own_price` is what its own oracle says."""

    terms: PreLiquidation | None = None
    own_price: int = 0

    @property
    def pre_price(self):
        return self.price if self.terms.oracle == self.params.oracle else self.own_price


class PreLab(Lab):
    """Contracts of the twin, or of another artifact with the same constructor, each on a market of its own."""

    def __init__(self, scene, rng, artifact=None):
        super().__init__(scene)
        mock = compile_morpho_blue(scene.packages)["OracleMock"]
        artifact = artifact or compile_own(scene.packages, "sandbox")["SandboxPreLiquidation"]
        self.own_oracle = self.chain.deploy(mock)
        self.contracts = []
        for number in range(CONTRACTS):
            params = MarketParams(
                self.loan, self.collateral, self.chain.deploy(mock), self.irm("mock"), rng.choice(LLTVS_WAD)
            )
            fields = (params.loan_token, params.collateral_token, params.oracle, params.irm, params.lltv)
            self.chain.send(self.morpho, f"createMarket({PARAMS_TYPE})", fields)
            terms = self._terms(params, rng, number)
            contract = self.chain.deploy(artifact, self.morpho, params.id, terms)
            self.contracts.append((params, PreLiquidation(contract, params.id, *terms)))

        self.number, self.now = int(self.chain.head()["number"], 16), self.chain.timestamp()
        self.opened = {
            terms.contract: (
                self.slot(self.morpho, "isAuthorized(address,address)", USER, terms.contract),
                self.slot(self.loan, "allowance(address,address)", LIQUIDATOR, terms.contract),
            )
            for _, terms in self.contracts
        }

    def _terms(self, params, rng, number):
        """Terms the real constructor accepts; every fourth contract goes by an oracle of its own."""
        pre_lltv = rng.randrange(params.lltv // 2, params.lltv)
        lcf1 = rng.randrange(WAD // 100, WAD)
        lcf2 = lcf1 + (rng.randrange(WAD) if number % 3 else WAD)
        highest = WAD * WAD // params.lltv
        lif1 = rng.randrange(WAD, min(highest, 110 * WAD // 100))
        return pre_lltv, lcf1, lcf2, lif1, rng.randrange(lif1, highest + 1), self._oracle(params, number)

    def _oracle(self, params, number):
        return self.own_oracle if number % 4 == 3 else params.oracle

    def overrides(self, case):
        found = super().overrides(case)
        consent, allowance = self.opened[case.terms.contract]
        found.set((case.params.oracle, bytes(32)), case.price)
        found.set((self.own_oracle, bytes(32)), case.own_price)
        found.set(consent, 1)
        found.set(allowance, MAX_UINT256)
        return found

    def live(self, case, call=None):
        numbers = (case.seized, case.repaid_shares, 4 * WORD, 0)
        words = USER.rjust(WORD, b"\0") + b"".join(n.to_bytes(WORD, "big") for n in numbers)
        lived = super().live(case, call or Call(case.terms.contract, selector(PRE_LIQUIDATE) + words))
        prices = {self.own_oracle: case.own_price}
        return replace(lived, market=replace(lived.market, opted={case.key: (case.terms,)}, pre_prices=prices))

    def draw(self, rng, theme):
        """Draw a case of a theme: a market, a borrower, a price that puts it where the theme wants it, an amount."""
        own = theme == "own oracle"
        pairs = [(p, t) for p, t in self.contracts if (t.oracle == self.own_oracle) == own]
        params, terms = rng.choice(pairs)
        debt = rng.randrange(1, 2_000) if theme == "dust" else rng.randrange(10**4, 10 ** rng.randrange(5, 27))
        borrow_assets = debt * rng.choice([1, 2, 50])
        borrow_shares = int(borrow_assets * 10**6 * Fraction(rng.randrange(50, 101), 100))
        read_at = self.now + 100
        totals = Totals(
            supply_assets=borrow_assets * rng.choice([1, 2, 3]),
            supply_shares=borrow_assets * 10**6,
            borrow_assets=borrow_assets,
            borrow_shares=borrow_shares,
            last_update=read_at - rng.choice([0, 12, 3_600, 10**6]),
            fee=rng.choice([0, WAD // 10]),
        )
        collateral = rng.randrange(1, 3_000) if theme == "dust" else rng.randrange(10**4, 10 ** rng.randrange(5, 27))
        owner = Borrower(max(borrow_shares * debt // borrow_assets, 1), 1 if theme == "one unit" else collateral)
        case = PreCase(
            theme, params, totals, owner, 1, read_at, read_at + rng.choice([1, 12]), terms=terms, own_price=1
        )
        return self._sized(rng, self._aimed(rng, replace(case, seized=1)))

    def _aimed(self, rng, case):
        now = self.live(case).market.isolated[case.params.id].now
        owed = math.borrowed(case.borrower.borrow_shares, now)
        low, high = case.terms.pre_lltv, case.params.lltv
        ltv = {
            "pre edge": low + rng.randrange(-2, 3),
            "market edge": high + rng.randrange(-2, 3),
            "outside": rng.choice([low * 9 // 10, high * 11 // 10]),
        }.get(case.theme, low + (high - low) * rng.randrange(1, 1_000) // 1_000)
        price = max(int(Fraction(owed * WAD * ORACLE_PRICE_SCALE, ltv * case.borrower.collateral)), 1)
        market_price = price if case.theme != "own oracle" else price * rng.randrange(95, 120) // 100
        return replace(case, price=max(market_price, 1), own_price=price)

    def _sized(self, rng, case):
        offers = self.adapter.offers.offers(case.key, self.live(case).market)
        sizes = getattr(offers[0], "sizes", ()) or ((1, 1),)
        low, high = sizes[0] if sizes[0][1] != MAX_UINT256 else (1, 1)
        match case.theme:
            case "all shares":
                return replace(case, seized=0, repaid_shares=case.borrower.borrow_shares)
            case "part of the shares":
                return replace(case, seized=0, repaid_shares=rng.randrange(1, case.borrower.borrow_shares + 1))
            case "too much":
                return replace(case, seized=high + rng.choice([1, 2, high]))
            case "most":
                return replace(case, seized=high)
            case _:
                return replace(case, seized=rng.choice([low, high, rng.randrange(low, high + 1)]))


def refused_by(lived):
    """The name of what refused a case, for counting."""
    names = {
        encode("NotPreLiquidatablePosition()"): "below the zone",
        encode("LiquidatablePosition()"): "above the zone",
        selector("PreLiquidationTooLarge(uint256,uint256)"): "more than the close factor",
    }
    return names.get(lived.revert[:4], "refused by Morpho")
