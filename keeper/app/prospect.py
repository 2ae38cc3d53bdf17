"""What would make a position fall and what would cure it, as rows for people and programs."""

from dataclasses import dataclass

from keeper.margin.cure import Cure, Patient
from keeper.margin.deleverage import Deleverage, deleverages
from keeper.margin.outlook import Outlook, look
from keeper.margin.triggers import Limit, Trigger
from keeper.protocols.base import Market
from keeper.routing.base import Liquidity
from keeper.types import Declined, to_checksum


@dataclass(frozen=True, slots=True)
class Prospect:
    """What there is to say about a position beyond what it holds; `through_pools` by its own means."""

    outlook: Outlook
    through_pools: tuple[Deleverage, ...] = ()

    def row(self) -> dict[str, object]:
        """Render for JSON; amounts and prices are decimal text in base units and in the protocol's own numbers."""
        outlook = self.outlook
        return {
            "target_wad": str(outlook.target_wad),
            "falls_at": outlook.falls_at,
            "triggers": [_trigger(one) for one in outlook.triggers],
            "limits": [_limit(one) for one in outlook.limits],
            "cures": [_cure(one) for one in outlook.cures],
            "through_pools": [_sale(one) for one in self.through_pools],
        }


def prospect_of(
    patient: Patient[Market], threshold_wad: int, liquidity: Liquidity, target_wad: int | None = None
) -> Prospect | None:
    """Work a position out; None where its health cannot be told."""
    outlook = look(patient, threshold_wad, target_wad)
    if isinstance(outlook, Declined):
        return None

    return Prospect(outlook, deleverages(patient, outlook.target_wad, liquidity))


def _trigger(one: Trigger) -> dict[str, object]:
    return {
        "token": to_checksum(one.exposure.token),
        "price_id": to_checksum(one.exposure.price_id),
        "quote": None if one.exposure.quote is None else to_checksum(one.exposure.quote),
        "unit": str(one.exposure.unit),
        "price_now": str(one.exposure.price),
        "price": str(one.price),
        "move_bps": one.move_bps,
    }


def _limit(one: Limit) -> dict[str, object]:
    token = one.parameter.token
    return {
        "parameter": one.parameter.name,
        "token": None if token is None else to_checksum(token),
        "now": str(one.now),
        "value": str(one.value),
    }


def _cure(one: Cure) -> dict[str, object]:
    return {
        "action": one.lever.action.value,
        "token": to_checksum(one.lever.token),
        "amount": str(one.amount),
        "health_wad": str(one.factor_wad),
    }


def _sale(one: Deleverage) -> dict[str, object]:
    return {
        "sell": to_checksum(one.sold_token),
        "amount": str(one.sold),
        "repay": to_checksum(one.bought_token),
        "repaid": str(one.bought),
        "health_wad": str(one.factor_wad),
    }
