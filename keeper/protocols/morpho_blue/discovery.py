"""What must be known before the first log, and what is reread of the contract: totals and borrowers.

Configuration names one address; everything else comes from its logs.
"""

from collections.abc import Sequence
from typing import Final

from keeper.errors import ConfigError, DecodeError, StateError
from keeper.protocols.morpho_blue import abi
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.params import MarketId, market_of
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import WORD, encode, word
from keeper.types import Address, Call, PositionKey, Returned, account_of, to_checksum

PER_ROUND: Final = 2_000
"""Totals or borrowers asked for in one round, which the shell splits further."""
_NOBODY: Final = MarketId(bytes(WORD))


def read_contract(deployment: str, morpho: Address, *, known: bool) -> Reads[None]:
    """Check that this is a Morpho: it knows no market without an id; `ConfigError` otherwise.

    One that was followed before is no mistake of the operator's: then it is a `StateError`.
    """
    params, state = yield from ask(
        Call(morpho, encode(abi.ID_TO_MARKET_PARAMS, _NOBODY)), Call(morpho, encode(abi.MARKET, _NOBODY))
    )
    if not (params.ok and len(params.data) == 5 * WORD and state.ok and len(state.data) == 6 * WORD):
        fault = f"{to_checksum(morpho)} does not answer like Morpho Blue"
        if known:
            raise StateError(fault)

        raise ConfigError(f"deployment {deployment}: {fault} on this chain; check morpho, and the chain")


def read_totals(morpho: Address, markets: Sequence[MarketId]) -> Reads[dict[MarketId, Totals]]:
    """Read totals as the contract stores them."""
    found: dict[MarketId, Totals] = {}
    for start in range(0, len(markets), PER_ROUND):
        chunk = markets[start : start + PER_ROUND]
        answers = yield from ask(*(Call(morpho, encode(abi.MARKET, market)) for market in chunk))
        for market, returned in zip(chunk, answers, strict=True):
            data = answer(returned, "market", morpho)
            found[market] = Totals(*(word(data, i) for i in range(6)))

    return found


def read_borrowers(morpho: Address, keys: Sequence[PositionKey]) -> Reads[dict[PositionKey, Borrower]]:
    """Read borrowers as the contract stores them."""
    found: dict[PositionKey, Borrower] = {}
    for start in range(0, len(keys), PER_ROUND):
        chunk = keys[start : start + PER_ROUND]
        answers = yield from ask(
            *(Call(morpho, encode(abi.POSITION, market_of(key), account_of(key))) for key in chunk)
        )
        for key, returned in zip(chunk, answers, strict=True):
            data = answer(returned, "position", morpho)
            found[key] = Borrower(word(data, 1), word(data, 2))

    return found


def answer(returned: Returned, what: str, asked: Address) -> bytes:
    """Return the data of an answer that must not fail."""
    if not returned.ok:
        raise DecodeError(f"{to_checksum(asked)} refused {what}", data=returned.data[:256].hex())

    return returned.data
