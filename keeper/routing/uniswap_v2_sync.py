"""Keeps the pairs of one Uniswap V2 deployment between the tokens of interest, from logs alone.

Every change of a pair says what its reserves now are, so one log is its whole state. The chain is read to see that
the configured fee is the router's, and after a reorg.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from keeper.errors import ConfigError, DecodeError
from keeper.protocols.base import Applied, Row
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import address_at, encode, indexed_address, selector, topic, word
from keeper.routing.base import Pool
from keeper.routing.constant_product import ConstantProduct
from keeper.routing.uniswap_v2 import Fork, UniswapV2Pool
from keeper.types import Address, BlockHead, Call, CodeAt, Log, LogQuery

PAIR_CREATED: Final = topic("PairCreated(address,address,address,uint256)")
SYNC: Final = topic("Sync(uint112,uint112)")
_FACTORY: Final = selector("factory()")
_RESERVES: Final = selector("getReserves()")
_SAMPLE: Final = (10**9 + 7, 10**18 + 9, 3 * 10**18 + 1)
"""An input and two reserves on which no two fees of whole basis points answer alike."""
_AFTER_ALL_LOGS: Final = 2**63
_ROW_FORMAT: Final = 1
_INTEREST_ROW: Final = b"interest"
_Place = tuple[int, int]


class UniswapV2Sync:
    """The pairs of one factory. Invariant: `pools()` is every pair of two tokens of interest that holds something.

    That holds once the queries `sources` returned have been read from the venue's first block on.
    """

    def __init__(self, fork: Fork, tokens: Collection[Address] = ()) -> None:
        self._fork = fork
        self._tokens = tuple(sorted(set(tokens)))
        self._pairs: dict[Address, UniswapV2Pool] = {}
        self._places: dict[Address, _Place] = {}

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Refuse a factory that is no contract, and a router of another factory or fee."""
        sample = ConstantProduct(_SAMPLE[1], _SAMPLE[2], self._fork.fee_bps).amount_out(_SAMPLE[0])
        code, factory, answer = yield from ask(
            CodeAt(self._fork.factory),
            Call(self._fork.router, _FACTORY),
            Call(self._fork.router, encode("getAmountOut(uint256,uint256,uint256)", *_SAMPLE)),
        )
        if not code.data:
            raise ConfigError(
                f"no contract at the factory address 0x{self._fork.factory.hex()} in block {head.number}: "
                "check `factory` in the [[venue]] table",
                factory=self._fork.factory,
            )

        if not factory.ok or factory.data != self._fork.factory.rjust(32, b"\0"):
            raise ConfigError(
                f"0x{self._fork.router.hex()} is not a router of the factory 0x{self._fork.factory.hex()}: "
                "check `router` in the [[venue]] table",
                router=self._fork.router,
            )

        if not answer.ok or len(answer.data) != 32 or word(answer.data, 0) != sample:
            raise ConfigError(
                f"the router 0x{self._fork.router.hex()} does not take a fee of {self._fork.fee_bps} basis points: "
                "check `fee_bps` in the [[venue]] table",
                router=self._fork.router,
            )

    def sources(self) -> tuple[LogQuery, ...]:
        """The factory's new pairs of tokens of interest, and the reserves of the pairs known."""
        # A pair is in address order, so either token may be on either side.
        tokens = tuple(bytes(12) + token for token in self._tokens)
        created = LogQuery((self._fork.factory,), ((PAIR_CREATED,), tokens, tokens))
        return (*((created,) if tokens else ()), *_reserves_of(self._pairs))

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in; a new pair's own logs are asked for over the same range. A log seen twice changes nothing."""
        created: list[Address] = []
        for log in logs:
            if log.address == self._fork.factory and log.topics[:1] == (PAIR_CREATED,):
                created += self._create(log)
            elif log.address in self._pairs and _is_sync(log):
                place = (log.block_number, log.index)
                if place > self._places[log.address]:
                    self._places[log.address] = place
                    self._pairs[log.address] = _synced(self._pairs[log.address], log)

        return Applied(new_sources=_reserves_of(created))

    def observe(self, _head: BlockHead) -> Reads[None]:
        """Nothing: the logs tell all there is."""
        yield from ()

    def reread(self, head: BlockHead) -> Reads[None]:
        """Replace by the chain's the pairs that logs above this block made."""
        affected = [address for address in sorted(self._pairs) if self._places[address][0] > head.number]
        if not affected:
            return

        answers = yield from ask(*(Call(address, _RESERVES) for address in affected))
        for address, answer in zip(affected, answers, strict=True):
            if not answer.data:
                del self._pairs[address], self._places[address]  # its creation was orphaned
                continue

            if not answer.ok or len(answer.data) != 96:
                raise DecodeError(f"pair 0x{address.hex()} does not tell its reserves", pool=address)

            reserves = (word(answer.data, 0), word(answer.data, 1))
            known = self._pairs[address]
            self._pairs[address] = UniswapV2Pool(address, self._fork, known.tokens, reserves)
            self._places[address] = (head.number, _AFTER_ALL_LOGS)

    def pools(self) -> tuple[Pool, ...]:
        """The pairs that hold something, as of the last log applied, in address order."""
        return tuple(pair for _, pair in sorted(self._pairs.items()) if all(pair.reserves))

    def preceding(self, pools: Mapping[Address, Pool], logs: Sequence[Log]) -> Mapping[Address, Pool]:
        """The given pools after these logs; does not touch the state of the sync itself."""
        moved = dict(pools)
        for log in logs:
            pool = moved.get(log.address)
            if isinstance(pool, UniswapV2Pool) and pool.fork == self._fork and _is_sync(log):
                moved[log.address] = _synced(pool, log)

        return moved

    def save(self) -> Sequence[Row]:
        """Everything, as rows: one per pair, by its address, and the tokens it covers."""
        tokens = json.dumps([token.hex() for token in self._tokens]).encode()
        pairs = [Row(bytes(address), self._to_row(address)) for address in sorted(self._pairs)]
        return [Row(_INTEREST_ROW, tokens), *pairs]

    def restore(self, rows: Sequence[Row]) -> None:
        """Take back what `save` gave; `DecodeError` for rows it never wrote."""
        for row in rows:
            try:
                if row.key == _INTEREST_ROW:
                    self._tokens = tuple(Address(bytes.fromhex(token)) for token in json.loads(row.value))
                    continue

                version, tokens, reserves, place = _parsed(row.value)
            except (ValueError, TypeError) as error:
                raise DecodeError("a saved Uniswap V2 pair cannot be read; delete the saved state to resync") from error

            if version != _ROW_FORMAT:
                raise DecodeError(f"a saved Uniswap V2 pair has format {version}, expected {_ROW_FORMAT}")

            address = Address(row.key)
            self._pairs[address] = UniswapV2Pool(address, self._fork, tokens, reserves)
            self._places[address] = place

    def _create(self, log: Log) -> list[Address]:
        if len(log.topics) != 3 or len(log.data) != 64:
            raise DecodeError("a factory's PairCreated has another shape", factory=log.address, block=log.block_number)

        token0, token1, pair = indexed_address(log, 1), indexed_address(log, 2), address_at(log.data, 0)
        if pair in self._pairs:
            return []

        if pair != self._fork.pair_of(token0, token1):
            raise ConfigError(
                f"the pair 0x{pair.hex()} is not made of the code the router expects: set `init_code_hash` of the "
                f"[[venue]] with the factory 0x{self._fork.factory.hex()} to the fork's own",
                pool=pair,
            )

        self._pairs[pair] = UniswapV2Pool(pair, self._fork, (token0, token1), (0, 0))
        self._places[pair] = (log.block_number, log.index)
        return [pair]

    def _to_row(self, address: Address) -> bytes:
        pair = self._pairs[address]
        tokens = [token.hex() for token in pair.tokens]
        return json.dumps([_ROW_FORMAT, tokens, pair.reserves, self._places[address]], separators=(",", ":")).encode()


def _parsed(value: bytes) -> tuple[int, tuple[Address, Address], tuple[int, int], _Place]:
    row: Any = json.loads(value)
    version, (token0, token1), (reserve0, reserve1), (block, index) = row
    tokens = (Address(bytes.fromhex(token0)), Address(bytes.fromhex(token1)))
    return version, tokens, (int(reserve0), int(reserve1)), (int(block), int(index))


def _reserves_of(pairs: Collection[Address]) -> tuple[LogQuery, ...]:
    return (LogQuery(tuple(sorted(pairs)), ((SYNC,),)),) if pairs else ()


def _is_sync(log: Log) -> bool:
    return log.topics[:1] == (SYNC,)


def _synced(pair: UniswapV2Pool, log: Log) -> UniswapV2Pool:
    if len(log.data) != 64:
        raise DecodeError(f"pair 0x{pair.address.hex()} sent a Sync of another shape", block=log.block_number)

    return UniswapV2Pool(pair.address, pair.fork, pair.tokens, (word(log.data, 0), word(log.data, 1)))
