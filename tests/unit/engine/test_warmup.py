"""Starting from what was saved, or from the first log."""

from keeper.chain.logs import Page
from keeper.deployment import Deployment
from keeper.journal.records import BlockRef
from keeper.journal.state import SavedState
from keeper.protocols.base import Row
from keeper.warmup import DeploymentSource, WarmUp, save_book
from tests.fakes.counting import CountingChain, CountingSync, counting_adapter, head, key, log


class Shelf:
    """A store in memory."""

    def __init__(self):
        self.saved = {}

    def save(self, source, cursor, rows):
        kept = self.saved[source].rows if source in self.saved else ()
        merged = {row.key: row for row in (*kept, *rows)}
        self.saved[source] = SavedState(cursor, tuple(merged.values()))

    def load(self, source):
        return self.saved.get(source)

    def clear(self, source):
        del self.saved[source]


class Reader:
    """Pages of one block each; what was asked from where is kept."""

    def __init__(self, chain):
        self._chain = chain
        self.asked_from = []

    async def pages(self, queries_of, from_block, head):
        self.asked_from.append(from_block)
        for number in range(from_block, head.number + 1):
            assert queries_of()
            block = self._chain.blocks[number]
            yield Page(number, number, block.hash, list(self._chain.logs_of[block.hash]))


class Quiet:
    def __init__(self):
        self.told = []

    def update(self, name, done, total):
        self.told.append((name, done, total))


def world(blocks=3):
    chain = CountingChain()
    for number in range(1, blocks + 1):
        chain.add(head(number), log(head(number), 0, 7, number))

    return chain


async def bring(chain, shelf, at):
    sync = CountingSync()
    source = DeploymentSource(Deployment(counting_adapter(sync)), start_block=1)
    reader, progress = Reader(chain), Quiet()
    await WarmUp(chain, reader, shelf, progress).bring(source, at)
    return sync, source, reader, progress


async def test_a_first_start_reads_from_the_start_block_and_saves_page_by_page():
    chain, shelf = world(), Shelf()
    sync, _, reader, progress = await bring(chain, shelf, head(3))
    assert sync.owed == {key(7): 6}
    assert reader.asked_from == [1]
    assert shelf.saved["counting"] == SavedState(BlockRef(3, head(3).hash), (Row(bytes(key(7)), b"\x06"),))
    assert progress.told == [("counting", 1, 3), ("counting", 2, 3), ("counting", 3, 3)]


async def test_a_later_start_reads_only_what_is_missing():
    chain, shelf = world(), Shelf()
    await bring(chain, shelf, head(2))
    sync, _, reader, _ = await bring(chain, shelf, head(3))
    assert sync.owed == {key(7): 6}
    assert reader.asked_from == [3]


async def test_a_saved_state_of_an_orphaned_block_is_forgotten():
    chain, shelf = world(), Shelf()
    await bring(chain, shelf, head(3))
    chain.add(head(3, fork=1))
    sync, _, reader, _ = await bring(chain, shelf, head(3, fork=1))
    assert sync.owed == {key(7): 3}
    assert reader.asked_from == [1]


async def test_save_book_leaves_out_what_is_stopped():
    chain, shelf = world(), Shelf()
    _, source, _, _ = await bring(chain, shelf, head(3))
    source.deployment.stopped = "no prices"
    save_book(shelf, [source], head(4))
    assert shelf.saved["counting"].cursor == BlockRef(3, head(3).hash)
