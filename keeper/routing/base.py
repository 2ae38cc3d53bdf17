"""What planning needs from a venue, whatever its kind: immutable pools that quote exactly, and how to swap on them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from keeper.protocols.base import Applied, Row
from keeper.protocols.reads import Reads
from keeper.routing.curve import Curve
from keeper.types import Address, BlockHead, Log, LogQuery


class SwapQuote:
    """What one pool gives for an exact input, to the wei, and the pool as it stands afterwards.

    The latter is worked out when it is first asked for: most quotes are only compared.
    """

    __slots__ = ("_after", "amount_in", "amount_out")

    def __init__(self, amount_in: int, amount_out: int, after: "Pool | Callable[[], Pool]") -> None:
        """Keep the amounts, and the pool or a way to make it."""
        self.amount_in = amount_in
        self.amount_out = amount_out
        self._after = after

    @property
    def after(self) -> "Pool":
        """The pool once this was swapped."""
        if callable(self._after):
            self._after = self._after()

        return self._after

    def __eq__(self, other: object) -> bool:
        """Compare amounts and pools."""
        if not isinstance(other, SwapQuote):
            return NotImplemented

        return (self.amount_in, self.amount_out, self.after) == (other.amount_in, other.amount_out, other.after)

    def __hash__(self) -> int:
        """Hash the amounts: equal quotes have equal ones."""
        return hash((self.amount_in, self.amount_out))

    def __repr__(self) -> str:
        """Show the amounts."""
        return f"SwapQuote({self.amount_in}, {self.amount_out})"


class Pool(Protocol):
    """One pool at one block, or a conversion at a fixed rate; immutable."""

    @property
    def kind(self) -> str:
        """The venue kind, which names the recipe that swaps on it (`uniswap_v3`)."""
        ...

    @property
    def address(self) -> Address:
        """The contract."""
        ...

    @property
    def tokens(self) -> tuple[Address, Address]:
        """The pair, in the contract's own order (token0, token1)."""
        ...

    def curve(self, token_in: Address) -> Curve | None:
        """What this direction gives, without the pool afterwards; None where the pool does not take this token."""
        ...

    def quote_in(self, token_in: Address, amount_in: int) -> SwapQuote | None:
        """Output for an exact input; None where the pool cannot take it all or gives nothing."""
        ...

    def quote_out(self, token_in: Address, amount_out: int) -> SwapQuote | None:
        """Least input for an exact output; None where the pool cannot give it."""
        ...


@dataclass(frozen=True, slots=True)
class Hop:
    """One swap of a route."""

    pool: Pool
    token_in: Address
    token_out: Address


@dataclass(frozen=True, slots=True)
class Swap:
    """One swap of a priced route."""

    hop: Hop
    quote: SwapQuote

    @property
    def amount_in(self) -> int:
        """What goes in."""
        return self.quote.amount_in

    @property
    def amount_out(self) -> int:
        """What comes out."""
        return self.quote.amount_out


@dataclass(frozen=True, slots=True)
class RouteQuote:
    """A route priced at one size: its swaps in the order they are made. No pool is swapped on twice.

    Where several swaps sell one token, the last of them sells what is left. No swap at all leaves the amount as it is.
    """

    swaps: tuple[Swap, ...]
    amount_in: int
    amount_out: int

    @property
    def hops(self) -> tuple[Hop, ...]:
        """Where each swap is made."""
        return tuple(swap.hop for swap in self.swaps)

    @property
    def amounts(self) -> tuple[int, ...]:
        """What goes into each swap, then what comes out of the route."""
        return (*(swap.amount_in for swap in self.swaps), self.amount_out)

    @property
    def after(self) -> tuple[Pool, ...]:
        """The pools as the swaps leave them."""
        return tuple(swap.quote.after for swap in self.swaps)

    @property
    def sells_rest(self) -> tuple[bool, ...]:
        """Per swap, whether it is the last to sell its token."""
        last = {swap.hop.token_in: place for place, swap in enumerate(self.swaps)}
        return tuple(last[swap.hop.token_in] == place for place, swap in enumerate(self.swaps))


@dataclass(frozen=True, slots=True)
class Liquidity:
    """All pools of one block, by unordered pair and by address; immutable."""

    by_address: Mapping[Address, Pool]
    by_pair: Mapping[frozenset[Address], tuple[Address, ...]]

    @classmethod
    def of(cls, pools: Collection[Pool]) -> Self:
        """Index pools by address and by pair."""
        pairs: dict[frozenset[Address], list[Address]] = {}
        for pool in pools:
            pairs.setdefault(frozenset(pool.tokens), []).append(pool.address)

        return cls({p.address: p for p in pools}, {pair: tuple(sorted(found)) for pair, found in pairs.items()})

    def between(self, a: Address, b: Address) -> tuple[Pool, ...]:
        """Pools of a pair, in address order."""
        return tuple(self.by_address[address] for address in self.by_pair.get(frozenset((a, b)), ()))

    def neighbours(self, token: Address) -> frozenset[Address]:
        """Tokens that share a pool with this one."""
        return frozenset(other for pair in self.by_pair if token in pair for other in pair if other != token)

    def replaced(self, pools: Sequence[Pool]) -> Self:
        """The same liquidity after these pools moved."""
        return type(self)({**self.by_address, **{p.address: p for p in pools}}, self.by_pair)


class VenueSync(Protocol):
    """Keeps a venue's pools by logs, for the pairs the operator's deployments need."""

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Read what must be known before the first log."""
        ...

    def sources(self) -> tuple[LogQuery, ...]:
        """The logs the pools are made from."""
        ...

    def apply(self, logs: Sequence[Log]) -> Applied:
        """Fold logs in, ordered by block and index; a new pool asks for its own logs over the same range."""
        ...

    def observe(self, head: BlockHead) -> Reads[None]:
        """Read what changes without a log, at every block; most venues ask nothing."""
        ...

    def reread(self, head: BlockHead) -> Reads[None]:
        """Replace the pools' state by the chain's, after a reorg."""
        ...

    def pools(self) -> tuple[Pool, ...]:
        """The pools as of the last log applied."""
        ...

    def preceding(self, pools: Mapping[Address, Pool], logs: Sequence[Log]) -> Mapping[Address, Pool]:
        """The given pools after these logs; does not touch the state of the sync itself."""
        ...

    def save(self) -> Sequence[Row]:
        """Everything, as rows."""
        ...

    def restore(self, rows: Sequence[Row]) -> None:
        """Take back what `save` gave."""
        ...
