"""The Maker adapter against the twin of Maker's contracts, on random vaults, auctions and rules.

Each case is played on the twin. What the adapter offers, settles, expects to be left, reads from the logs, and makes of
a block that held them, must be the twin's own numbers; what it declines the twin must refuse, for the same reason.
"""

import random
from collections import Counter
from dataclasses import replace

import pytest

from keeper.protocols.ledger import Ledger
from keeper.protocols.maker import build
from keeper.protocols.maker.auction import Rules, Sale
from keeper.protocols.maker.bark import Limits, Start
from keeper.protocols.maker.discovery import Addresses
from keeper.protocols.maker.errors import MEANINGS
from keeper.protocols.maker.ilk import Auction, Feed, Ilk, Listing, Poke
from keeper.protocols.maker.market import Contracts, MakerMarket
from keeper.protocols.maker.math import Exponential, Linear, Stairstep, price_at
from keeper.protocols.maker.offers import Buying
from keeper.protocols.maker.urn import Urn, auction_key, urn_key
from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.maker import compile_maker, word
from keeper.types import BlockTarget, Declined, OfferKind, Reason
from keeper.units import MAX_UINT256, RAY
from tests.fakes.maker_market import head
from tests.parity import maker_cases as drawn
from tests.parity import maker_twin_cases as played
from tests.parity.aave_v3_lab import as_log
from tests.parity.maker_twin_lab import FILE_ILK_NUMBER, GENESIS_S, OWNER, Ask, MakerTwinLab

pytestmark = pytest.mark.anvil

FEW_SEED = 20_260_101
BATCH = 50
REASONS = {
    "Dog/not-unsafe": Reason.HEALTHY,
    "Dog/not-live": Reason.PAUSED,
    "Clipper/stopped-incorrect": Reason.PAUSED,
    "Clipper/invalid-price": Reason.UNKNOWN_PRICE,
    "Clipper/zero-top-price": Reason.UNKNOWN_PRICE,
}
BRANCHES = {
    "bark", "whole vault", "part of a vault", "leftover too small", "limits exceeded", "poked", "exactly owed",
    "Dog/not-unsafe", "Dog/liquidation-limit-hit", "Dog/dusty-auction-from-partial-liquidation", "Dog/null-auction",
    "Dog/not-live", "Clipper/stopped-incorrect", "Clipper/invalid-price", "pays nothing",
    "linear", "stairstep", "exponential", "part", "closed by its tab", "sold out", "bad debt", "rest to the owner",
    "most that is not cut", "cut to chost", "Clipper/no-partial-purchase", "Clipper/needs-reset",
    "Clipper/not-running-auction", "given away", "fewer decimals", "started anew", "started anew for nothing",
    "Clipper/cannot-reset",
}  # fmt: skip


@pytest.fixture(scope="module")
def lab(packages):
    with Anvil(packages, AnvilOptions(timestamp=GENESIS_S)) as anvil:
        chain = LocalChain(anvil.url)
        yield MakerTwinLab(chain, compile_maker(packages))
        chain.close()


