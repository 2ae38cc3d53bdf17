"""Reading a pool: what is asked of it in the same way by both releases, and what they refuse alike."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, TypeVar

from keeper.errors import ConfigError, DecodeError, StateError
from keeper.protocols.aave.roster import Roster
from keeper.protocols.feeds import answer
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import word
from keeper.types import Address, BlockHead, Call, PositionKey, Returned, to_checksum

T = TypeVar("T")

ACCOUNTS_PER_ROUND: Final = 64
"""Accounts reread in one round: a few thousand calls, which the shell splits further."""


def or_refuse(read: Reads[T], deployment: str) -> Reads[T]:
    """Read a deployment's contracts for the first time: what does not answer like them is a `ConfigError`."""
    try:
        return (yield from read)
    except DecodeError as error:
        raise ConfigError(
            f"deployment {deployment}: {error.message} on this chain; check addresses_provider, and the chain"
        ) from error


def refuse_strangers(assets: Collection[Address], roster: Roster) -> None:
    """`StateError` where a pool lists what no event announced: its logs are not all there."""
    strangers = [asset for asset in assets if asset not in roster.places]
    if strangers:
        names = ", ".join(to_checksum(asset) for asset in strangers)
        raise StateError(f"the pool lists reserves that no event announced: {names}")


def probed_in(head: BlockHead, roster: Roster) -> Address:
    """The asset that is looked at more closely in this block: each in turn."""
    return roster.listings[head.number % len(roster.listings)].asset


def read_whole(
    keys: Sequence[PositionKey],
    requests_of: Callable[[PositionKey], Sequence[Call]],
    account_in: Callable[[Iterator[Returned]], T],
) -> Reads[dict[PositionKey, T]]:
    """Read accounts whole, so many a round; `account_in` takes its own answers off the front."""
    found: dict[PositionKey, T] = {}
    for start in range(0, len(keys), ACCOUNTS_PER_ROUND):
        chunk = keys[start : start + ACCOUNTS_PER_ROUND]
        answers = yield from ask(*(request for key in chunk for request in requests_of(key)))
        coming = iter(answers)
        for key in chunk:
            found[key] = account_in(coming)

    return found


def number_in(returned: Returned, token: Address, *, listed: bool) -> int:
    """Read a balance; a token of a reserve that was dropped, or whose block was orphaned, may not exist."""
    if not listed and not (returned.ok and len(returned.data) == 32):
        return 0

    return word(answer(returned, "a balance", token), 0)


def held_in(returned: Returned) -> int:
    """Read what a supply token holds of its asset; nothing where the asset does not say."""
    return word(returned.data, 0) if returned.ok and len(returned.data) == 32 else 0
