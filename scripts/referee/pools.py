"""The pools that what is seized is sold through, as the referee finds them: from the factories' own logs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from referee.abi import selector, topic
from referee.chain import View, fetch_logs
from referee.manifest import Venue
from referee.probe import encode_balance
from referee.rpc import Rpc

POOL_CREATED = topic("PoolCreated(address,address,uint24,int24,address)")


@dataclass(frozen=True, slots=True)
class SwapPool:
    """One pool of a venue."""

    address: str
    tokens: tuple[str, str]


@dataclass(slots=True)
class Pools:
    """Every pool of the venues by its address; they are only added."""

    venues: tuple[Venue, ...]
    known: dict[str, SwapPool] = field(default_factory=dict)

    def learn(self, rpc: Rpc, span: tuple[int, int]) -> None:
        """Take in the pools of a span of blocks, both ends included."""
        first, last = span

        for venue in self.venues:
            self._take(fetch_logs(rpc, [venue.factory], [POOL_CREATED], (max(first, venue.start_block), last)))

    def routes(self, token: str, wanted: str) -> list[tuple[str, ...]]:
        """Return every way to sell a token for another: each direct pool, and two hops through any connector."""
        found: list[tuple[str, ...]] = []

        for first, middle in self._from(token):
            if middle == wanted:
                found.append((first,))
                continue

            found.extend((first, second) for second, other in self._from(middle) if other == wanted)

        return found

    def read(self, view: View) -> dict[str, bytes]:
        """Return what each pool answers at a block, as bytes to compare."""
        questions = [
            question
            for pool in self.known.values()
            for question in [
                (pool.address, selector("slot0()")),
                (pool.address, selector("liquidity()")),
                (pool.tokens[0], encode_balance(pool.address)),
                (pool.tokens[1], encode_balance(pool.address)),
            ]
        ]
        answers = view.ask(questions)
        return {
            address: b"".join(answer or b"" for answer in answers[4 * i : 4 * i + 4])
            for i, address in enumerate(self.known)
        }

    def _take(self, logs: Iterable[Any]) -> None:
        for log in logs:
            topics, address = log["topics"], "0x" + log["data"][-40:].lower()
            self.known[address] = SwapPool(address, ("0x" + topics[1][-40:].lower(), "0x" + topics[2][-40:].lower()))

    def _from(self, token: str) -> list[tuple[str, str]]:
        return [
            (pool.address, pool.tokens[1 - pool.tokens.index(token)])
            for pool in self.known.values()
            if token in pool.tokens
        ]
