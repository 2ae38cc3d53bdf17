"""What was learned about the contracts around Morpho: its rate models, its markets' oracles and their feeds.

None of it comes from logs, so all of it is forgotten at every bootstrap and asked for again.
"""

from collections.abc import Iterable, Sequence

from keeper.protocols.morpho_blue.isolated import IsolatedMarket
from keeper.protocols.morpho_blue.observation import read_adaptive, read_prices
from keeper.protocols.morpho_blue.oracle import Formula, read_aggregators, read_answers, read_formulas
from keeper.protocols.morpho_blue.params import MarketParams
from keeper.protocols.morpho_blue.quarantine import Quarantine
from keeper.protocols.reads import Reads, gather
from keeper.types import ZERO_ADDRESS, Address, BlockHead


class Surroundings:
    """Models, oracles and feeds, and which oracles to leave alone.

    Invariant: what is known depends on answers and block numbers alone, so that a replay learns the same.
    """

    def __init__(self) -> None:
        self.quarantine = Quarantine()
        self._adaptive: dict[Address, bool] = {}
        self._formulas: dict[Address, Formula | None] = {}
        self._aggregators: dict[Address, Address | None] = {}

    def forget(self) -> None:
        """Know nothing again."""
        self.quarantine.clear()
        self._adaptive.clear()
        self._formulas.clear()
        self._aggregators.clear()

    def is_adaptive(self, irm: Address) -> bool:
        """Whether a rate model keeps a rate at target."""
        return self._adaptive.get(irm, False)

    def learn(self, markets: Sequence[MarketParams]) -> Reads[None]:
        """Ask about the models and oracles of these markets that nothing is known of."""
        irms = {params.irm: params for params in markets if params.irm != ZERO_ADDRESS}
        oracles = dict.fromkeys(params.oracle for params in markets)
        models = [(irm, params) for irm, params in irms.items() if irm not in self._adaptive]
        strangers = [oracle for oracle in oracles if oracle not in self._formulas]
        if models or strangers:
            adaptive, formulas = yield from gather(read_adaptive(models), read_formulas(strangers))
            self._adaptive |= adaptive
            self._formulas |= formulas

        feeds = [feed for feed in self._feeds(oracles) if feed not in self._aggregators]
        if feeds:
            self._aggregators |= yield from read_aggregators(feeds)

    def read_feeds(self, markets: Sequence[MarketParams], head: BlockHead) -> Reads[dict[Address, int]]:
        """Ask the feeds of these markets for their answers, and one of them in each block what is behind it."""
        feeds = self._feeds(dict.fromkeys(params.oracle for params in markets))
        probed = feeds[head.number % len(feeds) :][:1] if feeds else []
        answers, behind = yield from gather(read_answers(feeds), read_aggregators(probed))
        self._aggregators |= behind
        return answers

    def follow(self, market: IsolatedMarket, answers: dict[Address, int]) -> IsolatedMarket:
        """Believe in an oracle's formula where it gives the very price the oracle answered."""
        formula = self._formulas.get(market.params.oracle)
        if formula is None or any(source.feed not in answers for source in formula.sources):
            return market

        return market.following(formula.answered(answers, self._aggregators))

    def judge(self, markets: Iterable[IsolatedMarket], block: int) -> None:
        """Let oracles without a price rest, and trust the others."""
        for market in markets:
            if market.price is None:
                self.quarantine.failed(market.params.oracle, block)
            else:
                self.quarantine.answered(market.params.oracle)

    def read_pre_prices(self, oracles: Iterable[Address], block: int) -> Reads[dict[Address, int | None]]:
        """Ask oracles that are not a market's for their price; one that gave none rests like any other."""
        asked = sorted(oracle for oracle in set(oracles) if not self.quarantine.is_resting(oracle, block))
        prices = (yield from read_prices(asked)) if asked else {}
        for oracle, price in prices.items():
            if price is None:
                self.quarantine.failed(oracle, block)
            else:
                self.quarantine.answered(oracle)

        return prices

    def _feeds(self, oracles: Iterable[Address]) -> list[Address]:
        formulas = (self._formulas.get(oracle) for oracle in oracles)
        return sorted({source.feed for formula in formulas if formula is not None for source in formula.sources})
