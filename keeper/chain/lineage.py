"""The recent blocks of the chain we follow, by number, and how a new head follows from them.

Parents are fetched by whatever is handed in; a reorg is a head whose parent is not our last.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator

from keeper.chain.port import HeadEvent
from keeper.errors import ReorgError
from keeper.types import BlockHead

_REMEMBERED_ACROSS_A_GAP = 64

Fetch = Callable[[int | bytes], Awaitable[BlockHead | None]]


class Lineage:
    """Hashes of our chain, newest last, at most `depth` of them.

    Invariant: every hash is an ancestor of the last, so whatever links to one of them links to our chain. Numbers
    may be missing where a long gap was crossed.
    """

    def __init__(self, depth: int = 1_024) -> None:
        """Start empty."""
        self._depth = depth
        self._hashes: OrderedDict[int, bytes] = OrderedDict()
        self.last: BlockHead | None = None

    def hash_at(self, number: int) -> bytes | None:
        """The hash at a number, None where we do not remember one."""
        return self._hashes.get(number)

    def holds(self, head: BlockHead) -> bool:
        """Whether a head is one of ours: the last itself, or an ancestor told by a node that lags."""
        return self._hashes.get(head.number) == head.hash

    def oldest(self) -> int | None:
        """The lowest number remembered."""
        return next(iter(self._hashes), None)

    def newest_first(self) -> Iterator[tuple[int, bytes]]:
        """Numbers and hashes, from the last one down."""
        return iter(reversed(self._hashes.items()))

    def rewind(self, number: int) -> None:
        """Forget the blocks above a number."""
        while self._hashes and next(reversed(self._hashes)) > number:
            self._hashes.popitem()

    def prepend(self, head: BlockHead) -> None:
        """Add the parent of the oldest block remembered."""
        self._hashes[head.number] = head.hash
        self._hashes.move_to_end(head.number, last=False)

    def extend(self, head: BlockHead) -> None:
        """Add a descendant of the newest block remembered."""
        if not self._hashes and head.number > 0:
            # Known without asking: enough for the commonest reorg, of one block.
            self._hashes[head.number - 1] = head.parent_hash

        self._hashes[head.number] = head.hash
        self.last = head
        if len(self._hashes) > self._depth:
            self._hashes.popitem(last=False)


async def link(head: BlockHead, lineage: Lineage, fetch: Fetch, max_walk: int) -> HeadEvent | None:
    """Say how a head follows from our last block, and make it our last.

    None where the head was orphaned meanwhile. `ReorgError` where the chains share nothing we remember: whoever
    keeps state must read it anew.
    """
    last = lineage.last
    if last is None:
        lineage.extend(head)
        return HeadEvent(head, head.number, None, 0)

    if head.number - last.number > max_walk:
        ancestor: int | None = await _shared_by_number(lineage, fetch)
        path = await _some_parents(head, fetch, min(max_walk, _REMEMBERED_ACROSS_A_GAP))
    else:
        path = await _walk(head, lineage, fetch, max_walk)
        ancestor = path[-1].number - 1 if path else None

    if ancestor is None or not path:
        return None

    lineage.rewind(ancestor)
    for block in reversed(path):
        lineage.extend(block)

    return HeadEvent(
        head=head,
        first_new=ancestor + 1,
        reorged_to=ancestor if ancestor < last.number else None,
        skipped=head.number - ancestor - 1,
    )


async def _some_parents(head: BlockHead, fetch: Fetch, count: int) -> list[BlockHead]:
    """Fetch the nearest parents, so that the next reorg finds something to share; empty where the head is orphaned."""
    path = [head]
    for _ in range(count):
        parent = await fetch(path[-1].parent_hash)
        if parent is None:
            return []

        path.append(parent)

    return path


async def _walk(head: BlockHead, lineage: Lineage, fetch: Fetch, max_walk: int) -> list[BlockHead]:
    """Walk parents back to a block of ours; the path newest first, empty where the head was orphaned."""
    path = [head]
    while lineage.hash_at(path[-1].number - 1) != path[-1].parent_hash:
        block = path[-1]
        oldest = lineage.oldest()
        if oldest is None or block.number <= oldest or len(path) > 2 * max_walk:
            raise ReorgError(
                f"block {head.number} shares no block with the chain followed so far, looking back to {block.number}",
                block=head.number,
                looked_back_to=block.number,
            )

        parent = await fetch(block.parent_hash)
        if parent is None:
            return []

        if parent.number != block.number - 1:
            raise ReorgError(f"block {block.number} names a parent numbered {parent.number}", block=block.number)

        path.append(parent)

    return path


async def _shared_by_number(lineage: Lineage, fetch: Fetch) -> int:
    """Find the newest block of ours that is still on the chain, asking by number."""
    for number, block_hash in lineage.newest_first():
        found = await fetch(number)
        if found is not None and found.hash == block_hash:
            return number

    raise ReorgError("none of the blocks followed so far is on the chain any more", oldest=lineage.oldest())
