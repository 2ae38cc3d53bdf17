"""Auctions drawn at random, and what a stranger's purchase in the next block would leave, by trying it on the chain.

The stranger knows nothing of the keeper: it buys with DAI of its own, asks the pools' own quoter what the collateral
brings, and tries sizes from a part of the lot to all that is asked for.
"""

import random
from dataclasses import dataclass, replace
from itertools import combinations

from eth_hash.auto import keccak

from keeper.protocols.maker.urn import auction_key
from keeper.sandbox.artifact import signature
from keeper.sandbox.assets import approve, fund
from keeper.sandbox.maker import (
    Curve,
    Terms,
    bark,
    bring_price,
    compile_maker,
    deploy_maker,
    list_ilk,
    open_vault,
    place_ilk,
    teach_to_burn,
)
from keeper.sandbox.market.moves import arbitrage
from keeper.sandbox.market.opening import fund_arbitrage
from keeper.sandbox.node import to_hex
from keeper.units import MAX_UINT256, RAD, RAY, USD, WAD
from tests.anvil.maker_world import BLOCK_S, OWNERS, POLICY, RIVAL, WHALE, Keeper
from tests.parity.aave_v3_lab import hexed

NAME = "LOT-A"
SIZES = 12
SHARES = 4
"""Of what is sold, in which parts it may go two ways."""
GAS = 5_000_000
STRANGERS_GAS = 700_000
TAKE = "take(uint256,uint256,uint256,address,bytes)"
TAKEN = to_hex(keccak(b"Take(uint256,uint256,uint256,uint256,uint256,uint256,address)"))
QUOTE = "quoteExactInput(bytes,uint256)(uint256,uint160[],uint32[],uint256)"
SALE = "sales(uint256)(uint256,uint256,uint256,address,uint96,uint256)"


def _share(first, second):
    """Whether two routes go through one pool."""
    return bool(_pools(first) & _pools(second))


def _pools(route):
    return {(frozenset(route[place : place + 3 : 2]), route[place + 1]) for place in range(0, len(route) - 1, 2)}


ROUTES = {
    "WETH": (("WETH", 3_000, "DAI"), ("WETH", 500, "USDC", 100, "DAI"), ("WETH", 3_000, "USDC", 100, "DAI")),
    "wstETH": (("wstETH", 100, "WETH", 3_000, "DAI"),),
    "WBTC": (("WBTC", 3_000, "USDC", 100, "DAI"), ("WBTC", 3_000, "WETH", 3_000, "DAI")),
}
"""Ways of at most two pools, as the keeper's policy has it."""
APART = {symbol: [pair for pair in combinations(routes, 2) if not _share(*pair)] for symbol, routes in ROUTES.items()}


@dataclass(frozen=True)
class Drawn:
    """An auction to be: its rules, whose collateral, and what profit is enough for everybody."""

    terms: Terms
    symbol: str
    dollars: int
    fall_percent: int
    floor_usd: int


