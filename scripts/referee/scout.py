"""Every pair at every size, tried by the probe and undone, and the best way to sell what each size seizes.

What a trial depends on is compared, as bytes, with the block it was last made at. Where none of it changed the result
is carried over, for some blocks at most: then it is tried again whatever the comparison says.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from referee import probe
from referee.chain import View, parts
from referee.funds import find_funds
from referee.market import Market
from referee.probe import Hops, Pair, Sale, Tried
from referee.sales import Sales
from referee.sizes import sizes
from referee.state import Holder, State
from referee.worth import premium, token_worth

CARRIED_BLOCKS = 5
# Some 40 ms of the node's time: the keeper asks the same node and must not wait behind the referee.
TRIALS_PER_CALL = 80


@dataclass(frozen=True, slots=True)
class Choice:
    """A size and the best way to sell what it seizes, as scouted; base units.

    net: what is left of the debt token after the loan and its fee. home: where that is no token the keeper trusts, the
    pools it is sold through; token and profit: what the keeper is left with then.
    """

    tried: Tried
    hops: Hops
    net: int
    home: Hops
    token: str
    profit: int


@dataclass(frozen=True, slots=True)
class Scouted:
    """A pair's choices, best first, and the block its trials were made at."""

    pair: Pair
    block: int
    choices: tuple[Choice, ...]


@dataclass(slots=True)
class _Attempt:
    fingerprint: bytes
    block: int
    results: list[Tried]


@dataclass(slots=True)
class Scout:
    """Tries pairs block after block; holds what may be carried from one to the next.

    trusted: tokens in which profit counts, None for all.
    """

    trusted: frozenset[str] | None
    carried_blocks: int = CARRIED_BLOCKS
    made: int = 0
    carried: int = 0
    sales: Sales = field(init=False)
    homeward: Sales = field(init=False)
    _funds: dict[str, dict[str, Any]] = field(default_factory=dict)
    _funded: frozenset[str] = frozenset()
    _attempts: dict[Pair, _Attempt] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sales = Sales(self.carried_blocks)
        self.homeward = Sales(self.carried_blocks)

    def run(self, view: View, market: Market, state: State, holders: Iterable[Holder]) -> list[Scouted]:
        """Return every pair that some size liquidates and some route sells."""
        wanted = frozenset(market.reserves)

        if wanted != self._funded:
            self._funds = find_funds(view, sorted(wanted))
            self._funded = wanted

        self._try(view, market, holders)
        choices = self._bring_home(view, market, state, self._choose(view, market, state))
        return [
            Scouted(pair, self._attempts[pair].block, tuple(sorted(listed, key=lambda choice: -choice.net)))
            for pair, listed in choices.items()
            if listed
        ]

    def _try(self, view: View, market: Market, holders: Iterable[Holder]) -> None:
        attempts: dict[Pair, _Attempt] = {}
        wanted: list[tuple[Pair, int]] = []
        number = view.block.number

        for holder in holders:
            for pair in holder.pairs():
                known = self._attempts.get(pair)

                if known and known.fingerprint == holder.fingerprint and number - known.block < self.carried_blocks:
                    attempts[pair] = known
                    self.carried += len(known.results)
                    continue

                attempts[pair] = _Attempt(holder.fingerprint, number, [])
                wanted.extend((pair, size) for size in sizes(holder.debts[pair.debt]))

        for part in parts(wanted, TRIALS_PER_CALL):
            answer = view.run(probe.encode_trials(market.lender, part), self._funds)

            for (pair, _), tried in zip(part, probe.decode_trials(answer, part), strict=True):
                attempts[pair].results.append(tried)

        self.made += len(wanted)
        self._attempts = attempts

    def _choose(self, view: View, market: Market, state: State) -> dict[Pair, list[Choice]]:
        offers = {pair: _offers(pair, attempt, market) for pair, attempt in self._attempts.items()}
        wanted = dict.fromkeys(sale for offer in offers.values() for _, sales in offer for sale in sales)
        received = self.sales.sell(view, state.pools, self._funds, wanted)
        return {
            pair: [
                _best(pair, tried, {sale.hops: received[sale] for sale in sales}, state)
                for tried, sales in offer
                if sales or pair.debt == pair.collateral
            ]
            for pair, offer in offers.items()
        }

    def _bring_home(
        self, view: View, market: Market, state: State, choices: dict[Pair, list[Choice]]
    ) -> dict[Pair, list[Choice]]:
        """Sell what is left of an untrusted debt token for the trusted token worth most; drop what cannot be sold."""
        if self.trusted is None:
            return choices

        trusted = [token for token in market.reserves if token in self.trusted]
        routes = {
            (debt, token): market.routes(debt, token)
            for debt in market.reserves
            for token in trusted
            if debt not in self.trusted
        }
        exits = {
            choice: [
                (token, Sale(choice.token, choice.net, hops))
                for token in trusted
                for hops in routes[choice.token, token]
            ]
            for listed in choices.values()
            for choice in listed
            if choice.token not in self.trusted and choice.net > 0
        }
        wanted = dict.fromkeys(sale for listed in exits.values() for _, sale in listed)
        received = self.homeward.sell(view, state.pools, self._funds, wanted)
        homes = {
            choice: max(
                (
                    Choice(choice.tried, choice.hops, choice.net, sale.hops, token, received[sale])
                    for token, sale in listed
                ),
                key=lambda home: token_worth(home.token, home.profit, market, state.prices),
            )
            for choice, listed in exits.items()
            if listed
        }
        return {
            pair: [homes.get(choice, choice) for choice in listed if choice in homes or choice.token in self.trusted]
            for pair, listed in choices.items()
        }


def _offers(pair: Pair, attempt: _Attempt, market: Market) -> list[tuple[Tried, list[Sale]]]:
    routes = [] if pair.debt == pair.collateral else market.routes(pair.collateral, pair.debt)
    # Sizes above what the pool allows all do the same: one of them speaks for the rest.
    distinct = {(tried.repaid, tried.seized): tried for tried in attempt.results if not tried.reason and tried.seized}
    return [(tried, [Sale(pair.collateral, tried.seized, hops) for hops in routes]) for tried in distinct.values()]


def _best(pair: Pair, tried: Tried, received: dict[Hops, int], state: State) -> Choice:
    owed = tried.repaid + premium(tried.repaid, state.prices)
    hops: Hops = max(received, key=lambda hops: received[hops]) if received else ()
    net = (received[hops] if hops else tried.seized) - owed
    return Choice(tried, hops, net, (), pair.debt, net)
