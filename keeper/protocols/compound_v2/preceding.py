"""The markets just before a point inside a block: the parent's, and what the block's logs before that point changed.

Prices move by the answers of feeds an oracle is known to follow; any other price keeps its last value, which is the
most that can be known without reading.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from keeper.protocols.compound_v2 import abi
from keeper.protocols.compound_v2.ctoken import CToken
from keeper.protocols.compound_v2.fold import Fold
from keeper.protocols.compound_v2.market import CompoundV2Market
from keeper.protocols.compound_v2.math import Totals
from keeper.protocols.words import indexed_address, signed, word
from keeper.types import Address, BlockTarget, Log
from keeper.units import WAD, mul_div


def preceding(parent: CompoundV2Market, logs: Sequence[Log], target: BlockTarget) -> CompoundV2Market:
    """Overlay logs on the parent's market; touches nothing else. Wants the block's logs unfiltered."""
    market = parent.at(target)
    indices = {i: token.stored.borrow_index for i, token in enumerate(market.tokens)}
    fold = Fold(market.contracts, market.places, indices, market.account)
    fold.apply(logs)
    lent: dict[Address, list[int]] = {}
    for i, token in enumerate(market.tokens):
        lent.setdefault(token.listing.underlying, []).append(i)

    tokens = dict(enumerate(market.tokens))
    for log in logs:
        kind = log.topics[0] if log.topics else b""
        place = market.places.get(log.address)
        if place is not None:
            tokens[place] = _after(tokens[place], log, target)

        if kind == abi.ANSWER_UPDATED and len(log.topics) > 1:
            tokens = {i: _told(token, log) for i, token in tokens.items()}
        elif kind == abi.TRANSFER and log.address in lent:
            for lender in lent[log.address]:
                moved = _moved(log, tokens[lender].listing.token)
                tokens[lender] = _with_cash(tokens[lender], moved, target)

    return market.with_accounts(fold.changes).with_tokens(tokens)


def _after(token: CToken, log: Log, target: BlockTarget) -> CToken:
    """Take a market's sums from its own events."""
    kind = log.topics[0] if log.topics else b""
    stored = token.stored
    if kind in (abi.ACCRUED, abi.ACCRUED_BRIEFLY):
        stored = _accrued(token, log, target)
    elif kind == abi.TRANSFER:
        # What is minted comes from the market itself, what is burned goes to it.
        stored = replace(stored, supply=stored.supply - _moved(log, log.address))
    elif kind in _BORROWS_AT:
        stored = replace(stored, borrows=word(log.data, _BORROWS_AT[kind]))
    elif kind in (abi.RESERVES_ADDED, abi.RESERVES_REDUCED):
        stored = replace(stored, reserves=word(log.data, 2))

    token = token if stored is token.stored else token.with_stored(stored, target)
    return _with_cash(token, _native_moved(log, kind), target) if token.listing.native else token


_BORROWS_AT: Final = {abi.BORROWED: 3, abi.REPAID: 4}
"""Which word of an event is the market's sum of debts."""
_CASH_AT: Final = {
    abi.MINTED: (1, 1),
    abi.REDEEMED: (1, -1),
    abi.REDEEM_FEE_PAID: (1, -1),
    abi.BORROWED: (1, -1),
    abi.REPAID: (2, 1),
    abi.RESERVES_REDUCED: (1, -1),
}
"""Which word of a native market's event is cash, and whether it comes or goes: the native asset writes no logs."""


def _accrued(token: CToken, log: Log, target: BlockTarget) -> Totals:
    """Source: CToken.accrueInterest, which tells the interest, the index and the sum of debts."""
    first = 1 if log.topics[0] == abi.ACCRUED else 0
    interest, index, borrows = (word(log.data, first + i) for i in range(3))
    return replace(
        token.stored,
        borrows=borrows,
        reserves=token.stored.reserves + mul_div(token.reserve_factor, interest, WAD),
        borrow_index=index,
        accrued_at=target.timestamp if token.listing.by_time else target.number,
    )


def _moved(log: Log, holder: Address) -> int:
    """What a transfer brought to a holder, or took from it."""
    if len(log.topics) != 3 or len(log.data) != 32:
        return 0

    amount = word(log.data, 0)
    return amount * ((indexed_address(log, 2) == holder) - (indexed_address(log, 1) == holder))


def _native_moved(log: Log, kind: bytes) -> int:
    if kind not in _CASH_AT:
        return 0

    index, sign = _CASH_AT[kind]
    return sign * word(log.data, index)


def _with_cash(token: CToken, change: int, target: BlockTarget) -> CToken:
    if change == 0:
        return token

    return token.with_stored(replace(token.stored, cash=token.stored.cash + change), target)


def _told(token: CToken, log: Log) -> CToken:
    if log.address not in token.feeds:
        return token

    price = signed(int.from_bytes(log.topics[1], "big")) * token.listing.scale
    return replace(token, price=price if price > 0 else None)
