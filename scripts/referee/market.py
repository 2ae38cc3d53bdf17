"""The deployment and its pools as the referee finds them: by itself, from logs and from the contracts' own answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from referee.abi import as_address, as_int, as_list, encode, selector, topic
from referee.chain import View, fetch_logs
from referee.errors import RefereeError
from referee.manifest import Manifest
from referee.rpc import Rpc

BORROW = topic("Borrow(address,address,address,uint256,uint8,uint256,uint16)")
POOL_CREATED = topic("PoolCreated(address,address,uint24,int24,address)")
NO_ADDRESS = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class Reserve:
    """One asset of the deployment."""

    token: str
    a_token: str
    v_token: str
    decimals: int


@dataclass(frozen=True, slots=True)
class SwapPool:
    """One pool of a venue."""

    address: str
    tokens: tuple[str, str]


@dataclass(slots=True)
class Market:
    """What is known of the deployment; borrowers and pools are only added, reserves read again when listed anew."""

    lender: str
    oracle: str
    price_unit: int
    reserves: dict[str, Reserve]
    borrowers: dict[str, None] = field(default_factory=dict)
    pools: dict[str, SwapPool] = field(default_factory=dict)

    def learn(self, logs: Iterable[Any]) -> None:
        """Take in new borrowers and new pools."""
        for log in logs:
            topics = log["topics"]

            if topics[0] == BORROW:
                self.borrowers["0x" + topics[2][-40:].lower()] = None
            elif topics[0] == POOL_CREATED:
                address = "0x" + log["data"][-40:].lower()
                tokens = ("0x" + topics[1][-40:].lower(), "0x" + topics[2][-40:].lower())
                self.pools[address] = SwapPool(address, tokens)

    def routes(self, token: str, wanted: str) -> list[tuple[str, ...]]:
        """Return every way to sell a token for another: each direct pool, and two hops through any connector."""
        found: list[tuple[str, ...]] = []

        for first, middle in self._from(token):
            if middle == wanted:
                found.append((first,))
                continue

            found.extend((first, second) for second, other in self._from(middle) if other == wanted)

        return found

    def _from(self, token: str) -> list[tuple[str, str]]:
        return [
            (pool.address, pool.tokens[1 - pool.tokens.index(token)])
            for pool in self.pools.values()
            if token in pool.tokens
        ]


def open_market(view: View, manifest: Manifest) -> Market:
    """Read the deployment at a block; raises RefereeError where it is not an Aave V3 deployment priced in USD."""
    provider = manifest.addresses_provider
    found = view.must([(provider, encode("getPool()")), (provider, encode("getPriceOracle()"))])
    lender, oracle = map(as_address, found)
    unit, currency, listed = view.must(
        [
            (oracle, encode("BASE_CURRENCY_UNIT()")),
            (oracle, encode("BASE_CURRENCY()")),
            (lender, encode("getReservesList()")),
        ]
    )

    if as_address(currency) != NO_ADDRESS:
        message = f"the oracle {oracle} does not price in USD: its base currency is {as_address(currency)}"
        raise RefereeError(message)

    return Market(lender, oracle, as_int(unit), read_reserves(view, lender, listed))


def read_reserves(view: View, lender: str, listed: bytes) -> dict[str, Reserve]:
    """Read the tokens of every listed reserve."""
    tokens = ["0x" + value.to_bytes(20, "big").hex() for value in as_list(listed)]
    data = view.must([(lender, encode("getReserveData(address)", token)) for token in tokens])
    decimals = view.must([(token, selector("decimals()")) for token in tokens])
    return {
        token: Reserve(token, as_address(words, 8), as_address(words, 10), as_int(places))
        for token, words, places in zip(tokens, data, decimals, strict=True)
    }


def learn_span(rpc: Rpc, market: Market, manifest: Manifest, span: tuple[int, int]) -> None:
    """Take in the borrowers and pools of a span of blocks, both ends included."""
    first, last = span
    market.learn(fetch_logs(rpc, [market.lender], [BORROW], (max(first, manifest.start_block), last)))

    for venue in manifest.venues:
        market.learn(fetch_logs(rpc, [venue.factory], [POOL_CREATED], (max(first, venue.start_block), last)))


def learn_block(rpc: Rpc, market: Market, factories: Sequence[str], number: int) -> None:
    """Take in the borrowers and pools of one block."""
    market.learn(fetch_logs(rpc, [market.lender, *factories], [[BORROW, POOL_CREATED]], (number, number)))
