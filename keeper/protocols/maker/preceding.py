"""The market just before a point inside a block: the parent's, and what the block's logs before that point changed.

A price moves where its feed emits it; any other keeps its last value, which is the most that can be known without
reading. Nothing that is sold or started anew depends on one but by a threshold.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from keeper.protocols.maker import abi
from keeper.protocols.maker.auction import Sale
from keeper.protocols.maker.fold import folded
from keeper.protocols.maker.ilk import Auction, Ilk
from keeper.protocols.maker.market import MakerMarket
from keeper.protocols.maker.notes import FILE, FOLD, OF_VAULTS, Note, note_of
from keeper.protocols.words import indexed_address, word
from keeper.types import BlockTarget, Log

_SPOT: Final = b"spot".ljust(32, b"\0")
_DUST: Final = b"dust".ljust(32, b"\0")
_OWN_HOLE: Final = b"hole".ljust(32, b"\0")
_CHOP: Final = b"chop".ljust(32, b"\0")
_HOLE: Final = b"Hole".ljust(32, b"\0")


def preceding(parent: MakerMarket, logs: Sequence[Log], target: BlockTarget) -> MakerMarket:
    """Overlay logs on the parent's market; touches nothing else."""
    market = replace(parent, target=target)
    notes: list[Note] = []
    for log in logs:
        note = note_of(log, market.contracts.vat)
        if note is not None:
            notes.append(note)
            market = _noted(market, note)
        else:
            market = _logged(market, log)

    changed, _ = folded((note for note in notes if note.kind in OF_VAULTS and note.ilk in market.ilks), market.urn)
    return market.with_urns(changed).at(target)


def _noted(market: MakerMarket, note: Note) -> MakerMarket:
    """Follow a price, a limit or a drip."""
    ilk = market.ilks.get(note.ilk)
    if ilk is None:
        return market

    if note.kind == FOLD:
        # Only the Jug calls it, which then writes the time down.
        return market.with_ilk(replace(ilk, rate=ilk.rate + note.signed(2), rho=market.target.timestamp))

    if note.kind == FILE and note.words[1] == _SPOT:
        return market.with_ilk(replace(ilk, spot=note.number(2)))

    if note.kind == FILE and note.words[1] == _DUST:
        return market.with_ilk(replace(ilk, dust=note.number(2)))

    return market


def _logged(market: MakerMarket, log: Log) -> MakerMarket:
    if not log.topics:
        return market

    if log.address == market.contracts.dog:
        return _of_dog(market, log)

    for ilk in market.ilks.values():
        if log.address == ilk.clip:
            return _of_clipper(market, ilk, log)

    if log.topics[0] == abi.LOG_VALUE:
        told = {i: _told(ilk, log) for i, ilk in market.ilks.items()}
        return replace(market, ilks=told)

    return market


def _told(ilk: Ilk, log: Log) -> Ilk:
    """Follow a feed that let its next price in."""
    if ilk.feed.pip != log.address:
        return ilk

    val = word(log.data, 0)
    return replace(ilk, feed=replace(ilk.feed, val=val, due=None), start=replace(ilk.start, val=val))


def _of_dog(market: MakerMarket, log: Log) -> MakerMarket:
    kind = log.topics[0]
    if kind == abi.FILED and log.topics[1:2] == (_HOLE,):
        value = word(log.data, 0)
        ilks = {i: replace(ilk, limits=replace(ilk.limits, Hole=value)) for i, ilk in market.ilks.items()}
        return replace(market, ilks=ilks)

    ilk = market.ilks.get(log.topics[1]) if len(log.topics) > 1 else None
    if ilk is None:
        return market

    if kind == abi.DIGS:
        return market.raising(ilk, -word(log.data, 0))

    if kind != abi.FILED_OF_ILK:
        return market

    limits, value = ilk.limits, word(log.data, 0)
    limits = replace(limits, hole=value) if log.topics[2] == _OWN_HOLE else limits
    limits = replace(limits, chop=value) if log.topics[2] == _CHOP else limits
    return market.with_ilk(replace(ilk, limits=limits))


def _of_clipper(market: MakerMarket, ilk: Ilk, log: Log) -> MakerMarket:
    kind, now = log.topics[0], market.target.timestamp
    if kind == abi.FILED:
        return market.with_ilk(_filed(ilk, log))

    if kind == abi.YANKED:
        return market.with_ilk(ilk.with_auction(word(log.data, 0), None))

    if kind not in (abi.KICKED, abi.TAKEN, abi.REDONE):
        return market

    number = int.from_bytes(log.topics[1], "big")
    if kind == abi.TAKEN:
        return market.with_ilk(_bought(ilk, number, word(log.data, 3), word(log.data, 4)))

    top, tab, lot = (word(log.data, i) for i in range(3))
    started = ilk.with_auction(number, Auction(Sale(tab, lot, now, top), indexed_address(log, 2)))
    if kind == abi.REDONE:
        return market.with_ilk(started)

    # The Dog counts what an auction is to raise when it starts; its own event names it without the penalty.
    return market.raising(replace(started, start=replace(ilk.start, kicks=number)), tab)


def _bought(ilk: Ilk, number: int, tab: int, lot: int) -> Ilk:
    auction = ilk.auctions.get(number)
    if auction is None or tab == 0 or lot == 0:
        return ilk.with_auction(number, None)

    return ilk.with_auction(number, replace(auction, sale=replace(auction.sale, tab=tab, lot=lot)))


def _filed(ilk: Ilk, log: Log) -> Ilk:
    start, rules, value = ilk.start, ilk.rules, word(log.data, 0)
    match log.topics[1].rstrip(b"\0"):
        case b"buf":
            start = replace(start, buf=value)
        case b"tip":
            start = replace(start, tip=value)
        case b"chip":
            start = replace(start, chip=value)
        case b"tail":
            rules = replace(rules, tail=value)
        case b"cusp":
            rules = replace(rules, cusp=value)
        case b"stopped":
            start, rules = replace(start, stopped=value), replace(rules, stopped=value)

    return replace(ilk, start=start, rules=rules)
