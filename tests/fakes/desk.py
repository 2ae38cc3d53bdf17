"""A whole desk over a chain in memory: real signer, real journal, real tracker."""

from dataclasses import dataclass, field

from eth_account import Account

from keeper.execution.account import OperatorAccount
from keeper.execution.booking import Bookkeeper, Settled
from keeper.execution.causes import Result
from keeper.execution.desk import Desk, DryRun, Live
from keeper.execution.lane import Lane
from keeper.execution.outbox import Outbox
from keeper.execution.signer import LocalSigner, SigningPolicy
from keeper.execution.simulate import Simulator
from keeper.execution.submit import PublicPool
from keeper.execution.track import Tracker
from keeper.journal.queries import report_rows
from keeper.journal.store import Journal, RunInfo
from keeper.types import Address
from keeper.units import GWEI
from tests import canary
from tests.fakes.ledger_chain import LedgerChain
from tests.fakes.limits import FakeLimits
from tests.fakes.plans import EXECUTOR, NATIVE_USD, POLICIES, SELECTOR

ACCOUNT = Account.from_key(canary.KEY)
OPERATOR = Address(bytes.fromhex(ACCOUNT.address[2:]))
RUN = RunInfo("0.1.0", "c0ffee", 1_700_000_000, {"market": "aave_v3"})
CONFIRMATIONS = 3


@dataclass
class ExpectedSettler:
    """Says that everything went as expected, unless told otherwise."""

    answer: object = None
    asked: list = field(default_factory=list)

    async def settle(self, plan, receipt, block):
        self.asked.append((plan, receipt, block))
        if isinstance(self.answer, Exception):
            raise self.answer

        if self.answer is not None:
            return self.answer

        expected = Result(plan.expected, plan.profit)
        return Settled(expected, expected, touched_before=False)


def explain(deployment, data):
    return f"{deployment}: 0x{data.hex()}"


class Office:
    """`desk` and everything it stands on; `reopen` is what a restart does. `outbox` and so on are the first lane's.

    `signer` makes a lane's signer of its account and its policy.
    """

    def __init__(
        self,
        folder,
        *,
        live=True,
        chain=None,
        settler=None,
        channel=None,
        accounts=(ACCOUNT,),
        signer=LocalSigner,
        place=None,
    ):
        self.path = place or folder / "keeper.db"
        self.live = live
        self.chain = chain or LedgerChain()
        self.settler = settler or ExpectedSettler()
        self.channel = channel
        self.accounts = accounts
        self.signer = signer
        self.limits = FakeLimits()
        self._open()

    def _open(self):
        self.journal = Journal(self.path, live=self.live, chain_id=1, run=RUN)
        self.lanes = tuple(map(self._make_lane, self.accounts))
        self.lane = self.lanes[0]
        self.outbox, self.tracker = self.lane.outbox, self.lane.tracker
        means = Live(self.lanes, self.limits) if self.live else DryRun(self.limits)
        self.desk = Desk(self.journal, Simulator(self.chain, OPERATOR, explain), POLICIES, means)

    def _make_lane(self, account):
        signer = self.signer(account, SigningPolicy(1, frozenset({EXECUTOR}), frozenset({SELECTOR}), 500 * GWEI))
        channel = self.channel or PublicPool(self.chain)
        outbox = Outbox(signer, channel, self.journal, self.limits, max_fee_wei=500 * GWEI)
        bookkeeper = Bookkeeper(self.chain, self.journal, self.settler, explain)
        tracker = Tracker(self.chain, outbox, self.journal, bookkeeper, confirmations=CONFIRMATIONS)
        return Lane(OperatorAccount(self.chain, self.journal, signer.address, warning_days=7), outbox, tracker)

    async def reopen(self):
        """Start again on the same file, as after a crash or a stop."""
        self.journal.close()
        self._open()
        await self.desk.arm()

    async def execute(self, *plans):
        return await self.desk.execute(plans, self.chain.head, NATIVE_USD)

    async def track(self):
        return await self.desk.track(self.chain.head)

    def report(self):
        return [row for row in report_rows(self.journal._database._connection) if row["status"] != "declined"]

    def statuses(self):
        return [row["status"] for row in self.report()]

    def states(self):
        """State of every transaction, oldest first."""
        rows = self.journal._database.read("SELECT status FROM transactions ORDER BY seq")
        return [row["status"] for row in rows]

    def rows(self, table):
        return [dict(row) for row in self.journal._database.read(f"SELECT * FROM {table}")]  # noqa: S608 - the test's own text

    def close(self):
        self.journal.close()
