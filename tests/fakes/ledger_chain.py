"""A chain of blocks and a pool in memory: takes raw transactions, mines those it is told to, and reorganises."""

# ruff: noqa: ARG002 - the port's signatures

from dataclasses import dataclass, field, replace
from functools import cache

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from web3 import Web3

from keeper.chain.phrases import Refusal
from keeper.chain.port import Receipt
from keeper.errors import SubmissionError
from keeper.types import Address, BlockHead, Returned
from tests.fakes.heads import head

WORD_80 = (80).to_bytes(32, "big")


@dataclass
class PoolTx:
    hash: bytes
    sender: Address
    nonce: int
    to: Address
    data: bytes
    max_fee_wei: int
    tip_wei: int


@dataclass
class LedgerChain:
    """`sends` keeps every raw handed over; `answer` scripts what `send_raw` says, `take` whether the pool keeps it."""

    chain_id: int = 1
    blocks: list[BlockHead] = field(default_factory=lambda: [head(100)])
    pool: dict[bytes, PoolTx] = field(default_factory=dict)
    receipts: dict[bytes, Receipt] = field(default_factory=dict)
    senders: dict[bytes, Address] = field(default_factory=dict)
    sends: list[bytes] = field(default_factory=list)
    simulations: list = field(default_factory=list)
    answer: Refusal | None = None
    take: bool = True
    simulated: dict[bytes, Returned | Exception] = field(default_factory=dict)
    wei: int = 10**18
    account_code: bytes = b""
    foreign: int = 0
    hide_receipts: bool = False

    # ChainPort ----------------------------------------------------------------------------------------------------

    async def header(self, block):
        return next((b for b in self.blocks if block in (b.number, b.hash)), None)

    async def simulate(self, call, head, hypothesis):
        self.simulations.append((call, head, hypothesis))
        found = self.simulated.get(call.data, Returned(ok=True, data=WORD_80))
        if isinstance(found, Exception):
            raise found

        return found

    async def simulate_in_turn(self, calls, head, hypothesis):
        return tuple([await self.simulate(call, head, hypothesis) for call in calls])

    async def nonce(self, account, *, pending=False):
        return self.foreign + sum(account in (None, self.senders[tx_hash]) for tx_hash in self.receipts)

    async def balance(self, account):
        return self.wei

    async def code(self, account):
        return self.account_code

    async def receipt(self, tx_hash):
        return None if self.hide_receipts else self.receipts.get(tx_hash)

    async def knows(self, tx_hash):
        return tx_hash in self.pool or tx_hash in self.receipts

    async def send_raw(self, raw):
        self.sends.append(raw)
        found = decode(raw)
        if self.take:
            place = (found.sender, found.nonce)
            self.pool = {h: t for h, t in self.pool.items() if (t.sender, t.nonce) != place}
            self.pool[found.hash] = found

        if self.answer is not None:
            raise SubmissionError(f"the node said {self.answer}", refusal=self.answer)

        return found.hash

    async def reads(self, read, head):
        raise AssertionError("sending reads nothing")

    async def logs(self, queries, from_block, head):
        raise AssertionError("sending reads no logs")

    async def close(self):
        pass

    # The test's hand ----------------------------------------------------------------------------------------------

    @property
    def head(self) -> BlockHead:
        return self.blocks[-1]

    def mine(self, *txs: bytes | PoolTx, status: int = 1, fork: int = 0, **changes) -> BlockHead:
        """Append a block with these transactions of the pool; `fork` makes its hash another one."""
        number = self.head.number + 1
        block_hash = (number + (fork << 64)).to_bytes(32, "big")
        block = head(number, hash=block_hash, parent_hash=self.head.hash, **changes)
        self.blocks.append(block)
        for index, tx in enumerate(txs):
            found = self.pool.pop(tx) if isinstance(tx, bytes) else tx
            self.senders[found.hash] = found.sender
            price = min(found.max_fee_wei, block.base_fee_wei + found.tip_wei)
            self.receipts[found.hash] = Receipt(found.hash, block.hash, number, index, status, 400_000, price, ())

        return block

    def mine_all(self, **changes) -> BlockHead:
        return self.mine(*self.pool, **changes)

    def orphan(self, depth: int) -> None:
        """Take the last blocks back; their transactions return to nowhere, as after an eviction."""
        gone = {block.hash for block in self.blocks[-depth:]}
        self.blocks = self.blocks[:-depth]
        self.receipts = {h: r for h, r in self.receipts.items() if r.block_hash not in gone}

    def move_receipt(self, tx_hash: bytes, **changes) -> None:
        self.receipts[tx_hash] = replace(self.receipts[tx_hash], **changes)


@cache
def decode(raw: bytes) -> PoolTx:
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    sender = bytes.fromhex(Account.recover_transaction(raw)[2:])
    return PoolTx(
        bytes(Web3.keccak(raw)),
        Address(sender),
        fields["nonce"],
        Address(bytes(fields["to"])),
        bytes(fields["data"]),
        fields["maxFeePerGas"],
        fields["maxPriorityFeePerGas"],
    )
