"""One Uniswap V3 pool while its logs are folded in: thawed from a frozen pool or a saved row, frozen again.

Everything here is one pool's; which pools exist and what has been read of them is `uniswap_v3_sync.py`.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final, Self

from keeper.errors import DecodeError, DriftError
from keeper.routing.uniswap_v3 import UniswapV3Pool
from keeper.routing.uniswap_v3_logs import PoolCreated, PoolEvent, Priced
from keeper.routing.uniswap_v3_ticks import TickTable
from keeper.types import Address

_ROW_FORMAT: Final = 1
Place = tuple[int, int]
"""A point in the chain: (block number, log index)."""


@dataclass(slots=True)
class PoolState:
    """A pool's state as of `place`, the last log folded in.

    Invariant after every log: `ticks` holds (gross, net) of exactly the initialised ticks, and the sum of `net` up to
    `tick` is `liquidity`. A `sqrt_price_x96` of 0 means created but not initialised.
    """

    created: PoolCreated
    sqrt_price_x96: int = 0
    tick: int = 0
    liquidity: int = 0
    ticks: dict[int, tuple[int, int]] = field(default_factory=dict)
    place: Place = (-1, -1)
    _table: TickTable | None = field(default=None, compare=False, repr=False)

    @classmethod
    def thaw(cls, pool: UniswapV3Pool) -> Self:
        """Start from a frozen pool, which stays as it is."""
        created = PoolCreated(pool.factory, *pool.tokens, pool.fee, pool.tick_spacing, pool.address)
        table = pool.ticks
        ticks = dict(zip(table.indexes, zip(table.gross, table.net, strict=True), strict=True))
        return cls(created, pool.sqrt_price_x96, pool.tick, pool.liquidity, ticks, _table=table)

    def freeze(self) -> UniswapV3Pool:
        """The pool as it stands; the table of its ticks is kept, with what it remembers, while no tick changes."""
        if self._table is None:
            indexes = tuple(sorted(self.ticks))
            self._table = TickTable(
                indexes,
                tuple(self.ticks[tick][0] for tick in indexes),
                tuple(self.ticks[tick][1] for tick in indexes),
            )

        return UniswapV3Pool(
            self.created.pool,
            self.created.factory,
            (self.created.token0, self.created.token1),
            self.created.fee,
            self.created.tick_spacing,
            self.sqrt_price_x96,
            self.tick,
            self.liquidity,
            self._table,
        )

    def fold(self, event: PoolEvent, place: Place) -> None:
        """Fold one event in; one at or before the last place was read already and changes nothing."""
        if place <= self.place:
            return

        self.place = place
        if isinstance(event, Priced):
            self.sqrt_price_x96 = event.sqrt_price_x96
            self.tick = event.tick
            self.liquidity = self.liquidity if event.liquidity is None else event.liquidity
            return

        self._reference(event.lower, event.delta, event.delta)
        self._reference(event.upper, event.delta, -event.delta)
        if event.lower <= self.tick < event.upper:
            self.liquidity += event.delta

    def forget_table(self) -> None:
        """Have the next pool frozen with a table that remembers nothing: what its steps take has changed."""
        self._table = None

    def check(self) -> None:
        """Raise `DriftError` where the ticks do not add up to the liquidity the pool itself reports."""
        expected = sum(net for tick, (_, net) in self.ticks.items() if tick <= self.tick)
        if expected != self.liquidity:
            raise DriftError(
                f"pool 0x{self.created.pool.hex()} reports liquidity {self.liquidity} at tick {self.tick}, "
                f"its ticks add up to {expected}: a log is missing",
                pool=self.created.pool,
                ours=expected,
                chain=self.liquidity,
            )

    def _reference(self, tick: int, gross_delta: int, net_delta: int) -> None:
        self._table = None
        gross, net = self.ticks.get(tick, (0, 0))
        gross += gross_delta
        if gross < 0:
            raise DriftError(
                f"pool 0x{self.created.pool.hex()} took more liquidity out of tick {tick} than was ever put in",
                pool=self.created.pool,
                tick=tick,
            )

        if gross == 0:
            self.ticks.pop(tick, None)
        else:
            self.ticks[tick] = (gross, net + net_delta)

    def to_row(self) -> bytes:
        """Encode for the store: JSON, whose integers have no size limit."""
        factory, token0, token1, fee, spacing, pool = self.created
        ticks = [[tick, *self.ticks[tick]] for tick in sorted(self.ticks)]
        return json.dumps(
            [
                _ROW_FORMAT,
                [factory.hex(), token0.hex(), token1.hex(), fee, spacing, pool.hex()],
                [self.sqrt_price_x96, self.tick, self.liquidity, *self.place],
                ticks,
            ],
            separators=(",", ":"),
        ).encode()

    @classmethod
    def from_row(cls, value: bytes) -> Self:
        """Decode what `to_row` gave; `DecodeError` for anything else."""
        try:
            row: Any = json.loads(value)
            version, (factory, token0, token1, fee, spacing, pool), (price, tick, liquidity, block, index), ticks = row
            created = PoolCreated(_address(factory), _address(token0), _address(token1), fee, spacing, _address(pool))
            table = {tick: (gross, net) for tick, gross, net in ticks}
        except (ValueError, TypeError) as error:
            raise DecodeError("a saved Uniswap V3 pool cannot be read; delete the saved state to resync") from error

        if version != _ROW_FORMAT:
            raise DecodeError(f"a saved Uniswap V3 pool has format {version}, expected {_ROW_FORMAT}")

        return cls(created, price, tick, liquidity, table, (block, index))


def _address(text: str) -> Address:
    return Address(bytes.fromhex(text))
