"""An adapter that follows a local chain block by block, the way the engine would, in a few synchronous lines."""

from eth_utils.address import to_checksum_address

from keeper.protocols.aave_v3 import build
from keeper.protocols.aave_v3.observation import read_accounts
from keeper.types import BlockTarget
from tests.parity.aave_v3_lab import as_log, block_head, drive_batched, hexed, read_at

START = 0


class Follower:
    """An adapter bootstrapped at the head it is made at, and brought up to each later head by `advance`."""

    def __init__(self, chain, aave, *, from_block=START):
        self.chain, self.aave = chain, aave
        self.adapter = build("followed", aave.addresses_provider)
        self.sync = self.adapter.sync
        self.next_block = from_block
        self.touched = set()
        self.run(self.sync.bootstrap(self.head()))
        self.market = self.advance()

    def head(self, block="latest"):
        return block_head(self.chain.node.rpc("eth_getBlockByNumber", block, False))

    def run(self, read, head=None):
        return drive_batched(read, read_at(self.chain, hexed((head or self.head()).hash)))

    def advance(self, target=None):
        """Apply the logs up to the head, then freeze its market, projected to the head's own time by default."""
        head = self.head()
        queries = self.sync.sources() if head.number >= self.next_block else ()
        while queries:
            logs = self.logs(queries, self.next_block, head.number)
            applied = self.sync.apply(logs)
            self.touched |= applied.touched
            queries = applied.new_sources

        self.next_block = head.number + 1
        target = target or BlockTarget(head.number, head.timestamp, head.base_fee_wei, head.timestamp)
        self.market = self.run(self.sync.observe(head, target), head)
        return self.market

    def logs(self, queries, first, last):
        found = {}
        for query in queries:
            topics = [[hexed(t) for t in place] or None for place in query.topics]
            asked = {"fromBlock": hex(first), "toBlock": hex(last), "topics": topics}
            if query.addresses:
                asked["address"] = [to_checksum_address(a) for a in query.addresses]

            for log in self.chain.node.rpc("eth_getLogs", asked):
                found[int(log["blockNumber"], 16), int(log["logIndex"], 16)] = as_log(log)

        return [found[place] for place in sorted(found)]

    def accounts_on_chain(self, keys):
        return self.run(read_accounts(self.sync._contracts, self.sync._kept.roster, self.sync._ids, sorted(keys)))
