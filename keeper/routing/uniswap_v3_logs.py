"""The Uniswap V3 events that make a pool's state, decoded without an ABI library.

Collect, Flash and the protocol-fee events move neither price nor liquidity and are not asked for.
"""

from typing import Final, NamedTuple, TypeAlias

from keeper.errors import DecodeError
from keeper.protocols.words import address_at, indexed_address, signed, topic, word
from keeper.types import Address, Log

POOL_CREATED: Final = topic("PoolCreated(address,address,uint24,int24,address)")
INITIALIZE: Final = topic("Initialize(uint160,int24)")
MINT: Final = topic("Mint(address,address,int24,int24,uint128,uint256,uint256)")
BURN: Final = topic("Burn(address,int24,int24,uint128,uint256,uint256)")
SWAP: Final = topic("Swap(address,address,int256,int256,uint160,uint128,int24)")
POOL_TOPICS: Final = (INITIALIZE, MINT, BURN, SWAP)


class PoolCreated(NamedTuple):
    """A factory deployed a pool; `fee` in millionths."""

    factory: Address
    token0: Address
    token1: Address
    fee: int
    tick_spacing: int
    pool: Address


class Priced(NamedTuple):
    """A pool's price was set or moved; `liquidity` is that of the new range, None at initialisation."""

    sqrt_price_x96: int
    tick: int
    liquidity: int | None


class LiquidityChanged(NamedTuple):
    """Liquidity was added to a range of ticks, or taken out where `delta` is negative."""

    lower: int
    upper: int
    delta: int


PoolEvent: TypeAlias = Priced | LiquidityChanged


def decode_pool_created(log: Log) -> PoolCreated:
    """Read a factory's log; `DecodeError` for any other shape."""
    data = _words(log, topics=4, words=2)
    return PoolCreated(
        factory=log.address,
        token0=indexed_address(log, 1),
        token1=indexed_address(log, 2),
        fee=_indexed_int(log, 3),
        tick_spacing=signed(word(data, 0)),
        pool=address_at(data, 1),
    )


def decode_pool_event(log: Log) -> PoolEvent:
    """Read one of the `POOL_TOPICS`; `DecodeError` for any other topic or shape."""
    kind = log.topics[0] if log.topics else b""
    if kind == SWAP:
        data = _words(log, topics=3, words=5)
        return Priced(word(data, 2), signed(word(data, 4)), word(data, 3))

    if kind == INITIALIZE:
        data = _words(log, topics=1, words=2)
        return Priced(word(data, 0), signed(word(data, 1)), None)

    if kind == MINT:
        data = _words(log, topics=4, words=4)
        return LiquidityChanged(_indexed_int(log, 2), _indexed_int(log, 3), word(data, 1))

    if kind == BURN:
        data = _words(log, topics=4, words=3)
        return LiquidityChanged(_indexed_int(log, 2), _indexed_int(log, 3), -word(data, 0))

    raise DecodeError(
        f"a Uniswap V3 pool sent the unknown event 0x{kind.hex()}",
        pool=log.address,
        block=log.block_number,
        log_index=log.index,
    )


def _words(log: Log, *, topics: int, words: int) -> bytes:
    if len(log.topics) != topics or len(log.data) != 32 * words:
        raise DecodeError(
            f"event 0x{log.topics[0].hex()} of 0x{log.address.hex()} has {len(log.topics)} topics and "
            f"{len(log.data)} bytes of data, expected {topics} and {32 * words}",
            pool=log.address,
            block=log.block_number,
            log_index=log.index,
        )

    return log.data


def _indexed_int(log: Log, index: int) -> int:
    return int.from_bytes(log.topics[index], "big", signed=True)
