"""Every pair at every size, tried by the probe and undone, and the best way to sell what each size seizes.

What a trial depends on is compared, as bytes, with the block it was last made at. Where none of it changed the result
is carried over, for some blocks at most: then it is tried again whatever the comparison says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from referee import probe
from referee.chain import View, parts
from referee.parts.base import Funds, Holder, Part
from referee.pools import Pools
from referee.probe import Hops, Loan, Pair, Sale, Trial, Tried
from referee.sales import Sales
from referee.worth import Prices, premium, token_worth

CARRIED_BLOCKS = 5
# Some 40 ms of the node's time: the keeper asks the same node and must not wait behind the referee.
TRIALS_PER_CALL = 80


@dataclass(frozen=True, slots=True)
class Choice:
    """A size and the best way to sell what it seizes, as scouted; base units.

    trial: the calls. loan: where the debt token is borrowed, the cheapest that has enough of it, None for nowhere.
    net: what is left of the debt token after the loan and its fee. home: where that is no token the keeper trusts, the
    pools it is sold through; token and profit: what the keeper is left with then.
    """

    tried: Tried
    trial: Trial
    loan: Loan | None
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


@dataclass(frozen=True, slots=True)
class Ground:
    """One block, as far as trials and sales depend on it: what pools answer, prices, loans by token, cheapest first."""

    pools: Pools
    answers: Mapping[str, bytes]
    prices: Prices
    loans: Mapping[str, Sequence[Loan]]
    funds: Funds


@dataclass(slots=True)
class _Attempt:
    fingerprint: bytes
    block: int
    trials: list[Trial]
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
    _attempts: dict[Pair, _Attempt] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sales = Sales(self.carried_blocks)
        self.homeward = Sales(self.carried_blocks)

    def run(self, view: View, ground: Ground, holders: Iterable[tuple[Part, Holder]]) -> list[Scouted]:
        """Return every pair that some size liquidates and some route sells."""
        self._try(view, ground, holders)
        choices = self._bring_home(view, ground, self._choose(view, ground))
        return [
            Scouted(pair, self._attempts[pair].block, tuple(sorted(listed, key=lambda choice: -choice.net)))
            for pair, listed in choices.items()
            if listed
        ]

    def _try(self, view: View, ground: Ground, holders: Iterable[tuple[Part, Holder]]) -> None:
        attempts: dict[Pair, _Attempt] = {}
        wanted: list[tuple[Pair, int, Trial]] = []
        number = view.block.number

        for part, holder in holders:
            for pair, sizes in holder.sizes.items():
                known = self._attempts.get(pair)

                if known and known.fingerprint == holder.fingerprint and number - known.block < self.carried_blocks:
                    attempts[pair] = known
                    self.carried += len(known.results)
                    continue

                trials = [part.trial(pair, size) for size in sizes]
                attempts[pair] = _Attempt(holder.fingerprint, number, trials, [])
                wanted.extend((pair, size, trial) for size, trial in zip(sizes, trials, strict=True))

        for piece in parts(wanted, TRIALS_PER_CALL):
            data = probe.encode_trials([(pair, trial) for pair, _, trial in piece])
            tried = probe.decode_trials(view.run(data, ground.funds), [size for _, size, _ in piece])

            for (pair, _, _), result in zip(piece, tried, strict=True):
                attempts[pair].results.append(result)

        self.made += len(wanted)
        self._attempts = attempts

    def _choose(self, view: View, ground: Ground) -> dict[Pair, list[Choice]]:
        offers = {pair: _offers(pair, attempt, ground.pools) for pair, attempt in self._attempts.items()}
        wanted = dict.fromkeys(sale for offer in offers.values() for _, _, sales in offer for sale in sales)
        received = self.sales.sell(view, ground.answers, ground.funds, wanted)
        return {
            pair: [
                _best(pair, (tried, trial), {sale.hops: received[sale] for sale in sales}, ground.loans)
                for tried, trial, sales in offer
                if sales or pair.debt == pair.collateral
            ]
            for pair, offer in offers.items()
        }

    def _bring_home(self, view: View, ground: Ground, choices: dict[Pair, list[Choice]]) -> dict[Pair, list[Choice]]:
        """Sell what is left of an untrusted debt token for the trusted token worth most; drop what cannot be sold."""
        if self.trusted is None:
            return choices

        strangers = {pair.debt for pair in choices if pair.debt not in self.trusted}
        routes = {(debt, token): ground.pools.routes(debt, token) for debt in strangers for token in self.trusted}
        exits = {
            choice: [
                (token, Sale(choice.token, choice.net, hops))
                for token in sorted(self.trusted)
                for hops in routes[choice.token, token]
            ]
            for listed in choices.values()
            for choice in listed
            if choice.token not in self.trusted and choice.net > 0
        }
        wanted = dict.fromkeys(sale for listed in exits.values() for _, sale in listed)
        received = self.homeward.sell(view, ground.answers, ground.funds, wanted)
        homes = {
            choice: max(
                (replace(choice, home=sale.hops, token=token, profit=received[sale]) for token, sale in listed),
                key=lambda home: token_worth(home.token, home.profit, ground.prices),
            )
            for choice, listed in exits.items()
            if listed
        }
        return {
            pair: [homes.get(choice, choice) for choice in listed if choice in homes or choice.token in self.trusted]
            for pair, listed in choices.items()
        }


def _offers(pair: Pair, attempt: _Attempt, pools: Pools) -> list[tuple[Tried, Trial, list[Sale]]]:
    routes = [] if pair.debt == pair.collateral else pools.routes(pair.collateral, pair.debt)
    # Sizes above what the protocol allows all do the same: one of them speaks for the rest.
    distinct = {
        (tried.repaid, tried.seized): (tried, trial)
        for tried, trial in zip(attempt.results, attempt.trials, strict=True)
        if not tried.reason and tried.seized
    }
    return [
        (tried, trial, [Sale(pair.collateral, tried.seized, hops) for hops in routes])
        for tried, trial in distinct.values()
    ]


def _best(
    pair: Pair, made: tuple[Tried, Trial], received: dict[Hops, int], loans: Mapping[str, Sequence[Loan]]
) -> Choice:
    tried, trial = made
    offered = loans.get(pair.debt, ())
    loan = next((loan for loan in offered if loan.available >= tried.repaid), offered[-1] if offered else None)
    owed = tried.repaid + (premium(loan, tried.repaid) if loan else 0)
    hops: Hops = max(received, key=lambda hops: received[hops]) if received else ()
    net = (received[hops] if hops else tried.seized) - owed
    return Choice(tried, trial, loan, hops, net, (), pair.debt, net)
