"""The keeper dies at any line, any number of times: nothing is sent twice, forgotten, or booked wrong.

The chain loses requests and answers, refuses, evicts and reorganises meanwhile. One integer reproduces a run.
"""

import random
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from keeper.chain.phrases import Refusal
from keeper.journal.queries import report_rows
from tests.fakes.desk import CONFIRMATIONS, NATIVE_USD, Office
from tests.fakes.heads import target
from tests.fakes.ledger_chain import LedgerChain, decode
from tests.fakes.plans import EXECUTOR, make_plan

POSITIONS = 4
BUSY_HEADS = 12
PATIENCE = 200


class Crash(BaseException):
    """The process is gone: nothing may catch it."""


class Fuse:
    """Burns at the n-th step; a step is a call of the chain, or a commit of the journal, from before or from after."""

    def __init__(self):
        self.left = None

    def step(self):
        if self.left is None:
            return

        self.left -= 1
        if self.left < 0:
            self.left = None
            raise Crash


class FlakyChain(LedgerChain):
    """Liquidates a position once; loses requests and answers, refuses, reorganises and forgets its pool."""

    def __init__(self, rng, fuse):
        super().__init__()
        self.rng = rng
        self.fuse = fuse
        self.journal_path = None
        self.calm = False
        self.reorganises = rng.random() < 0.5

    async def send_raw(self, raw):
        self.fuse.step()
        self.must_be_durable(raw)
        luck = 1.0 if self.calm else self.rng.random()
        self.answer, self.take = None, True
        if decode(raw).nonce < await self.nonce(None):
            self.answer, self.take = Refusal.NONCE_TOO_LOW, False
        elif luck < 0.1:
            self.answer = Refusal.AMBIGUOUS
        elif luck < 0.2:
            self.answer, self.take = Refusal.AMBIGUOUS, False
        elif luck < 0.3:
            self.answer, self.take = Refusal.REJECTED, False

        try:
            return await super().send_raw(raw)
        finally:
            self.fuse.step()

    def must_be_durable(self, raw):
        """Look from outside, as a restart would: the bytes that are leaving are in the journal's file."""
        with closing(sqlite3.connect(self.journal_path)) as outside:
            assert outside.execute("SELECT count(*) FROM transactions WHERE raw = ?", (raw,)).fetchone() == (1,)

    async def nonce(self, account, *, pending=False):
        self.fuse.step()
        return await super().nonce(account, pending=pending)

    async def receipt(self, tx_hash):
        self.fuse.step()
        return await super().receipt(tx_hash)

    async def simulate(self, call, head, hypothesis):
        self.fuse.step()
        return await super().simulate(call, head, hypothesis)

    def liquidated(self):
        """Positions, each with how many transactions liquidated it and how many came too late for it."""
        done, late = Counter(), Counter()
        for tx_hash, receipt in self.receipts.items():
            tx = self.seen[tx_hash]
            if tx.to == EXECUTOR:
                (done if receipt.status else late)[index_of(tx.data)] += 1

        return done, late

    @property
    def seen(self):
        return {found.hash: found for found in map(decode, self.sends)}

    def advance(self):
        """One more block, after what may go wrong with the last ones."""
        if self.reorganises and not self.calm and self.rng.random() < 0.1 and len(self.blocks) > CONFIRMATIONS:
            depth = self.rng.randrange(1, CONFIRMATIONS)
            evicted = {h for h, r in self.receipts.items() if r.block_number > self.head.number - depth}
            self.pool |= {h: self.seen[h] for h in evicted if self.rng.random() < 0.7}
            self.orphan(depth)

        if not self.calm and self.rng.random() < 0.1:
            self.pool.clear()

        wanted = self.rng.random() < 0.7 or self.calm
        ready, following = [], len(self.receipts)
        for tx in sorted(self.pool.values(), key=lambda tx: tx.nonce):
            if tx.nonce == following and wanted:
                ready.append(tx)
                following += 1

        done, _ = self.liquidated()
        block = self.mine(*[tx.hash for tx in ready], fork=self.rng.randrange(1 << 30))
        for tx in ready:
            if tx.to == EXECUTOR:
                worked = not done[index_of(tx.data)] and block.number <= last_block_of(tx.data)
                done[index_of(tx.data)] += worked
                self.move_receipt(tx.hash, status=int(worked))


def index_of(data):
    return int.from_bytes(data[4:36], "big")


def last_block_of(data):
    return int.from_bytes(data[36:68], "big")


