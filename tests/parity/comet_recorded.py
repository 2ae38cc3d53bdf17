"""What real contracts answered, case by case, and a case's state as our formulas take it.

Units and fields are described beside the data, in `tests/vectors`.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

from keeper.protocols.compound_v3 import math
from keeper.protocols.compound_v3.terms import Base, Curve, Curves, Held, RevertError, Terms, Totals
from tests.recorded import recorded as all_recorded

Case: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = Mapping[str, Any]


def cases() -> tuple[Case, ...]:
    return all_recorded("comet")


@cache
def _markets() -> Mapping[str, Case]:
    return {case["state"]["market"]: case for case in cases() if case["kind"] == "market"}


def recorded(case: Case) -> Answer:
    """What the contracts answered; a panic is named with its code."""
    if "revert" not in case:
        return dict(case["result"])

    revert = case["revert"]
    return {"revert": f"{revert['name']}({revert['code']})" if "code" in revert else revert["name"]}


def branch(case: Case) -> str:
    """Name the group a case is reported with."""
    return f"{case['kind']}-{recorded(case).get('revert', 'answered')}"


def totals_of(state: Case) -> Totals:
    names = ("baseSupplyIndex", "baseBorrowIndex", "totalSupplyBase", "totalBorrowBase", "lastAccrualTime")
    return Totals(*(int(state[name]) for name in names))


def constants_of(state: Case) -> Answer:
    result: Answer = _markets()[state["market"]]["result"]
    return result


def curves_of(state: Case) -> Curves:
    constants = constants_of(state)
    names = ("Kink", "PerSecondInterestRateBase", "PerSecondInterestRateSlopeLow", "PerSecondInterestRateSlopeHigh")
    supply, borrow = (Curve(*(int(constants[side + name]) for name in names)) for side in ("supply", "borrow"))
    return Curves(supply, borrow)


def base_of(state: Case) -> Base:
    return Base(int(constants_of(state)["baseScale"]), int(state["basePrice"]))


def terms_of(state: Case, offset: str) -> Terms:
    configured = constants_of(state)["assets"]
    if not offset.isdigit() or int(offset) >= len(configured):
        raise RevertError("BadAsset")

    asset = configured[int(offset)]
    price = state.get("assets", {}).get(offset, {}).get("price", "0")
    names = ("scale", "borrowCollateralFactor", "liquidateCollateralFactor", "liquidationFactor")
    return Terms(*(int(asset[name]) for name in names), price=int(price))


def collateral_of(state: Case, account: Case) -> list[Held]:
    entered = int(account["assetsIn"]) | int(account.get("_reserved", "0")) << 16
    held = account["collateral"]
    return [
        Held(int(held.get(str(offset), "0")), terms_of(state, str(offset)))
        for offset in range(entered.bit_length())
        if entered >> offset & 1
    ]


def stock_of(state: Case, offset: str) -> int:
    asset = state["assets"][offset]
    return math.collateral_reserves(int(asset["tokenBalance"]), int(asset["totalSupplyAsset"]))
