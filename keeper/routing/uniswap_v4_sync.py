"""Keeps the plain Uniswap V4 pools between the tokens of interest, from the pool manager's logs.

Pools with hooks, with a fee a hook decides, or of the native currency are left alone. One pool's state is folded as a
V3 pool's is; the chain is read only to heal.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from keeper.errors import ConfigError, DecodeError, StateError
from keeper.protocols.base import Applied, Row
from keeper.protocols.reads import Reads, ask, gather_all
from keeper.protocols.words import address_at, indexed_address, signed, topic, word
from keeper.routing.base import Pool
from keeper.routing.uniswap_v3_logs import LiquidityChanged, PoolCreated, Priced
from keeper.routing.uniswap_v3_state import PoolState
from keeper.routing.uniswap_v4 import PoolKey, UniswapV4Pool, address_of
from keeper.routing.uniswap_v4_reread import read_pool
from keeper.types import Address, BlockHead, CodeAt, Log, LogQuery

INITIALIZE: Final = topic("Initialize(bytes32,address,address,uint24,int24,address,uint160,int24)")
MODIFY: Final = topic("ModifyLiquidity(bytes32,address,int24,int24,int256,bytes32)")
SWAP: Final = topic("Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)")
PROTOCOL_FEE: Final = topic("ProtocolFeeUpdated(bytes32,uint24)")
POOL_TOPICS: Final = (MODIFY, SWAP, PROTOCOL_FEE)
_WORDS: Final = {INITIALIZE: 5, MODIFY: 4, SWAP: 6, PROTOCOL_FEE: 1}
_INTEREST_ROW: Final = b"interest"
_FEE_BYTES: Final = 3


@dataclass(slots=True)
class Kept:
    """One pool while its logs are folded in."""

    state: PoolState
    protocol_fee: int = 0

    @property
    def key(self) -> PoolKey:
        made = self.state.created
        return PoolKey(made.token0, made.token1, made.fee, made.tick_spacing, Address(bytes(20)))

    @classmethod
    def thaw(cls, pool: UniswapV4Pool) -> "Kept":
        """Start from a frozen pool, which stays as it is."""
        key, table = pool.key, pool.ticks
        created = PoolCreated(pool.manager, *pool.tokens, key.fee, key.tick_spacing, pool.address)
        ticks = dict(zip(table.indexes, zip(table.gross, table.net, strict=True), strict=True))
        return cls(PoolState(created, pool.sqrt_price_x96, pool.tick, pool.liquidity, ticks), pool.protocol_fee)

    def freeze(self) -> UniswapV4Pool:
        """The pool as it stands."""
        core = self.state.freeze()
        numbers = (core.sqrt_price_x96, core.tick, core.liquidity, core.ticks)
        return UniswapV4Pool(core.factory, self.key, self.protocol_fee, *numbers)

    def fold(self, log: Log) -> None:
        """Fold one event in; one at or before the last place changes nothing."""
        data, place = _data(log), (log.block_number, log.index)
        if log.topics[0] == SWAP:
            self.state.fold(Priced(word(data, 2), signed(word(data, 4)), word(data, 3)), place)
        elif log.topics[0] == MODIFY:
            change = LiquidityChanged(signed(word(data, 0)), signed(word(data, 1)), signed(word(data, 2)))
            self.state.fold(change, place)
        elif place > self.state.place:
            self.state.place = place
            self.state.forget_table()  # what steps take depends on the fee
            self.protocol_fee = word(data, 0)


class UniswapV4Sync:
    """The plain pools of one manager. Invariant: as `UniswapV3Sync`."""

    def __init__(self, manager: Address, tokens: Collection[Address] = ()) -> None:
        self._manager = manager
        self._tokens = tuple(sorted(set(tokens)))
        self._kept: dict[bytes, Kept] = {}
        self._frozen: dict[bytes, UniswapV4Pool] = {}
        self._distrusted = False

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Refuse a manager that is no contract."""
        (code,) = yield from ask(CodeAt(self._manager))
        if not code.data:
            raise ConfigError(
                f"no contract at the pool manager's address 0x{self._manager.hex()} in block {head.number}: "
                "check `manager` in the [[venue]] table",
                manager=self._manager,
            )

    def observe(self, _head: BlockHead) -> Reads[None]:
        """Nothing: the logs tell all there is."""
        yield from ()

    def sources(self) -> tuple[LogQuery, ...]:
        """New pools of tokens of interest, and the events of the pools known."""
        tokens = tuple(bytes(12) + token for token in self._tokens)
        created = (LogQuery((self._manager,), ((INITIALIZE,), (), tokens, tokens)),) if tokens else ()
        return (*created, *self._events_of(self._kept))

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in; a new pool's own logs are asked for over the same range. A log seen twice changes nothing."""
        created: list[bytes] = []
        touched: dict[bytes, None] = {}
        try:
            for log in logs:
                if log.address != self._manager or len(log.topics) < 2:
                    continue

                pool_id = log.topics[1]
                if log.topics[0] == INITIALIZE:
                    created += self._create(log)
                elif log.topics[0] in POOL_TOPICS and pool_id in self._kept:
                    self._kept[pool_id].fold(log)
                    touched[pool_id] = None

            for pool_id in touched:
                self._frozen.pop(pool_id, None)
                self._kept[pool_id].state.check()
        except StateError:
            self._distrusted = True
            self._frozen.clear()
            raise

        return Applied(new_sources=self._events_of(created))

    def reread(self, head: BlockHead) -> Reads[None]:
        """Replace by the chain's the pools that logs above this block, or a fault, may have made wrong."""
        affected = [
            pool_id
            for pool_id, kept in sorted(self._kept.items())
            if self._distrusted or kept.state.place[0] > head.number
        ]
        reread = yield from gather_all(
            [read_pool(self._manager, pool_id, self._kept[pool_id].state, head) for pool_id in affected]
        )
        for pool_id, found in zip(affected, reread, strict=True):
            self._frozen.pop(pool_id, None)
            if found is None:
                del self._kept[pool_id]  # its creation was orphaned
            else:
                self._kept[pool_id] = Kept(*found)

        self._distrusted = False

    def pools(self) -> tuple[Pool, ...]:
        """The pools as of the last log applied, in the order of their names; none while a fault awaits its reread."""
        if self._distrusted:
            return ()

        for pool_id, kept in self._kept.items():
            if pool_id not in self._frozen:
                self._frozen[pool_id] = kept.freeze()

        return tuple(self._frozen[pool_id] for pool_id in sorted(self._frozen))

    def preceding(self, pools: Mapping[Address, Pool], logs: Sequence[Log]) -> Mapping[Address, Pool]:
        """The given pools after these logs; does not touch the state of the sync itself."""
        thawed: dict[Address, Kept] = {}
        for log in logs:
            if log.address != self._manager or len(log.topics) < 2 or log.topics[0] not in POOL_TOPICS:
                continue

            address = address_of(log.topics[1])
            pool = pools.get(address)
            if not isinstance(pool, UniswapV4Pool) or pool.manager != self._manager:
                continue

            if address not in thawed:
                thawed[address] = Kept.thaw(pool)

            thawed[address].fold(log)

        return {**pools, **{address: kept.freeze() for address, kept in thawed.items()}}

    def save(self) -> Sequence[Row]:
        """Everything, as rows: a row per pool by its name, and the tokens it covers."""
        tokens = json.dumps([token.hex() for token in self._tokens]).encode()
        kept = sorted(self._kept.items())
        rows = [Row(name, one.protocol_fee.to_bytes(_FEE_BYTES, "big") + one.state.to_row()) for name, one in kept]
        return [Row(_INTEREST_ROW, tokens), *rows]

    def restore(self, rows: Sequence[Row]) -> None:
        """Take back what `save` gave; `DecodeError` for rows it never wrote."""
        self._frozen.clear()
        for row in rows:
            if row.key != _INTEREST_ROW:
                fee = int.from_bytes(row.value[:_FEE_BYTES], "big")
                self._kept[row.key] = Kept(PoolState.from_row(row.value[_FEE_BYTES:]), fee)
                continue

            try:
                self._tokens = tuple(sorted(Address(bytes.fromhex(token)) for token in json.loads(row.value)))
            except (ValueError, TypeError) as error:
                raise DecodeError("the saved tokens of interest cannot be read; delete the saved state") from error

    def _create(self, log: Log) -> list[bytes]:
        data, pool_id = _data(log), log.topics[1]
        key = PoolKey(
            indexed_address(log, 2), indexed_address(log, 3), word(data, 0), signed(word(data, 1)), address_at(data, 2)
        )
        if pool_id in self._kept or not key.is_plain:
            return []

        created = PoolCreated(self._manager, *key[:4], address_of(pool_id))
        place = (log.block_number, log.index)
        self._kept[pool_id] = Kept(PoolState(created, word(data, 3), signed(word(data, 4)), place=place))
        return [pool_id]

    def _events_of(self, pools: Collection[bytes]) -> tuple[LogQuery, ...]:
        return (LogQuery((self._manager,), (POOL_TOPICS, tuple(sorted(pools)))),) if pools else ()


def _data(log: Log) -> bytes:
    if len(log.data) != 32 * _WORDS[log.topics[0]]:
        raise DecodeError(
            f"the pool manager sent {len(log.data)} bytes with event 0x{log.topics[0].hex()}",
            block=log.block_number,
            log_index=log.index,
        )

    return log.data
