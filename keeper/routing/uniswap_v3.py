"""A Uniswap V3 pool at one block: immutable, quoting both directions exactly as the contract swaps.

One direction of it is a ladder of stops (`uniswap_v3_ladder.py`), built as far as it was ever asked for. Prices are
square roots times 2**96.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

from keeper.routing.base import SwapQuote
from keeper.routing.uniswap_v3_ladder import Ladder
from keeper.routing.uniswap_v3_ticks import Mark, Start, TickTable
from keeper.types import Address

KIND: Final = "uniswap_v3"


@dataclass(frozen=True, slots=True)
class UniswapV3Pool:
    """One pool between two transactions; `fee` is in millionths of the input, `liquidity` that of the current range.

    `factory` and the tokens in their order, with the fee, are what the pool's address is made of.
    Source: UniswapV3Pool.swap, v3-core 1.0; the protocol's share comes out of the fee and moves no amount.
    """

    address: Address
    factory: Address
    tokens: tuple[Address, Address]
    fee: int
    tick_spacing: int
    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: TickTable
    _ladders: dict[Address, Ladder] = field(init=False, compare=False, repr=False, default_factory=dict)

    @property
    def kind(self) -> Literal["uniswap_v3"]:
        return KIND

    def curve(self, token_in: Address) -> Ladder:
        """What this direction gives; `ValueError` for a token the pool does not hold."""
        return self._ladders.get(token_in) or self._ladder(token_in)

    def quote_in(self, token_in: Address, amount_in: int) -> SwapQuote | None:
        """Output for an exact input; None where the range of prices ends before all of it is taken."""
        ladder = self._ladders.get(token_in) or self._ladder(token_in)
        amount_out = ladder.amount_out(amount_in)
        if amount_out is None:
            return None

        return SwapQuote(amount_in, amount_out, partial(self._after_in, ladder, amount_in))

    def quote_out(self, token_in: Address, amount_out: int) -> SwapQuote | None:
        """Least input for an exact output; None where the pool does not hold it."""
        ladder = self.curve(token_in)
        amount_in = ladder.amount_in(amount_out)
        if amount_in is None:
            return None

        return SwapQuote(amount_in, amount_out, partial(self._after_out, ladder, amount_out))

    def _ladder(self, token_in: Address) -> Ladder:
        if token_in not in self.tokens:
            raise ValueError(f"0x{token_in.hex()} is not a token of pool 0x{self.address.hex()}")

        start = Start(self.fee, self.tick_spacing, self.sqrt_price_x96, self.tick, self.liquidity)
        ladder = self._ladders[token_in] = Ladder(start, self.ticks, zero_for_one=token_in == self.tokens[0])
        return ladder

    def _after_in(self, ladder: Ladder, amount_in: int) -> "UniswapV3Pool":
        return self._at(ladder.mark_in(amount_in))

    def _after_out(self, ladder: Ladder, amount_out: int) -> "UniswapV3Pool":
        return self._at(ladder.mark_out(amount_out))

    def _at(self, mark: Mark) -> "UniswapV3Pool":
        """The pool once the price has come to a mark."""
        return UniswapV3Pool(self.address, self.factory, self.tokens, self.fee, self.tick_spacing, *mark, self.ticks)
