"""One life of the keeper in a process of its own: real journal, keys, desk, node; it plans what the chain calls open.

A life is told to go through the newest head, and says when it has; or it is gone.
"""

import asyncio
import gc
import json
import logging
import os
import select
import signal
import sys
import traceback
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import structlog
from eth_account import Account

from keeper.chain.live import ChainSettings, open_chain
from keeper.config.urls import parse_rpc_url
from keeper.execution.bidding import next_base_fee
from keeper.protocols.reads import ask
from keeper.types import Address, BlockTarget, StorageAt
from tests.fakes.desk import Office
from tests.fakes.plans import EXECUTOR, NATIVE_USD, apart
from tests.faults.kill.points import Kind, lay
from tests.faults.kill.sabotage import SABOTAGES

VALID_BLOCKS = 3
GROUPS = 3
"""Positions of one group share what they touch, and so a key."""


@dataclass(frozen=True)
class Estate:
    """What the lives of one run have in common: a folder, a node, two keys, and the first of its positions."""

    folder: Path
    url: str
    secrets: tuple[bytes, ...]
    first_position: int
    sabotage: str | None = None

    @cached_property
    def accounts(self):
        return tuple(map(Account.from_key, self.secrets))

    @cached_property
    def senders(self):
        return tuple(Address(bytes.fromhex(account.address[2:])) for account in self.accounts)


class Life:
    """A child process; `step` is False once it is dead. Whoever starts it must have no threads."""

    def __init__(self, estate, death):
        self._death = death
        asked, self._ask = os.pipe()
        self._told, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._ask)
            os.close(self._told)
            os._exit(_live(estate, death, (asked, tell)))

        os.close(asked)
        os.close(tell)
        self.answer = {}
        self.error = None
        self.is_dead = False

    def step(self, positions):
        """Let it go through the newest head with so many positions about; False where it died on the way."""
        os.write(self._ask, bytes([positions]))
        limit_s = self._death.count / 1000 if self._death.kind is Kind.CLOCK else None
        if not select.select([self._told], [], [], limit_s)[0]:
            os.kill(self.pid, signal.SIGKILL)

        line = os.read(self._told, 65_536)
        if not line:
            self._bury()
            return False

        self.answer = json.loads(line)
        return True

    def end(self):
        if not self.is_dead:
            os.kill(self.pid, signal.SIGKILL)
            self._bury()

    def _bury(self):
        _, status = os.waitpid(self.pid, 0)
        os.close(self._ask)
        os.close(self._told)
        self.is_dead = True
        if not os.WIFSIGNALED(status):
            self.error = f"the keeper ended by itself, with {os.waitstatus_to_exitcode(status)}"


def _live(estate, death, pipes):
    gc.disable()  # it would copy every page it looks at, for a life of a second
    try:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        asyncio.run(_main(estate, death, pipes))
    except BaseException:  # noqa: BLE001 - whatever it is, it is this life's last word
        traceback.print_exc(file=sys.stderr)
        return 3

    return 0


async def _main(estate, death, pipes):
    asked, tell = pipes
    chain = await open_chain(ChainSettings(1, [parse_rpc_url(estate.url)]))
    # Told before anything is touched: the journal's own opening is part of a life.
    known = os.read(asked, 1)
    office = Office(estate.folder, chain=chain, accounts=estate.accounts)
    if estate.sabotage is not None:
        SABOTAGES[estate.sabotage](office)

    lay(death, office)
    await office.desk.arm()
    while known:
        await _one_pass(office, estate, known[0])
        waiting = sum(len(office.journal.transactions.open(sender)) for sender in estate.senders)
        os.write(tell, json.dumps({"open": waiting, "disarmed": [lane.disarmed for lane in office.lanes]}).encode())
        known = os.read(asked, 1)


async def _one_pass(office, estate, positions):
    head = await office.chain.latest()
    await office.desk.track(head)
    if positions:
        first = estate.first_position
        plans = await _plans(office, head, range(first, first + positions))
        await office.desk.execute(plans, head, NATIVE_USD)


async def _plans(office, head, positions):
    """As the engine does: what can be liquidated and is not in flight; the same plan when made again on a head."""
    marks = await office.chain.reads(ask(*(StorageAt(EXECUTOR, index) for index in positions)), head)
    busy = {int.from_bytes(key) for _, key in office.desk.in_flight(head)}
    at = BlockTarget(head.number + 1, head.timestamp + 12, next_base_fee(head), head.timestamp + 3_600)
    found = []
    for index, mark in zip(positions, marks, strict=True):
        if int.from_bytes(mark.data) == 0 and index not in busy:
            name = f"{head.hash.hex()}-{index}"
            plan = apart(index, index % GROUPS, at, id=name, max_block=head.number + VALID_BLOCKS)
            found.append(replace(plan, data=plan.data + plan.max_block.to_bytes(32, "big")))

    return found
