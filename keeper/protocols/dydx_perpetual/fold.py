"""What events do to accounts: each tells the whole balance after it, and the index it was settled at goes before.

Source: the events of PerpetualV1.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from keeper.errors import DecodeError
from keeper.protocols.dydx_perpetual import abi, math
from keeper.protocols.dydx_perpetual.account import kept
from keeper.protocols.dydx_perpetual.market import DydxPerpetualMarket
from keeper.protocols.dydx_perpetual.math import Index
from keeper.protocols.dydx_perpetual.trade import Account
from keeper.protocols.words import indexed_address, word
from keeper.types import Address, BlockTarget, Log, PositionKey

_BALANCES: Final = {
    abi.LOG_ACCOUNT_SETTLED: ((1, 2),),
    abi.LOG_TRADE: ((1, 4), (2, 5)),
    abi.LOG_DEPOSIT: ((1, 1),),
    abi.LOG_WITHDRAW: ((1, 2),),
    abi.LOG_WITHDRAW_FINAL_SETTLEMENT: ((1, 1),),
}
"""Of each event, whose balance it tells: the topic of the account, the word of the balance."""


class Folded(NamedTuple):
    """Accounts as some logs left them, and the global index, None where no log told it."""

    accounts: dict[PositionKey, Account]
    current: Index | None


def folded(logs: Sequence[Log], perpetual: Address) -> Folded:
    """Take logs in, in order; those of other contracts are passed over."""
    accounts: dict[PositionKey, Account] = {}
    index: Index | None = None
    for log in logs:
        if log.address != perpetual or not log.topics:
            continue

        if log.topics[0] == abi.LOG_INDEX:
            index = math.index_of(word(log.data, 0))

        for key, told in _told(log):
            if index is None:
                raise DecodeError("an account's event with no index before it", block=log.block_number)

            accounts[key] = kept(math.balance_of(told), index)

    return Folded(accounts, index)


def preceding(parent: DydxPerpetualMarket, logs: Sequence[Log], target: BlockTarget) -> DydxPerpetualMarket:
    """Overlay logs on the parent's market; the price keeps its last value, since no event of the protocol tells it."""
    found = folded(logs, parent.contracts.perpetual)
    market = parent.at(target)
    return market if found.current is None else market.with_accounts(found.accounts, found.current)


def _told(log: Log) -> Iterator[tuple[PositionKey, int]]:
    for topic, place in _BALANCES.get(log.topics[0], ()):
        yield PositionKey(indexed_address(log, topic)), word(log.data, place)
