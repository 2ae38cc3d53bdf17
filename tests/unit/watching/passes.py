"""Finished passes for observers: made by the real engine from a mind that decides what it is told."""

from keeper.chain.port import HeadEvent
from keeper.deployment import Findings
from keeper.engine import PassSeen
from keeper.mind import Decision, Pace
from tests.fakes.counting import head


def seen(number=7, **changes):
    """A quiet pass of a block, or one that differs in what is named."""
    block = head(number)
    findings = changes.pop("findings", (Findings("aave", 1_000, 3, {}, (), ()),))
    plans = changes.pop("plans", ())
    declined = changes.pop("declined", ())
    decision = Decision(block, Pace(12).target(block), findings, plans, declined, 0)
    event = changes.pop("event", HeadEvent(block, number, None, 0))
    plain = {
        "event": event,
        "decision": decision,
        "answers": (),
        "booked": (),
        "line": {"block": number, "planned": len(plans)},
        "stopped": {},
        "held": (),
        "disarmed": None,
        "seconds": 0.02,
    }
    return PassSeen(**{**plain, **changes})
