"""Whatever the chain does, whoever follows the events ends up with exactly its blocks."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from keeper.chain.lineage import Lineage, link
from keeper.errors import ReorgError
from tests.fakes.ancestry import InMemory
from tests.fakes.node import FakeNode

# Mine so many blocks, after dropping so many, and let the follower see the head or not.
STEPS = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 12), st.booleans()), max_size=25)


@given(STEPS)
def test_link_events_rebuild_the_chain_through_any_reorgs(steps):
    asyncio.run(follow(steps))


def test_link_events_rebuild_the_chain_through_a_reorg_hidden_in_a_gap():
    # Blocks 1-4 seen; 3 and 4 replaced, 14 blocks unseen, the walk of 8 too short for it.
    asyncio.run(follow([(0, 4, True), (2, 12, False), (1, 3, True), (0, 1, True)]))


async def follow(steps):
    node, lineage = FakeNode(), Lineage()

    # As an engine does: forget what was orphaned, take the new blocks from the chain.
    ours = [node.head.hash]
    lineage.extend(node.head)
    for depth, count, seen in steps:
        if depth and len(node.blocks) > 1:
            node.reorg(min(depth, len(node.blocks) - 1))

        for _ in range(count):
            node.mine()

        if not seen or lineage.holds(node.head):
            continue

        theirs = [block.head.hash for block in node.blocks]
        shared = sum(a == b for a, b in zip(ours, theirs, strict=False))
        try:
            event = await link(node.head, lineage, InMemory(node), 8)
        except ReorgError:
            # Only what reaches back further than is remembered may end like this; then everything is read anew.
            assert len(ours) - shared > 8
            ours, lineage = theirs, Lineage()
            lineage.extend(node.head)
            for block in reversed(node.blocks[:-1]):
                lineage.prepend(block.head)

            continue

        assert event.reorged_to == (shared - 1 if shared < len(ours) else None)
        assert event.first_new == shared
        assert event.skipped == event.head.number - event.first_new
        ours = ours[: event.first_new] + theirs[event.first_new :]

        assert ours == theirs
