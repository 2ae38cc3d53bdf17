"""The state of one deployment: its markets and borrowers kept by events, and the market it freezes every block.

Events tell everything but the time of a market's last accrual, which is that of their block: known for the newest
block, read from the contract for an older one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from keeper.errors import DriftError, StateError
from keeper.protocols.base import Applied, Row
from keeper.protocols.ledger import Ledger
from keeper.protocols.morpho_blue import abi, saved
from keeper.protocols.morpho_blue.borrower import EMPTY, Borrower
from keeper.protocols.morpho_blue.discovery import read_borrowers, read_contract, read_totals
from keeper.protocols.morpho_blue.fold import Fold
from keeper.protocols.morpho_blue.isolated import IsolatedMarket
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.observation import read_balances, read_market, resting
from keeper.protocols.morpho_blue.opt_ins import OptIns
from keeper.protocols.morpho_blue.params import MarketId, MarketParams, market_of
from keeper.protocols.morpho_blue.pre_liquidation import PreLiquidation
from keeper.protocols.morpho_blue.preceding import preceding
from keeper.protocols.morpho_blue.roster import Roster
from keeper.protocols.morpho_blue.surroundings import Surroundings
from keeper.protocols.reads import Reads, gather, gather_all
from keeper.types import Address, BlockHead, BlockTarget, Log, LogQuery, PositionKey


class MorphoBlueSync:
    """Keeps one deployment.

    Invariant: after every log up to a block was applied, totals and borrowers equal the contract's at that block,
    except those in doubt, which the next `observe` rereads before it freezes a market. What was learned other than
    from logs is forgotten at every `bootstrap`.
    """

    def __init__(self, deployment: str, morpho: Address, pre_liquidation_factory: Address | None = None) -> None:
        self._deployment = deployment
        self._morpho = morpho
        self._opt_ins = OptIns(morpho, pre_liquidation_factory)
        self._roster = Roster()
        self._totals: dict[MarketId, Totals] = {}
        self._ledger: Ledger[Borrower] = Ledger()
        self._touched: dict[MarketId, int] = {}
        self._accrued: dict[MarketId, int] = {}
        self._doubted: set[MarketId] = set()
        self._due: set[PositionKey] = set()
        self._around = Surroundings()
        self._unsaved: set[MarketId] = set()
        self._roster_saved = False

    # Before the first log -------------------------------------------------------------------------------------------

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Check the contract, and doubt all totals; may be repeated at any block."""
        del head
        yield from read_contract(self._deployment, self._morpho, known=bool(self._roster.params))
        self._doubted |= self._roster.places.keys()
        self._around.forget()

    def sources(self) -> tuple[LogQuery, ...]:
        """Every log of Morpho that changes a market or a borrower, and those of opting in to pre-liquidation."""
        return (LogQuery((self._morpho,), (abi.EVENTS,)), *self._opt_ins.sources())

    # Logs -----------------------------------------------------------------------------------------------------------

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in; `StateError` for an event of a market whose creation was never seen."""
        new_sources = self._opt_ins.apply(logs)
        logs = [log for log in logs if log.address == self._morpho and log.topics[:1] and log.topics[0] in abi.EVENTS]
        fold = Fold(self._morpho, self._totals.get, self._borrower)
        fold.apply(logs)
        markets = dict.fromkeys(MarketId(log.topics[1]) for log in logs)
        strangers = [i for i in markets if i not in self._roster.params and i not in fold.created]
        if strangers:
            raise StateError(
                f"an event of market 0x{strangers[0].hex()}, whose creation was not seen: start_block must not be "
                "after the block Morpho was deployed in"
            )

        for params in fold.created.values():
            self._roster_saved &= not self._roster.add(params)

        for log in logs:
            if log.topics[0] == abi.BORROW:
                self._roster_saved &= not self._roster.place(MarketId(log.topics[1]))

            self._touched[MarketId(log.topics[1])] = log.block_number

        self._totals |= fold.totals
        self._accrued |= fold.accrued
        self._unsaved |= fold.totals.keys()
        self._doubted |= fold.doubtful_markets
        self._put(fold.borrowers)
        self._due |= fold.doubtful
        return Applied(frozenset(fold.borrowers), new_sources)

    # Every block ----------------------------------------------------------------------------------------------------

    def observe(self, head: BlockHead, target: BlockTarget) -> Reads[MorphoBlueMarket]:
        """Read price and rate of every market somebody owes in, in one round, after settling what is in doubt."""
        yield from self._settle_doubts(head)
        owing = [i for i in self._roster.places if self._totals[i].borrow_shares]
        resting_now = {i for i in owing if self._around.quarantine.is_resting(self._oracle(i), head.number)}
        asked = [i for i in owing if i not in resting_now]
        params = [self._roster.params[i] for i in asked]
        yield from self._around.learn(params)
        opted = self._opt_ins.by_position
        markets, ((balances, answers), pre_prices) = yield from gather(
            gather_all([self._read(i, head, target) for i in asked]),
            gather(
                gather(read_balances(self._morpho, _tokens(params)), self._around.read_feeds(params, head)),
                self._around.read_pre_prices(self._pre_oracles(opted), head.number),
            ),
        )
        self._around.judge(markets, head.number)
        found = {i: self._around.follow(market, answers) for i, market in zip(asked, markets, strict=True)}
        found |= {i: resting(self._roster.params[i], self._totals[i]) for i in sorted(resting_now)}
        return MorphoBlueMarket(
            deployment=self._deployment,
            head=head,
            target=target,
            morpho=self._morpho,
            roster=self._roster,
            isolated=found,
            balances=balances,
            ledger=self._ledger,
            opted=opted,
            pre_prices=pre_prices,
        )

    def _pre_oracles(self, opted: Mapping[PositionKey, tuple[PreLiquidation, ...]]) -> set[Address]:
        """Oracles of pre-liquidation contracts that somebody who owes opted in to, other than their market's own."""
        return {
            terms.oracle
            for key, found in opted.items()
            if self._borrower(key).borrow_shares
            for terms in found
            if terms.market in self._roster.params and terms.oracle != self._oracle(terms.market)
        }

    def preceding(self, parent: MorphoBlueMarket, logs: Sequence[Log], target: BlockTarget) -> MorphoBlueMarket:
        """The markets just before a point inside the block after `parent`."""
        return preceding(parent, logs, target)

    def _read(self, market: MarketId, head: BlockHead, target: BlockTarget) -> Reads[IsolatedMarket]:
        params = self._roster.params[market]
        adaptive = self._around.is_adaptive(params.irm)
        return read_market(params, self._totals[market], head, target, adaptive=adaptive)

    def _oracle(self, market: MarketId) -> Address:
        return self._roster.params[market].oracle

    # Doubts ---------------------------------------------------------------------------------------------------------

    def reread(self, keys: Collection[PositionKey], head: BlockHead) -> Reads[None]:
        """Replace these borrowers by the contract's; doubt their markets, and those touched after this block."""
        self._doubted |= {market_of(key) for key in keys}
        self._doubted |= {i for i, block in self._touched.items() if block > head.number}
        yield from self._opt_ins.reread(head.number)
        self._put((yield from read_borrowers(self._morpho, sorted(keys))))

    def _settle_doubts(self, head: BlockHead) -> Reads[None]:
        if self._due:
            self._put((yield from read_borrowers(self._morpho, sorted(self._due))))

        undated = set()
        for market, block in self._accrued.items():
            if block == head.number:
                self._totals[market] = replace(self._totals[market], last_update=head.timestamp)
            else:
                undated.add(market)

        self._unsaved |= self._accrued.keys()
        self._accrued.clear()
        # A market nobody ever borrowed from is not read; if somebody does, its accrual is in the same block.
        wanted = sorted((undated | self._doubted) & self._roster.places.keys())
        if wanted:
            read = yield from read_totals(self._morpho, wanted)
            self._check(read)
            self._totals |= read
            self._unsaved |= read.keys()
            self._doubted -= read.keys()

    def _check(self, read: dict[MarketId, Totals]) -> None:
        """Compare what the contract says with what its events said, time aside."""
        for market, totals in read.items():
            ours = replace(self._totals[market], last_update=totals.last_update)
            if market not in self._doubted and ours != totals:
                self._doubted.add(market)
                raise DriftError(
                    f"the totals of market 0x{market.hex()} are not what its events add up to: all is read again",
                    ours=ours,
                    chain=totals,
                )

    # Store ----------------------------------------------------------------------------------------------------------

    def save(self, keys: Collection[PositionKey] | None) -> Iterable[Row]:
        """Rows of these borrowers, of totals that changed, and of all markets where one is new; None saves all."""
        if keys is None or not self._roster_saved:
            yield saved.roster_row(self._roster)
            self._roster_saved = True

        if keys is None or self._opt_ins.changed:
            yield Row(saved.OPT_INS_KEY, self._opt_ins.encoded())
            self._opt_ins.changed = False

        for market in sorted(self._totals if keys is None else self._unsaved):
            yield saved.totals_row(market, self._totals[market])

        self._unsaved.clear()
        chosen = self._ledger.items() if keys is None else ((key, self._borrower(key)) for key in keys)
        for key, borrower in chosen:
            yield saved.borrower_row(key, borrower)

    def restore(self, rows: Iterable[Row]) -> None:
        """Take markets and borrowers back, before `bootstrap` and before any log; totals are doubted until read."""
        found = saved.decoded(rows)
        if any(market not in found.roster.params for market in found.totals):
            raise StateError("saved totals of a market that was not saved")

        self._roster, self._totals = found.roster, found.totals
        self._totals = {market: found.totals.get(market, Totals()) for market in found.roster.params}
        self._doubted = set(self._roster.places)
        if found.opt_ins is not None:
            self._opt_ins.restore(found.opt_ins)

        self._ledger, self._due = Ledger(), set()
        self._put(found.borrowers)

    # Helpers --------------------------------------------------------------------------------------------------------

    def _borrower(self, key: PositionKey) -> Borrower:
        return self._ledger.get(key) or EMPTY

    def _put(self, changes: dict[PositionKey, Borrower]) -> None:
        self._ledger = self._ledger.updated({key: None if b == EMPTY else b for key, b in changes.items()})
        self._due.difference_update(changes)


def _tokens(markets: Sequence[MarketParams]) -> list[Address]:
    return list(dict.fromkeys(token for params in markets for token in (params.loan_token, params.collateral_token)))
