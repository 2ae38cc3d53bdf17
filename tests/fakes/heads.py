"""Heads and targets with made-up hashes."""

from keeper.types import Address, BlockHead, BlockTarget


def head(number: int = 100, **changes) -> BlockHead:
    """Block `number` at 12 s per block; its hash is its number."""
    values = {
        "number": number,
        "hash": number.to_bytes(32, "big"),
        "parent_hash": max(number - 1, 0).to_bytes(32, "big"),
        "timestamp": 12 * number,
        "base_fee_wei": 10**9,
        "gas_used": 15_000_000,
        "gas_limit": 30_000_000,
        "coinbase": Address(b"\xcb" * 20),
    }
    return BlockHead(**{**values, **changes})


def target(number: int = 101, base_fee_wei: int = 10**9) -> BlockTarget:
    """The block after `head(number - 1)`, good for three blocks."""
    return BlockTarget(number, 12 * number, base_fee_wei, 12 * number + 36)
