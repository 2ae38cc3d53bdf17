"""Price feeds that anyone on the local chain may set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keeper.sandbox.artifact import Artifact
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.types import Address

FEED_DECIMALS: Final = 8
DOLLAR: Final = 10**FEED_DECIMALS
UPDATE_GAS: Final = 150_000


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as protocols read it, and the aggregator behind it, which emits the answers."""

    proxy: Address
    aggregator: Address


def deploy_feed(chain: LocalChain, own: Mapping[str, Artifact], pair: str, answer: int) -> Feed:
    """Deploy a feed such as "ETH / USD"; the answer has 8 decimals."""
    aggregator = chain.deploy(own["SandboxAggregator"], FEED_DECIMALS, pair, answer)
    return Feed(chain.deploy(own["SandboxFeed"], aggregator), aggregator)


def price_update(chain: LocalChain, feed: Feed, answer: int) -> Transaction:
    """Write down the transaction that publishes an answer in the feed's own decimals, now."""
    return chain.transaction(feed.aggregator, "setAnswer(int256)", answer, gas=UPDATE_GAS)


def set_price(chain: LocalChain, feed: Feed, answer: int) -> None:
    """Publish an answer with 8 decimals."""
    chain.execute(price_update(chain, feed, answer))


def price(chain: LocalChain, feed: Feed) -> int:
    """Read the latest answer, 8 decimals."""
    return int(chain.call(feed.proxy, "latestAnswer()(int256)"))