class Crashing:
    """The office of a keeper that dies; what the engine does with it at each head."""

    def __init__(self, folder, seed):
        self.rng = random.Random(seed)
        self.fuse = Fuse()
        self.chain = FlakyChain(self.rng, self.fuse)
        self.chain.journal_path = folder / "keeper.db"
        self.office = Office(folder, chain=self.chain)
        self.crashes = 0
        self._arm_the_journal()

    def _arm_the_journal(self):
        write = self.office.journal._database.write
        fuse = self.fuse

        class Write:
            def __enter__(self):
                fuse.step()
                self.inner = write()
                return self.inner.__enter__()

            def __exit__(self, *error):
                swallowed = self.inner.__exit__(*error)
                fuse.step()
                return swallowed

        self.office.journal._database.write = Write

    async def one_pass(self, *, planning):
        try:
            if self.office.desk.disarmed == "not armed yet":
                await self.office.desk.arm()

            await self.office.desk.track(self.chain.head)
            if planning:
                await self.office.desk.execute(self.make_plans(), self.chain.head, NATIVE_USD)
        except Crash:
            self.restart()
        except BaseExceptionGroup as group:  # from a task of a group
            if group.split(Crash)[1] is not None:
                raise

            self.restart()

    def restart(self):
        self.crashes += 1
        self.office.journal.close()
        self.office._open()
        self._arm_the_journal()

    def make_plans(self):
        """As the engine does: what can be liquidated and is not in flight."""
        head = self.chain.head
        done, _ = self.chain.liquidated()
        busy = {index_of(b"\0\0\0\0" + bytes(12) + key) for _, key in self.office.desk.in_flight(head)}
        plans = []
        for index in range(1, POSITIONS + 1):
            if not done[index] and index not in busy:
                # Named by what it does and the head: made again on the same head, it is the same plan.
                name = f"{head.hash.hex()}-{index}"
                plan = make_plan(index, target(head.number + 1), id=name)
                data = plan.data + plan.max_block.to_bytes(32, "big")
                plans.append(make_plan(index, target(head.number + 1), id=name, data=data))

        return plans

    async def run(self):
        for _ in range(BUSY_HEADS):
            if self.rng.random() < 0.6:
                self.fuse.left = self.rng.randrange(40)

            before = self.crashes
            await self.one_pass(planning=True)
            if self.crashes > before and self.rng.random() < 0.5:
                await self.one_pass(planning=True)  # back before the next block came

            self.chain.advance()

        self.fuse.left = None
        self.chain.calm = True
        for _ in range(PATIENCE):
            await self.one_pass(planning=False)
            records = self.office.journal.transactions.open(self.office.outbox.sender)
            if not records and not self.chain.pool:
                return

            self.chain.advance()

        raise AssertionError(f"never came to rest: {records}")


def check(world):
    """Compare chain and journal, by what they say and not by what the keeper says."""
    chain, office = world.chain, world.office
    sent = {found.hash for found in map(decode, chain.sends)}
    signed = {bytes.fromhex(row["hash"][2:]): row for row in office.rows("transactions")}
    assert sent <= set(signed), "something left that the journal does not know"

    _, late = chain.liquidated()
    reasons = {h: r for h, r in chain.receipts.items() if chain.seen[h].to == EXECUTOR and not r.status}
    doubles = [h for h, r in reasons.items() if r.block_number <= last_block_of(chain.seen[h].data)]
    # A reorg may lower the height below a last block that had passed: then two are valid, and the second only reverts.
    assert chain.reorganises or not doubles, f"a position was liquidated twice at once: {late}"

    booked = {(row["tx_hash"], row["block_hash"], row["status"]) for row in office.rows("outcomes") if row["canonical"]}
    mined = set()
    for tx_hash, receipt in chain.receipts.items():
        plan = chain.seen[tx_hash].to == EXECUTOR
        status = ("landed" if receipt.status else "reverted") if plan else "expired"
        mined.add(("0x" + tx_hash.hex(), "0x" + receipt.block_hash.hex(), status))

    assert booked == mined, "the bookings are not what is on the chain"

    nonces = sorted(chain.seen[tx_hash].nonce for tx_hash in chain.receipts)
    assert nonces == list(range(len(nonces))), "a nonce was left out or used twice"

    unfinished = {"planned", "signed", "sent"}
    with closing(sqlite3.connect(chain.journal_path)) as outside:
        outside.row_factory = sqlite3.Row
        assert not [row for row in report_rows(outside) if row["status"] in unfinished], "a plan was forgotten"

    assert office.desk.disarmed is None, office.desk.disarmed


async def run_seed(folder, seed):
    folder.mkdir()
    world = Crashing(folder, seed)
    try:
        await world.run()
        await world.one_pass(planning=False)
        check(world)
    finally:
        world.office.close()

    return world


@pytest.mark.parametrize("batch", range(5))
async def test_crashes_anywhere_lose_and_double_nothing(tmp_path, random_seed, batch):
    crashes = 0
    for seed in range(random_seed + 10 * batch, random_seed + 10 * batch + 10):
        try:
            crashes += (await run_seed(tmp_path / str(seed), seed)).crashes
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error

    assert crashes > 10, "the fuse did not burn: nothing was shown"


@pytest.mark.full
@pytest.mark.parametrize("batch", range(10))
@pytest.mark.timeout(1_200)
async def test_a_thousand_crashing_runs_lose_and_double_nothing(tmp_path, random_seed, batch):
    for seed in range(random_seed + 100 * batch, random_seed + 100 * batch + 100):
        try:
            await run_seed(tmp_path / str(seed), seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
