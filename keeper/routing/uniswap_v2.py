"""A Uniswap V2 pair at one block, or that of a fork, which differs in the fee: immutable, quoting as the router does.

Swaps go through the fork's router, which works the output out from what is really there when the swap is made.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from eth_utils.crypto import keccak

from keeper.routing.base import SwapQuote
from keeper.routing.constant_product import ConstantProduct
from keeper.types import Address

KIND: Final = "uniswap_v2"
INIT_CODE_HASH: Final = bytes.fromhex("96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f")
"""Keccak-256 of the creation code of Uniswap's own pairs."""


@dataclass(frozen=True, slots=True)
class Fork:
    """One deployment of the contracts: `fee_bps` of the input stays in its pairs."""

    factory: Address
    router: Address
    fee_bps: int
    init_code_hash: bytes = INIT_CODE_HASH

    def pair_of(self, token0: Address, token1: Address) -> Address:
        """The address the router takes for the pair of these two tokens, which are in the pair's order.

        Source: UniswapV2Library.pairFor, v2-periphery 1.1.
        """
        salt = keccak(token0 + token1)
        return Address(keccak(b"\xff" + self.factory + salt + self.init_code_hash)[12:])


@dataclass(frozen=True, slots=True)
class UniswapV2Pool:
    """One pair between two transactions; reserves are of (token0, token1)."""

    address: Address
    fork: Fork
    tokens: tuple[Address, Address]
    reserves: tuple[int, int]

    @property
    def kind(self) -> Literal["uniswap_v2"]:
        return KIND

    def curve(self, token_in: Address) -> ConstantProduct:
        """What this direction gives; `ValueError` for a token the pair does not hold."""
        side = self._side(token_in)
        return ConstantProduct(self.reserves[side], self.reserves[1 - side], self.fork.fee_bps)

    def quote_in(self, token_in: Address, amount_in: int) -> SwapQuote | None:
        """Output for an exact input; None where it gives nothing or would overflow a reserve."""
        amount_out = self.curve(token_in).amount_out(amount_in)
        return None if amount_out is None else self._quoted(token_in, amount_in, amount_out)

    def quote_out(self, token_in: Address, amount_out: int) -> SwapQuote | None:
        """Least input for an exact output; None where the pair does not hold more than that."""
        amount_in = self.curve(token_in).amount_in(amount_out)
        return None if amount_in is None else self._quoted(token_in, amount_in, amount_out)

    def _quoted(self, token_in: Address, amount_in: int, amount_out: int) -> SwapQuote:
        return SwapQuote(amount_in, amount_out, lambda: self._after(token_in, amount_in, amount_out))

    def _after(self, token_in: Address, amount_in: int, amount_out: int) -> "UniswapV2Pool":
        reserve0, reserve1 = self.reserves
        if self._side(token_in) == 0:
            return replace(self, reserves=(reserve0 + amount_in, reserve1 - amount_out))

        return replace(self, reserves=(reserve0 - amount_out, reserve1 + amount_in))

    def _side(self, token: Address) -> int:
        if token not in self.tokens:
            raise ValueError(f"0x{token.hex()} is not a token of pair 0x{self.address.hex()}")

        return int(token != self.tokens[0])
