"""Accounts read from the chain: the principal alone, or all of an account."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.compound_v3 import abi
from keeper.protocols.compound_v3.account import Account, Doubt
from keeper.protocols.compound_v3.listing import Listing
from keeper.protocols.feeds import answer, call
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import WORD, signed, word
from keeper.types import PositionKey

ACCOUNTS_PER_ROUND: Final = 500
_BASIC_WORDS: Final = 5
_PLAIN_BITS: Final = 16
"""Assets whose bit is in `assetsIn`; those behind them have theirs in `_reserved`."""


def read_accounts(listing: Listing, known: Mapping[PositionKey, Account]) -> Reads[dict[PositionKey, Account]]:
    """Read what is in doubt of these accounts."""
    order = sorted(known)
    found: dict[PositionKey, Account] = {}
    for start in range(0, len(order), ACCOUNTS_PER_ROUND):
        keys = order[start : start + ACCOUNTS_PER_ROUND]
        found |= yield from _read_chunk(listing, {key: known[key] for key in keys})

    return found


def whole(keys: Collection[PositionKey]) -> dict[PositionKey, Account]:
    """Accounts of which nothing is believed."""
    return {key: Account(doubt=Doubt.ALL) for key in keys}


def _read_chunk(listing: Listing, known: Mapping[PositionKey, Account]) -> Reads[dict[PositionKey, Account]]:
    answers = yield from ask(*(call(listing.comet, abi.USER_BASIC, key) for key in known))
    basics = [answer(one, abi.USER_BASIC, listing.comet) for one in answers]
    if any(len(data) != _BASIC_WORDS * WORD for data in basics):
        raise DecodeError("userBasic answers in another shape than the protocol's")

    found: dict[PositionKey, Account] = {}
    wanted: list[tuple[PositionKey, int]] = []
    for (key, account), data in zip(known.items(), basics, strict=True):
        principal = signed(word(data, 0))
        if account.doubt is Doubt.ALL:
            found[key] = Account(principal)
            wanted += [(key, offset) for offset in _entered(data, len(listing.assets))]
        else:
            found[key] = replace(account, principal=principal, doubt=Doubt.NOTHING)

    answers = yield from ask(
        *(call(listing.comet, abi.USER_COLLATERAL, key, listing.assets[offset].asset) for key, offset in wanted)
    )
    for (key, offset), one in zip(wanted, answers, strict=True):
        amount = word(answer(one, abi.USER_COLLATERAL, listing.comet), 0)
        found[key] = found[key].with_held(offset, amount)

    return found


def _entered(basic: bytes, count: int) -> Sequence[int]:
    """The offsets of the assets an account holds. Comet.isInAsset."""
    mask = word(basic, 3) | word(basic, 4) << _PLAIN_BITS
    return [offset for offset in range(count) if mask >> offset & 1]
