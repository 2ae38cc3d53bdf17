"""What events do to markets and borrowers: one function for the state's own log and for the logs of half a block.

Source: EventsLib and Morpho of Morpho Blue 1.0.0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from keeper.errors import DecodeError
from keeper.protocols.morpho_blue import abi
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.params import MarketId, MarketParams, decode_params, position_key
from keeper.protocols.words import indexed_address, word
from keeper.types import Address, Log, PositionKey


@dataclass(slots=True)
class Fold:
    """What a run of logs changed, gathered while it is read.

    `totals` and `borrowers` are as they now stand. `created` are new markets, `accrued` the block in which each
    market was last brought up to date: an event does not tell the time. What went below zero, which no true state
    does, is in `doubtful_markets` and `doubtful` and must be reread.
    """

    morpho: Address
    find_totals: Callable[[MarketId], Totals | None]
    find_borrower: Callable[[PositionKey], Borrower]
    totals: dict[MarketId, Totals] = field(default_factory=dict)
    borrowers: dict[PositionKey, Borrower] = field(default_factory=dict)
    created: dict[MarketId, MarketParams] = field(default_factory=dict)
    accrued: dict[MarketId, int] = field(default_factory=dict)
    doubtful_markets: set[MarketId] = field(default_factory=set)
    doubtful: set[PositionKey] = field(default_factory=set)

    def apply(self, logs: Sequence[Log]) -> None:
        """Fold logs in, in order; those that are not Morpho's are passed over."""
        for log in logs:
            if log.address == self.morpho and log.topics[:1] and log.topics[0] in abi.EVENTS:
                if len(log.topics) < 2 or len(log.topics[1]) != 32:
                    raise DecodeError("an event of Morpho without a market", block=log.block_number)

                self._one(log, MarketId(log.topics[1]))

    def dated(self, market: MarketId, totals: Totals, timestamp: int) -> Totals:
        """Date totals that were brought up to date in a block of this time."""
        return replace(totals, last_update=timestamp) if market in self.accrued else totals

    def _one(self, log: Log, market: MarketId) -> None:
        data = log.data
        match log.topics[0]:
            case abi.CREATE_MARKET:
                self._create(log, market)
            case abi.ACCRUE_INTEREST:
                interest, fee_shares = word(data, 1), word(data, 2)
                self._move(market, supply=(interest, fee_shares), borrow=(interest, 0))
                self.accrued[market] = log.block_number
            case abi.SET_FEE:
                totals = self._totals(market)
                if totals is not None:
                    self.totals[market] = replace(totals, fee=word(data, 0))
            case abi.SUPPLY:
                self._move(market, supply=(word(data, 0), word(data, 1)))
            case abi.WITHDRAW:
                self._move(market, supply=(-word(data, 1), -word(data, 2)))
            case _:
                self._borrower_event(log, market)

    def _borrower_event(self, log: Log, market: MarketId) -> None:
        """Follow an event about one borrower; which argument is indexed decides where the borrower stands."""
        data = log.data
        match log.topics[0]:
            case abi.BORROW:
                assets, shares = word(data, 1), word(data, 2)
                self._move(market, borrow=(assets, shares))
                self._shift(market, indexed_address(log, 2), shares=shares)
            case abi.REPAY:
                assets, shares = word(data, 0), word(data, 1)
                self._repay(market, assets, shares)
                self._shift(market, indexed_address(log, 3), shares=-shares)
            case abi.SUPPLY_COLLATERAL:
                self._shift(market, indexed_address(log, 3), collateral=word(data, 0))
            case abi.WITHDRAW_COLLATERAL:
                self._shift(market, indexed_address(log, 2), collateral=-word(data, 1))
            case abi.LIQUIDATED:
                assets, shares, seized, bad_assets, bad_shares = (word(data, i) for i in range(5))
                self._repay(market, assets, shares)
                self._move(market, supply=(-bad_assets, 0), borrow=(-bad_assets, -bad_shares))
                self._shift(market, indexed_address(log, 3), shares=-shares - bad_shares, collateral=-seized)

    def _create(self, log: Log, market: MarketId) -> None:
        params = decode_params(log.data)
        if params.id != market:
            raise DecodeError("a market whose id is not the hash of its parameters", block=log.block_number)

        self.created[market] = params
        self.totals[market] = Totals()
        self.accrued[market] = log.block_number

    def _repay(self, market: MarketId, assets: int, shares: int) -> None:
        """Take a repayment off the totals; it may be one unit more than was owed, and then nothing is."""
        totals = self._totals(market)
        owed = 0 if totals is None else totals.borrow_assets
        self._move(market, borrow=(-min(assets, owed), -shares))

    def _move(self, market: MarketId, *, supply: tuple[int, int] = (0, 0), borrow: tuple[int, int] = (0, 0)) -> None:
        totals = self._totals(market)
        if totals is None:
            return

        supply_assets, supply_shares = totals.supply_assets + supply[0], totals.supply_shares + supply[1]
        borrow_assets, borrow_shares = totals.borrow_assets + borrow[0], totals.borrow_shares + borrow[1]
        if min(supply_assets, supply_shares, borrow_assets, borrow_shares) < 0:
            self.doubtful_markets.add(market)

        self.totals[market] = replace(
            totals,
            supply_assets=max(supply_assets, 0),
            supply_shares=max(supply_shares, 0),
            borrow_assets=max(borrow_assets, 0),
            borrow_shares=max(borrow_shares, 0),
        )

    def _shift(self, market: MarketId, account: Address, *, shares: int = 0, collateral: int = 0) -> None:
        key = position_key(market, account)
        found = self.borrowers.get(key) or self.find_borrower(key)
        shares, collateral = found.borrow_shares + shares, found.collateral + collateral
        if min(shares, collateral) < 0:
            self.doubtful.add(key)

        self.borrowers[key] = Borrower(max(shares, 0), max(collateral, 0))

    def _totals(self, market: MarketId) -> Totals | None:
        return self.totals.get(market) or self.find_totals(market)
