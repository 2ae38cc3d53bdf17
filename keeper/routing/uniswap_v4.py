"""A Uniswap V4 pool without hooks at one block: immutable, quoting exactly as the pool manager swaps.

Its mathematics are those of V3, so a direction of it is the same ladder; what differs is the fee, on top of which the
protocol may take a share, and that all pools live in one contract. Prices are square roots times 2**96.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, NamedTuple

from eth_utils.crypto import keccak

from keeper.routing.base import SwapQuote
from keeper.routing.swap_math import FEE_UNIT
from keeper.routing.uniswap_v3_ladder import Ladder
from keeper.routing.uniswap_v3_ticks import Mark, Start, TickTable
from keeper.types import ZERO_ADDRESS, Address

KIND: Final = "uniswap_v4"
DYNAMIC_FEE: Final = 0x800000
"""The fee of a pool whose hook decides it."""
_DIRECTION_BITS: Final = 12


class PoolKey(NamedTuple):
    """What names a pool: its currencies in address order, fee in millionths, tick spacing and hooks."""

    currency0: Address
    currency1: Address
    fee: int
    tick_spacing: int
    hooks: Address

    @property
    def pool_id(self) -> bytes:
        """The name the manager's events use. Source: PoolId.toId, v4-core 1.0."""
        words = (self.currency0, self.currency1, self.fee, self.tick_spacing, self.hooks)
        return bytes(
            keccak(b"".join(w.to_bytes(32, "big") if isinstance(w, int) else w.rjust(32, b"\0") for w in words))
        )

    @property
    def is_plain(self) -> bool:
        """Whether nobody but the manager has a say in a swap, and both currencies are tokens."""
        return self.hooks == ZERO_ADDRESS and self.currency0 != ZERO_ADDRESS and self.fee < FEE_UNIT


def address_of(pool_id: bytes) -> Address:
    """A pool has no address: the last 20 bytes of its name stand for one wherever pools are told apart."""
    return Address(pool_id[-20:])


@dataclass(frozen=True, slots=True)
class UniswapV4Pool:
    """One pool between two transactions; `protocol_fee` packs a share for each direction, in millionths.

    Source: Pool.swap and ProtocolFeeLibrary.calculateSwapFee, v4-core 1.0.
    """

    manager: Address
    key: PoolKey
    protocol_fee: int
    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: TickTable
    _ladders: dict[Address, Ladder] = field(init=False, compare=False, repr=False, default_factory=dict)

    @property
    def kind(self) -> Literal["uniswap_v4"]:
        return KIND

    @property
    def address(self) -> Address:
        """What stands for an address."""
        return address_of(self.key.pool_id)

    @property
    def tokens(self) -> tuple[Address, Address]:
        """The currencies, in their order."""
        return self.key.currency0, self.key.currency1

    def curve(self, token_in: Address) -> Ladder:
        """What this direction gives; `ValueError` for a token the pool does not hold."""
        return self._ladders.get(token_in) or self._ladder(token_in)

    def quote_in(self, token_in: Address, amount_in: int) -> SwapQuote | None:
        """Output for an exact input; None where the range of prices ends before all of it is taken."""
        ladder = self.curve(token_in)
        amount_out = ladder.amount_out(amount_in)
        return None if amount_out is None else SwapQuote(amount_in, amount_out, partial(self._in, ladder, amount_in))

    def quote_out(self, token_in: Address, amount_out: int) -> SwapQuote | None:
        """Least input for an exact output; None where the pool does not hold it."""
        ladder = self.curve(token_in)
        amount_in = ladder.amount_in(amount_out)
        return None if amount_in is None else SwapQuote(amount_in, amount_out, partial(self._out, ladder, amount_out))

    def swap_fee(self, token_in: Address) -> int:
        """All that is taken of an input, in millionths: the protocol's share first, then the pool's of the rest."""
        shift = 0 if token_in == self.key.currency0 else _DIRECTION_BITS
        share = self.protocol_fee >> shift & (1 << _DIRECTION_BITS) - 1
        return share + self.key.fee - share * self.key.fee // FEE_UNIT  # down

    def _ladder(self, token_in: Address) -> Ladder:
        if token_in not in self.tokens:
            raise ValueError(f"0x{token_in.hex()} is not a currency of the pool 0x{self.key.pool_id.hex()}")

        price, fee = self.sqrt_price_x96, self.swap_fee(token_in)
        start = Start(fee, self.key.tick_spacing, price, self.tick, self.liquidity)
        ladder = Ladder(start, self.ticks, zero_for_one=token_in == self.key.currency0)
        self._ladders[token_in] = ladder
        return ladder

    def _in(self, ladder: Ladder, amount_in: int) -> "UniswapV4Pool":
        return self._at(ladder.mark_in(amount_in))

    def _out(self, ladder: Ladder, amount_out: int) -> "UniswapV4Pool":
        return self._at(ladder.mark_out(amount_out))

    def _at(self, mark: Mark) -> "UniswapV4Pool":
        return UniswapV4Pool(self.manager, self.key, self.protocol_fee, *mark, self.ticks)