def draw(seed):
    """Draw an auction; three seeds running have the three curves."""
    rng = random.Random(seed)
    curve, shape = (
        (Curve.LINEAR, {"tau": rng.randrange(600, 1_800)}),
        (Curve.STAIRSTEP, {"step": rng.randrange(5, 40), "cut": RAY - rng.randrange(8, 30) * RAY // 1_000}),
        (Curve.EXPONENTIAL, {"cut": RAY - rng.randrange(5, 20) * RAY // 10_000}),
    )[seed % 3]
    terms = Terms(
        curve,
        shape,
        chop_wad=WAD + rng.randrange(0, 15) * WAD // 100,
        buf_ray=RAY + rng.randrange(2, 8) * RAY // 100,
        dust_rad=rng.choice((0, 500, 2_000)) * RAD,
        tail_s=20_000,
        cusp_ray=RAY // 5,
        tip_rad=rng.randrange(0, 100) * RAD,
    )
    dollars, fall = rng.randrange(3_000, 80_000), rng.randrange(86, 96)
    return Drawn(terms, rng.choice(("WETH", "wstETH", "WBTC")), dollars, fall, rng.choice((1, 5, 20)) * USD)


class Auction:
    """A drawn auction on the chain, just begun, a keeper that follows it, and the stranger."""

    def __init__(self, scene, drawn):
        self.scene, self.chain, self.drawn = scene, scene.chain, drawn
        self.asset = scene.asset(drawn.symbol)
        self.maker = self._deploy()
        self.ilk = self.maker.ilks[NAME]
        fund_arbitrage(self.chain, scene.world.assets.values(), scene.world.uniswap)
        owner = self.chain.accounts[OWNERS[0]]
        debt = drawn.dollars * 65 * WAD // 100
        open_vault(self.chain, self.maker, self.ilk, owner, (self.asset.worth(drawn.dollars), debt))
        self._fall()
        self.keeper = Keeper(scene, self.maker)
        self.stranger = self.chain.accounts[RIVAL]
        self._pay_in()
        number = bark(self.chain, self.maker, self.ilk, owner)
        self.id, self.key = number, auction_key(self.ilk.key, number, owner)
        self.policy = replace(POLICY, min_profit_usd=drawn.floor_usd)

    def _deploy(self):
        chain, contracts = self.chain, compile_maker(self.scene.packages)
        teach_to_burn(chain, contracts, self.scene.asset("DAI"))
        maker = deploy_maker(chain, contracts, self.scene.asset("DAI").token)
        maker = place_ilk(chain, maker, NAME, self.asset, self.drawn.terms)
        list_ilk(chain, maker, maker.ilks[NAME], self.drawn.terms)
        vault = (self.asset.worth(6_000_000), 2_000_000 * WAD)
        open_vault(chain, maker, maker.ilks[NAME], chain.accounts[WHALE], vault)
        return maker

    def _fall(self):
        """Let the price fall where it is told and where it is traded alike."""
        prices = {symbol: asset.listing.price for symbol, asset in self.scene.world.assets.items()}
        fallen = prices | {self.drawn.symbol: prices[self.drawn.symbol] * self.drawn.fall_percent // 100}
        bring_price(self.chain, self.maker, self.ilk, fallen[self.drawn.symbol], None)
        for swap in arbitrage(self.chain, self.scene.world, fallen):
            self.chain.execute(swap)

    def _pay_in(self):
        """Give the stranger DAI in the Vat, more than any auction asks for, and let the Clipper have it."""
        dai, amount = self.scene.asset("DAI"), 200_000 * WAD
        fund(self.chain, dai, self.stranger, amount)
        approve(self.chain, dai, self.stranger, self.maker.dai_join)
        self.chain.send(self.maker.dai_join, "join(address,uint256)", self.stranger, amount, sender=self.stranger)
        self.chain.send(self.maker.vat, "hope(address)", self.ilk.clipper, sender=self.stranger)

    # The stranger -------------------------------------------------------------------------------------------------

    def best_purchase(self):
        """What the best purchase in the next block leaves before gas, in DAI's wei, and its size; as contracts say."""
        lot = self.chain.call(self.ilk.clipper, SALE, self.id)[2]
        sizes = [*(lot * part // SIZES for part in range(1, SIZES)), MAX_UINT256]
        bought = [(size, *found) for size, found in zip(sizes, self._tried(sizes), strict=True) if found is not None]
        brought = self._sold([units for _, _, units in bought])
        return max(((got - owe, size) for (size, owe, _), got in zip(bought, brought, strict=True)), default=(0, 0))

    def purchase(self, size):
        """The stranger's transaction."""
        values = (self.id, size, MAX_UINT256, self.stranger, b"")
        return self.chain.transaction(self.ilk.clipper, TAKE, *values, sender=self.stranger, gas=GAS)

    def purchases(self):
        """Every purchase there was, as the Clipper logs it, in the chain's order."""
        asked = {"fromBlock": "0x0", "address": hexed(self.ilk.clipper), "topics": [TAKEN]}
        return self.chain.node.rpc("eth_getLogs", asked)

    def _tried(self, sizes):
        """What each size costs, in DAI's wei rounded up, and how many token units it brings; None where refused."""
        vat, dai, gem = self.maker.vat, "dai(address)(uint256)", "gem(bytes32,address)(uint256)"
        requests = []

        for size in sizes:
            calls = [
                (vat, dai, self.stranger),
                (self.ilk.clipper, TAKE, self.id, size, MAX_UINT256, self.stranger, b""),
                (vat, dai, self.stranger),
                (vat, gem, self.ilk.key, self.stranger),
            ]
            requests.append(("eth_simulateV1", (self._next_block(calls), "latest")))

        for (block,) in self.chain.node.rpc_many(requests):
            taken, (before, after, got) = block["calls"][1], (block["calls"][place] for place in (0, 2, 3))
            spent = int(before["returnData"], 16) - int(after["returnData"], 16)
            units = int(got["returnData"], 16) // 10 ** (18 - self.asset.listing.decimals)
            yield (-(-spent // RAY), units) if taken["status"] == "0x1" else None

    def _sold(self, amounts):
        """What the best way sells each amount for, in DAI's wei, or the best two that share no pool: by the quoter."""
        routes = ROUTES[self.drawn.symbol]
        parts = [amount * share // SHARES for amount in amounts for share in range(1, SHARES + 1)]
        asked = [(part, route) for part in parts for route in routes if part]
        quotes = self.chain.call_many(
            [(self.scene.world.uniswap.quoter, QUOTE, self._path(route), part) for part, route in asked]
        )
        found = {one: quote[0] for one, quote in zip(asked, quotes, strict=True)}

        for amount in amounts:
            at = [amount * share // SHARES for share in range(SHARES + 1)]
            ways = [found.get((amount, route), 0) for route in routes]
            ways += [
                found.get((at[share], first), 0) + found.get((at[SHARES - share], second), 0)
                for first, second in APART[self.drawn.symbol]
                for share in range(1, SHARES)
                # Quarters that do not add up are left out, not rounded up.
                if at[share] + at[SHARES - share] <= amount
            ]
            yield max(ways)

    def _path(self, route):
        return b"".join(
            part.to_bytes(3, "big") if isinstance(part, int) else self.scene.asset(part).token for part in route
        )

    def _next_block(self, calls):
        """Calls of the stranger one after the other in the block that follows."""
        block = {
            "blockOverrides": {"time": hex(self.chain.timestamp() + BLOCK_S), "gasLimit": hex(10**9)},
            "calls": [
                {
                    "from": hexed(self.stranger),
                    "to": hexed(to),
                    "data": hexed(signature(what).encode(*values)),
                    "gas": hex(GAS),
                }
                for to, what, *values in calls
            ],
        }
        return {"blockStateCalls": [block], "validation": False}
