"""The bid with the greatest expected value, from what past winners paid and what losing has cost; pure.

Bids are counted in basis points of a plan's room: the tip per gas at which it would keep just what its policy asks. So
what was learned from a large position says something about a small one.
"""

from dataclasses import dataclass
from typing import Final

from keeper.units import BPS, bps_down

SEEN_AT_LEAST: Final = 8
"""Winners needed before they are believed; until then the starting share is bid."""


@dataclass(frozen=True, slots=True)
class ExpectedValue:
    """Bid what pays most on average, starting from a share of the room and never past the greatest one, in bps."""

    start_share_bps: int
    max_share_bps: int


@dataclass(frozen=True, slots=True)
class Experience:
    """What past auctions on a deployment taught.

    `winning_bps` is what winners offered of the room we had, one entry for each time we lost. `lost` counts our own
    transactions that did not win, `charged` those of them that were mined all the same, `charged_gas` what these used.
    """

    winning_bps: tuple[int, ...] = ()
    lost: int = 0
    charged: int = 0
    charged_gas: int = 0


NO_EXPERIENCE: Final = Experience()


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a plan is worth: profit after the base fee and its gas, and per gas the base fee and the room, in wei."""

    left_wei: int
    gas: int
    base_fee_wei: int
    room_wei: int


def best_tip(prospect: Prospect, policy: ExpectedValue, experience: Experience) -> int | None:
    """Choose the tip per gas, in wei, rounded down; None where every bid loses money on average.

    P(win | bid) x profit - P(charged | lost) x cost, over bids just above each known winner's. Chances are counted
    with one win and one loss added, so that no bid is ever certain. Of equals the cheapest.
    """
    if len(experience.winning_bps) < SEEN_AT_LEAST:
        return bps_down(prospect.room_wei, min(policy.start_share_bps, policy.max_share_bps))

    shares = {0, *(min(winner + 1, policy.max_share_bps, BPS) for winner in experience.winning_bps)}
    ranked = sorted((-_value(prospect, share, experience), share) for share in shares)
    value, share = -ranked[0][0], ranked[0][1]
    return bps_down(prospect.room_wei, share) if value > 0 else None


def _value(prospect: Prospect, share_bps: int, experience: Experience) -> int:
    """Expected value in wei, times both denominators of the chances: comparable, and exact."""
    tip = bps_down(prospect.room_wei, share_bps)
    seen = len(experience.winning_bps)
    wins = 1 + sum(winner < share_bps for winner in experience.winning_bps)
    charged, lost = 1 + experience.charged, 2 + experience.lost
    gained = prospect.left_wei - tip * prospect.gas
    cost = _lost_gas(prospect, experience) * (prospect.base_fee_wei + tip)
    return wins * lost * gained - (seen + 2 - wins) * charged * cost


def _lost_gas(prospect: Prospect, experience: Experience) -> int:
    """What losing burns: as seen, rounded up, and the whole of the plan's gas while nothing was."""
    return -(-experience.charged_gas // experience.charged) if experience.charged else prospect.gas
