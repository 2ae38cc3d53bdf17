"""A town of borrowers on a market built from numbers, and one block after another without a chain."""

from keeper.alerting.desk import AlertDesk, Manners
from keeper.alerting.keeper_events import KeeperEvents
from keeper.alerting.margins import MarginWatch
from keeper.alerting.observer import Alerting
from keeper.alerting.watchlist import Watchlist, write_watchlist
from keeper.alerting.wording import Wording
from keeper.chain.port import HeadEvent
from keeper.deployment import Deployment
from keeper.engine import PassSeen
from keeper.margin.state import DEFAULT_MARGIN_CALL_WAD
from keeper.mind import Decision
from keeper.protocols.aave_v3 import build
from keeper.types import Address, PositionKey
from keeper.units import WAD
from tests.fakes import aave_v3_market as aave

WETH, USDC = 0, 1
NAME = "aave"
NOON = 1_700_049_600
"""Unix s of a noon, UTC: outside the quiet hours of the tests."""


def key_of(number):
    return PositionKey(number.to_bytes(20, "big"))


class Mailbox:
    """A channel that takes everything at once, or nothing."""

    def __init__(self, taken, *, dead=False):
        self.messages = []
        self._taken, self._dead = taken, dead

    def offer(self, message):
        if self._dead:
            return False

        self.messages.append(message)
        self._taken.put(message)
        return True


class Town:
    """Each account holds one WETH at a threshold of 83 % and owes so many USDC."""

    def __init__(self, debts, price=2_000):
        self.accounts = {
            key_of(number): aave.account({WETH: WAD}, {USDC: int(debt * 10**6)}) for number, debt in debts.items()
        }
        self.deployment = Deployment(build(NAME, aave.asset(9)))
        self.block, self.config = 100, aave.word()
        self.now = NOON
        self.move(price)
        for row in self.deployment.adapter.health.rows(None, self.deployment.market):
            self.deployment.skin.upsert(row)

    def market(self, price):
        reserves = [
            aave.reserve(WETH, int(price * aave.DOLLAR), self.config),
            aave.reserve(USDC, aave.DOLLAR, aave.word(decimals=6)),
        ]
        head, target = aave.head(self.block, aave.NOW), aave.target(aave.NOW, number=self.block + 1)
        return aave.market(reserves, self.accounts, head=head, target=target)

    def move(self, price):
        """Let the price be this in the next block."""
        self.block += 1
        self.deployment.market = self.market(price)

    def seen(self, **changes):
        """A pass over the block as it is."""
        market = self.deployment.market
        decision = Decision(market.head, market.target, (self.deployment.findings(),), (), (), 0)
        event = HeadEvent(market.head, self.block, None, 0)
        plain = {
            "event": event,
            "answers": (),
            "booked": (),
            "line": {},
            "stopped": {},
            "held": (),
            "disarmed": None,
            "seconds": 0.0,
        }
        return PassSeen(decision=decision, **(plain | changes))

    def open(self, journal, taken, recipients, folder, watched=(), manners=None):
        """What a run opens: the alerts of this town, with these accounts followed."""
        path = folder / "watchlist"
        if watched:
            write_watchlist(path, {Address(bytes(key)): label for key, label in dict(watched).items()})

        standings = journal.margins.standings()
        manners = manners or Manners(max_per_hour=20, repeat_after_s=21_600)
        desk = AlertDesk(journal.margins, journal.run, manners, (recipients, taken), self.now)
        calls = {NAME: DEFAULT_MARGIN_CALL_WAD}
        return Alerting(
            deployments=(self.deployment,),
            margin_calls_wad=calls,
            watch=MarginWatch((self.deployment,), calls, standings),
            watchlist=Watchlist(path),
            desk=desk,
            events=KeeperEvents(live=False, has_profited=desk.was_said_of("first_profit")),
            wording=Wording({}),
            clock=lambda: self.now,
            is_new=not standings,
        )