class Parity:
    """The adapter on a market that is what a case says, beside the twin that is."""

    def __init__(self, lab):
        maker = lab.maker
        self.lab = lab
        self.contracts = Contracts(maker.vat, maker.dog, maker.vow, maker.spotter, maker.jug, maker.dai_join, maker.dai)
        self.adapter = build("parity", Addresses(maker.dog, maker.jug, maker.dai_join, (lab.ilk.join,)))

    def market(self, case):
        """A market of one collateral type, one vault or one auction."""
        state, lab = case.state, self.lab
        val = state["val"] if state.get("has") else None
        feed = Feed(lab.ilk.source, val)
        limits = Limits(state.get("live", 1), *(state.get(n, 0) for n in ("Hole", "Dirt", "hole", "dirt", "chop")))
        if case.kind == "take":
            limits = replace(limits, Hole=0, hole=0)

        start = Start(
            val, state.get("par", RAY), *(state.get(n, 0) for n in ("buf", "tip", "chip", "stopped", "kicks"))
        )
        found = Ilk(
            listing=Listing(0, lab.key, lab.ilk.join, lab.ilk.asset.token, case.decimals),
            clip=lab.clipper,
            rate=state.get("rate", RAY),
            spot=state.get("spot", 0),
            dust=state.get("dust", 0),
            fee=RAY,
            rho=0,
            mat=case.mat or RAY,
            feed=feed,
            limits=limits,
            start=start,
            rules=Rules(curve_of(state), *(state.get(n, 0) for n in ("tail", "cusp", "chost", "stopped"))),
            auctions={1: Auction(sale_of(state), OWNER)} if state.get("running") else {},
        )
        now = state.get("now", played.SOMETIME_S)
        target = BlockTarget(101, now, 10**9, now)
        urns = {self.key(case): Urn(state["ink"], state["art"])} if case.kind == "bark" else {}
        market = MakerMarket(
            "parity", head(), target, self.contracts, state.get("par", RAY), {lab.key: found}, Ledger(urns)
        )
        return market.at(target)

    def key(self, case):
        return urn_key(self.lab.key, OWNER) if case.kind == "bark" else auction_key(self.lab.key, 1, OWNER)

    def script(self, case):
        """The case's own scene; a poke goes ahead of the call where the offer wants one."""
        if case.kind == "redo":
            script = played.write_redo(self.lab, {"state": case.state, "call": case.call})
        else:
            writer = {"bark": played.write_bark, "take": played.write_take}[case.kind]
            script = writer(self.lab, {"state": case.state, "call": case.call})

        maker, key = self.lab.maker, self.lab.key
        if case.kind == "bark" and case.mat:
            script.set(maker.spotter, FILE_ILK_NUMBER, key, word("mat"), case.mat)

        if case.pokes:
            at = next(i for i, ask in enumerate(script.asked) if ask.name == "call")
            script.asked.insert(at, Ask(maker.spotter, "poke(bytes32)", (key,), "poke"))

        return script

    # One case -----------------------------------------------------------------------------------------------------

    def check(self, case, heard):
        """Compare a case with what the adapter says, and name the branches it took."""
        market = self.market(case)
        (verdict,) = self.adapter.offers.offers(self.key(case), market)
        call = heard["call"]
        if case.kind == "take":
            return self.check_take(case, market, verdict, heard)

        if isinstance(verdict, Declined):
            return self.declined(case, verdict, call)

        if verdict.kind is OfferKind.SALE:
            assert call.reason in ("Clipper/cannot-reset", "Clipper/stopped-incorrect")
            return {call.reason}

        assert call.ok, (verdict, call.reason)
        poked = heard["poke"].logs if case.pokes else ()
        logs = [as_log(log) for log in (*poked, *call.logs)]
        ((size, _),) = verdict.sizes
        coin = heard["dai"].values[0]
        assert size == coin // RAY
        assert self.adapter.offers.settle(verdict, size, market).receives[0].amount == size
        after = self.adapter.offers.after(verdict, size, market)
        self.same(after, self.adapter.sync.preceding(market, logs, market.target))
        ilk = after.ilks[self.lab.key]
        if case.kind == "redo":
            _, tab, lot, _, tic, top = heard["sale"].values
            assert ilk.auctions[1].sale == Sale(tab, lot, tic, top)
            return {"started anew"}

        return self.barked(case, heard, after, verdict)

    def barked(self, case, heard, after, verdict):
        state, ilk = case.state, after.ilks[self.lab.key]
        assert (verdict.detail.poke is Poke.SPOT) == case.pokes
        urn = after.urn(self.key(case))
        assert (urn.ink, urn.art) == heard["urn"].values
        assert (ilk.limits.Dirt, ilk.limits.dirt) == (heard["Dirt"].values[0], heard["dirt"].values[3])
        room = min(state["Hole"] - state["Dirt"], state["hole"] - state["dirt"])
        tab = ilk.limits.dirt - state["dirt"]
        whole = urn.art == 0
        found = {
            "bark": True,
            "whole vault": whole,
            "part of a vault": not whole,
            "limits exceeded": tab > room,
            "leftover too small": whole and tab > room,
            "poked": case.pokes,
            "exactly owed": case.theme == "just over",
        }
        return {name for name, holds in found.items() if holds}

    @staticmethod
    def declined(case, verdict, call):
        """What is declined must be refused by the contracts for that reason, or pay nothing."""
        if verdict.reason is Reason.UNPROFITABLE:
            assert call.ok
            return {"started anew for nothing" if case.kind == "redo" else "pays nothing"}

        assert not call.ok, verdict
        assert verdict.reason is REASONS.get(call.reason, Reason.NO_LEGAL_SIZE), (verdict, call.reason)
        assert call.reason in MEANINGS
        assert verdict.numbers.get("why") == call.reason
        return {call.reason}

    def check_take(self, case, market, verdict, heard):
        call, state = heard["call"], case.state
        if not state["running"]:
            assert call.reason == "Clipper/not-running-auction"
            assert isinstance(verdict, Declined)
            return {call.reason}

        if isinstance(verdict, Declined) or verdict.kind is OfferKind.TRIGGER:
            assert call.reason in ("Clipper/needs-reset", "Clipper/stopped-incorrect"), (verdict, call.reason)
            return {call.reason}

        size = case.call["size"]
        is_legal = any(low <= size <= high for low, high in verdict.sizes)
        if not call.ok:
            assert not is_legal
            assert call.reason == "Clipper/no-partial-purchase"
            return {call.reason}

        logs = [as_log(log) for log in call.logs]
        settled = self.adapter.offers.settle(verdict, size, market)
        assert self.adapter.encoder.realised(self.as_taken(verdict), logs) == settled
        after = self.adapter.offers.after(verdict, size, market)
        self.same(after, self.adapter.sync.preceding(market, logs, market.target))
        result = played.read_take(self.lab, {"state": case.state, "call": case.call}, heard)
        owe, got = -(-result["owe"] // RAY), result["slice"] // verdict.detail.unit
        assert (settled.pays[0].amount, settled.receives[0].amount) == (owe, got)
        left = after.ilks[self.lab.key]
        sale = left.auctions[1].sale if 1 in left.auctions else Sale(0, 0, 0, 0)
        _, tab, lot, *_ = heard["sale"].values
        assert (sale.tab, sale.lot) == (tab, lot)
        assert (left.limits.Dirt, left.limits.dirt) == (heard["Dirt"].values[0], heard["dirt"].values[3])
        return self.bought(case, result, is_legal=is_legal)

    def bought(self, case, result, *, is_legal):
        state, amt = case.state, case.call["amt"]
        cut = result["slice"] < min(amt, state["lot"]) and result["tab"] != 0
        # What is bought as asked for and leaves an auction is a size; so is everything, and nothing else.
        assert is_legal == (case.call["size"] == MAX_UINT256 or (amt > 0 and not cut and not result["closed"]))
        found = {
            state["curve"]["type"]: True,
            "part": not result["closed"],
            "closed by its tab": result["tab"] == 0,
            "sold out": result["lot"] == 0,
            "bad debt": result["lot"] == 0 and result["tab"] > 0,
            "rest to the owner": result["usr_gem"] > 0,
            "most that is not cut": case.theme == "most" and is_legal,
            "cut to chost": cut,
            "given away": result["price"] == 0 and result["slice"] > 0,
            "fewer decimals": case.decimals < 18,
        }
        return {name for name, holds in found.items() if holds}

    @staticmethod
    def as_taken(offer):
        assert isinstance(offer.detail, Buying)
        return offer

    @staticmethod
    def same(ours, told):
        """What the model leaves, and what the block's logs make of the market before."""
        for ilk, other in zip(ours.ilks.values(), told.ilks.values(), strict=True):
            assert (ilk.auctions, ilk.limits, ilk.start.kicks) == (other.auctions, other.limits, other.start.kicks)

        for key in {*ours.overlay, *told.overlay}:
            assert ours.urn(key) == told.urn(key)


def curve_of(state):
    given = dict(state.get("curve", {"type": "linear", "tau": 0}))
    kinds = {"linear": Linear, "stairstep": Stairstep, "exponential": Exponential}
    return kinds[given.pop("type")](**given)


def sale_of(state):
    return Sale(state["tab"], state["lot"], state["tic"], state["top"])


def draw(rng, place):
    """A case of the theme whose turn it is, its amount worked out from the price."""
    kind, theme = drawn.THEMES[place % len(drawn.THEMES)]
    case = drawn.DRAW[kind](rng, theme)
    if kind != "take":
        return case

    state = case.state
    price = price_at(curve_of(state), state["top"], state["now"] - state["tic"]) if state["running"] else 0
    size = drawn.aim(rng, case, price)
    amt = size if size == MAX_UINT256 else size * 10 ** (18 - case.decimals)
    return replace(case, call={**case.call, "amt": amt, "size": size})


def run(lab, count, seed):
    """Play and check so many cases; how often each branch was met."""
    rng, parity, met = random.Random(seed), Parity(lab), Counter()
    for start in range(0, count, BATCH):
        cases = [draw(rng, place) for place in range(start, min(start + BATCH, count))]
        answers = lab.play([parity.script(case) for case in cases])
        for place, (case, heard) in enumerate(zip(cases, answers, strict=True), start):
            try:
                met.update(parity.check(case, heard))
            except AssertionError as error:
                error.add_note(f"case {place}, seed {seed}: {case}")
                raise

    print(f"\nMaker: {count} cases, seed {seed}")
    for branch in sorted(BRANCHES | met.keys()):
        print(f"  {branch:45} {met[branch]:6}")

    return met


def test_random_barks_purchases_and_restarts_equal_the_twin(lab):
    """Few enough that a seed of their own makes sure every branch is met; `--full` draws anew."""
    met = run(lab, 3 * len(drawn.THEMES), FEW_SEED)
    assert {branch for branch in BRANCHES if met[branch] < 1} == set()


@pytest.mark.full
@pytest.mark.timeout(1_800)
def test_many_random_barks_purchases_and_restarts_equal_the_twin(lab, random_seed):
    met = run(lab, 1_200, random_seed)
    assert {branch for branch in BRANCHES if met[branch] < 5} == set()
