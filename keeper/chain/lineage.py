"""The recent blocks of the chain we follow, by number, and how a new head follows from them.

Parents are fetched by whatever is handed in; a reorg is a head whose parent is not our last.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Protocol

from keeper.chain.port import HeadEvent
from keeper.errors import ReorgError
from keeper.types import BlockHead


class Ancestry(Protocol):
    """Where headers come from."""

    async def header(self, block: int | bytes) -> BlockHead | None:
        """Fetch a header by number or hash; None where the chain has no such block."""
        ...

    async def ancestors(self, head: BlockHead, count: int) -> list[BlockHead]:
        """Fetch up to `count` ancestors, nearest first; fewer where the chain no longer leads to this head."""
        ...


class Lineage:
    """Hashes of our chain, newest last, at most `depth` of them.

    Invariant: the hashes are those of consecutive blocks, so whatever links to one of them links to our chain.
    """

    def __init__(self, depth: int = 1_024) -> None:
        """Start empty."""
        self.depth = depth
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
        return reversed(list(self._hashes.items()))

    def rewind(self, number: int) -> None:
        """Forget the blocks above a number."""
        while self._hashes and next(reversed(self._hashes)) > number:
            self._hashes.popitem()

    def prepend(self, head: BlockHead) -> None:
        """Add the parent of the oldest block remembered."""
        self._hashes[head.number] = head.hash
        self._hashes.move_to_end(head.number, last=False)

    def extend(self, head: BlockHead) -> None:
        """Add a child of the newest block remembered, or start anew after a gap too long to remember."""
        if self._hashes and next(reversed(self._hashes)) != head.number - 1:
            self._hashes.clear()

        if not self._hashes and head.number > 0:
            # Known without asking: enough for the commonest reorg, of one block.
            self._hashes[head.number - 1] = head.parent_hash

        self._hashes[head.number] = head.hash
        self.last = head
        if len(self._hashes) > self.depth:
            self._hashes.popitem(last=False)


async def link(head: BlockHead, lineage: Lineage, chain: Ancestry, max_walk: int) -> HeadEvent | None:
    """Say how a head follows from our last block, and make it our last.

    None where the head was orphaned meanwhile. `ReorgError` where the chains share nothing we remember: whoever
    keeps state must read it anew.
    """
    last = lineage.last
    if last is None:
        lineage.extend(head)
        return HeadEvent(head, head.number, None, 0)

    if head.number - last.number > max_walk:
        path, ancestor = await _leap(head, lineage, chain)
    else:
        path = await _walk(head, lineage, chain, max_walk)
        ancestor = path[-1].number - 1 if path else 0

    if not path:
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


async def _walk(head: BlockHead, lineage: Lineage, chain: Ancestry, max_walk: int) -> list[BlockHead]:
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

        parent = await chain.header(block.parent_hash)
        if parent is None:
            return []

        if parent.number != block.number - 1:
            raise ReorgError(f"block {block.number} names a parent numbered {parent.number}", block=block.number)

        path.append(parent)

    return path


async def _leap(head: BlockHead, lineage: Lineage, chain: Ancestry) -> tuple[list[BlockHead], int]:
    """Cross a long gap by number: what is to be remembered, newest first, and the number of the shared block.

    Nothing to remember where the head was orphaned.
    """
    for number, block_hash in lineage.newest_first():
        found = await chain.header(number)
        if found is None or found.hash != block_hash:
            continue

        between = head.number - number - 1
        count = min(between, lineage.depth)
        path = [head, *await chain.ancestors(head, count)]
        is_whole = len(path) == count + 1 and (count < between or path[-1].parent_hash == block_hash)
        return (path if is_whole else []), number

    raise ReorgError("none of the blocks followed so far is on the chain any more", oldest=lineage.oldest())
