"""A market's five parameters and the id made of them; neither ever changes, and anybody may create one."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, NewType

from eth_utils.crypto import keccak

from keeper.protocols.words import WORD, address_at, word
from keeper.types import Address, PositionKey, account_of

MarketId = NewType("MarketId", bytes)
"""32 bytes: the hash of a market's parameters."""
PARAMS_BYTES: Final = 5 * WORD


@dataclass(frozen=True)
class MarketParams:
    """What a market lends, against what, and by whose price and rate; `lltv` in wad.

    Source: IMorpho.MarketParams.
    """

    loan_token: Address
    collateral_token: Address
    oracle: Address
    irm: Address
    lltv: int

    @cached_property
    def encoded(self) -> bytes:
        """The five words, as the contract hashes them and takes them as argument."""
        tokens = (self.loan_token, self.collateral_token, self.oracle, self.irm)
        return b"".join(address.rjust(WORD, b"\0") for address in tokens) + self.lltv.to_bytes(WORD, "big")

    @cached_property
    def id(self) -> MarketId:
        """The market's id. MarketParamsLib.id."""
        return MarketId(bytes(keccak(self.encoded)))


def decode_params(data: bytes) -> MarketParams:
    """Read five words; `DecodeError` where the data ends before them or an address is none."""
    loan_token, collateral_token, oracle, irm = (address_at(data, i) for i in range(4))
    return MarketParams(loan_token, collateral_token, oracle, irm, word(data, 4))


def position_key(market: MarketId, borrower: Address) -> PositionKey:
    """Name a borrower's position in a market: 32 + 20 bytes."""
    return PositionKey(market + borrower)


def market_of(key: PositionKey) -> MarketId:
    """Return the market a position is in."""
    return MarketId(key[: -len(account_of(key))])
