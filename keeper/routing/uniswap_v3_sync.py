"""Keeps the Uniswap V3 pools between the tokens of interest, from logs alone; the chain is read only to heal.

Pools are found in the factory's logs, so a pool nobody told us about is used as soon as it exists. One pool's state is
`uniswap_v3_state.py`, the events are `uniswap_v3_logs.py`.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from keeper.errors import ConfigError, DecodeError, StateError
from keeper.protocols.base import Applied, Row
from keeper.protocols.reads import Reads, ask, gather_all
from keeper.routing.base import Pool
from keeper.routing.uniswap_v3 import UniswapV3Pool
from keeper.routing.uniswap_v3_logs import POOL_CREATED, POOL_TOPICS, decode_pool_created, decode_pool_event
from keeper.routing.uniswap_v3_reread import read_pool
from keeper.routing.uniswap_v3_state import PoolState
from keeper.types import Address, BlockHead, CodeAt, Log, LogQuery

_INTEREST_ROW: Final = b"interest"


class UniswapV3Sync:
    """The pools of one factory. Invariant: `pools()` is every pool between two tokens of interest, as of the last log.

    That holds once the queries `interest` returned have been read from the venue's first block on.
    """

    def __init__(self, factory: Address, tokens: Collection[Address] = ()) -> None:
        self._factory = factory
        self._tokens = tuple(sorted(set(tokens)))
        self._states: dict[Address, PoolState] = {}
        self._frozen: dict[Address, UniswapV3Pool] = {}
        self._distrusted = False

    def interest(self, tokens: Collection[Address]) -> tuple[LogQuery, ...]:
        """Widen the tokens of interest; returns what must be read from the venue's first block to know their pools."""
        widened = tuple(sorted({*self._tokens, *tokens}))
        if widened == self._tokens:
            return ()

        self._tokens = widened
        return (self._factory_query(),)

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Refuse a factory that is no contract; everything else comes from logs."""
        (code,) = yield from ask(CodeAt(self._factory))
        if not code.data:
            raise ConfigError(
                f"no contract at the factory address 0x{self._factory.hex()} in block {head.number}: "
                "check `factory` in the [[venue]] table",
                factory=self._factory,
            )

    def sources(self) -> tuple[LogQuery, ...]:
        """The factory's new pools between tokens of interest, and the events of the pools known."""
        creations = (self._factory_query(),) if self._tokens else ()
        return (*creations, *self._pool_queries(self._states))

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in; a new pool's own logs are asked for over the same range. A log seen twice changes nothing."""
        touched: dict[Address, None] = {}
        created: list[Address] = []
        try:
            for log in logs:
                if log.address == self._factory and log.topics[:1] == (POOL_CREATED,):
                    created += self._create(log)
                elif log.address in self._states and _moves_pool(log):
                    self._states[log.address].fold(decode_pool_event(log), (log.block_number, log.index))
                    touched[log.address] = None

            for address in touched:
                self._frozen.pop(address, None)
                self._states[address].check()
        except StateError:
            self._distrusted = True
            self._frozen.clear()
            raise

        return Applied(new_sources=self._pool_queries(created))

    def observe(self, _head: BlockHead) -> Reads[None]:
        """Nothing: the logs tell all there is."""
        yield from ()

    def reread(self, head: BlockHead) -> Reads[None]:
        """Replace by the chain's the pools that logs above this block, or a fault, may have made wrong."""
        affected = [
            state for _, state in sorted(self._states.items()) if self._distrusted or state.place[0] > head.number
        ]
        reread = yield from gather_all([read_pool(state, head) for state in affected])
        for before, after in zip(affected, reread, strict=True):
            address = before.created.pool
            self._frozen.pop(address, None)
            if after is None:
                del self._states[address]  # its creation was orphaned
            else:
                self._states[address] = after

        self._distrusted = False

    def pools(self) -> tuple[Pool, ...]:
        """The initialised pools as of the last log applied, in address order; none while a fault awaits its reread."""
        if self._distrusted:
            return ()

        for address, state in self._states.items():
            if address not in self._frozen and state.sqrt_price_x96:
                self._frozen[address] = state.freeze()

        return tuple(self._frozen[address] for address in sorted(self._frozen))

    def preceding(self, pools: Mapping[Address, Pool], logs: Sequence[Log]) -> Mapping[Address, Pool]:
        """The given pools after these logs; does not touch the state of the sync itself."""
        thawed: dict[Address, PoolState] = {}
        for log in logs:
            pool = pools.get(log.address)
            if not isinstance(pool, UniswapV3Pool) or pool.factory != self._factory or not _moves_pool(log):
                continue

            if log.address not in thawed:
                thawed[log.address] = PoolState.thaw(pool)

            thawed[log.address].fold(decode_pool_event(log), (log.block_number, log.index))

        return {**pools, **{address: state.freeze() for address, state in thawed.items()}}

    def save(self) -> Sequence[Row]:
        """Everything, as rows: a row per pool by its address, and the tokens it covers."""
        tokens = json.dumps([token.hex() for token in self._tokens]).encode()
        pools = [Row(bytes(address), state.to_row()) for address, state in sorted(self._states.items())]
        return [Row(_INTEREST_ROW, tokens), *pools]

    def restore(self, rows: Sequence[Row]) -> None:
        """Take back what `save` gave; `DecodeError` for rows it never wrote."""
        self._frozen.clear()
        for row in rows:
            if row.key != _INTEREST_ROW:
                self._states[Address(row.key)] = PoolState.from_row(row.value)
                continue

            try:
                self._tokens = tuple(sorted(Address(bytes.fromhex(token)) for token in json.loads(row.value)))
            except (ValueError, TypeError) as error:
                raise DecodeError("the saved tokens of interest cannot be read; delete the saved state") from error

    def _create(self, log: Log) -> list[Address]:
        created = decode_pool_created(log)
        if created.pool in self._states:
            return []

        self._states[created.pool] = PoolState(created, place=(log.block_number, log.index))
        return [created.pool]

    def _factory_query(self) -> LogQuery:
        # The pair is in address order, so either token may be on either side.
        tokens = tuple(bytes(12) + token for token in self._tokens)
        return LogQuery((self._factory,), ((POOL_CREATED,), tokens, tokens))

    @staticmethod
    def _pool_queries(addresses: Collection[Address]) -> tuple[LogQuery, ...]:
        return (LogQuery(tuple(sorted(addresses)), (POOL_TOPICS,)),) if addresses else ()


def _moves_pool(log: Log) -> bool:
    return bool(log.topics) and log.topics[0] in POOL_TOPICS
