"""Where what is seized is sold, as the referee finds it: pools and pairs from the factories' own logs, named vaults."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from referee.abi import selector, topic
from referee.chain import View, fetch_logs
from referee.manifest import Venue
from referee.probe import PAIR, POOL, VAULT, encode_balance, hop
from referee.rpc import Rpc

POOL_CREATED = topic("PoolCreated(address,address,uint24,int24,address)")
PAIR_CREATED = topic("PairCreated(address,address,address,uint256)")
KINDS = {"uniswap_v3": POOL, "uniswap_v2": PAIR, "erc4626": VAULT}
# What a vault is worth is what it holds and how many shares there are; the others also answer with their balances.
STATES = {POOL: ("slot0()", "liquidity()"), PAIR: ("getReserves()",), VAULT: ("totalAssets()", "totalSupply()")}


@dataclass(frozen=True, slots=True)
class SwapPool:
    """One place to sell at: a pool or pair takes either of its tokens, a vault only the first, its own shares."""

    kind: int
    address: str
    tokens: tuple[str, str]
    fee_bps: int

    @property
    def hop(self) -> str:
        """What the probe calls it."""
        return hop(self.kind, self.address, self.fee_bps)

    @property
    def sold(self) -> tuple[str, ...]:
        """The tokens it takes."""
        return self.tokens[:1] if self.kind == VAULT else self.tokens


@dataclass(slots=True)
class Pools:
    """Every pool, pair and vault of the venues by its hop; they are only added."""

    venues: tuple[Venue, ...]
    known: dict[str, SwapPool] = field(default_factory=dict)

    def learn(self, rpc: Rpc, span: tuple[int, int]) -> None:
        """Take in what there is to sell at in a span of blocks, both ends included."""
        first, last = span

        for venue in self.venues:
            if venue.kind == "erc4626":
                found = _vaults(rpc, venue, last)
            else:
                created = PAIR_CREATED if venue.kind == "uniswap_v2" else POOL_CREATED
                logs = fetch_logs(rpc, [venue.factory], [created], (max(first, venue.start_block), last))
                found = (_created(venue, log) for log in logs)

            self.known |= {pool.hop: pool for pool in found}

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
        asked = {name: _questions(pool) for name, pool in self.known.items()}
        answers = iter(view.ask([question for questions in asked.values() for question in questions]))
        return {name: b"".join(next(answers) or b"" for _ in questions) for name, questions in asked.items()}

    def _from(self, token: str) -> list[tuple[str, str]]:
        return [
            (name, pool.tokens[1 - pool.tokens.index(token)]) for name, pool in self.known.items() if token in pool.sold
        ]


def _created(venue: Venue, log: Any) -> SwapPool:  # noqa: ANN401 - a log is whatever the node sends
    # A pair's log ends with how many there are, a pool's with the pool.
    data = log["data"][2:]
    address = data[24:64] if venue.kind == "uniswap_v2" else data[-40:]
    tokens = (_address(log["topics"][1]), _address(log["topics"][2]))
    return SwapPool(KINDS[venue.kind], "0x" + address.lower(), tokens, venue.fee_bps)


def _vaults(rpc: Rpc, venue: Venue, block: int) -> Iterator[SwapPool]:
    for vault in venue.vaults:
        answer = rpc.call("eth_call", {"to": vault, "data": "0x" + selector("asset()").hex()}, hex(block))
        yield SwapPool(VAULT, vault, (vault, _address(answer)), 0)


def _questions(pool: SwapPool) -> list[tuple[str, bytes]]:
    states = [(pool.address, selector(state)) for state in STATES[pool.kind]]
    held = pool.tokens[1:] if pool.kind == VAULT else pool.tokens
    return [*states, *((token, encode_balance(pool.address)) for token in held)]


def _address(word: str) -> str:
    return "0x" + word[-40:].lower()
