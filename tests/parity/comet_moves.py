"""Recorded supplies and withdrawals put to our formulas; see `comet_replays`."""

from keeper.protocols.compound_v3 import math
from keeper.protocols.compound_v3.terms import Held, RevertError
from keeper.units import MAX_UINT256
from tests.parity.comet_recorded import Answer, Case, base_of, constants_of, curves_of, terms_of, totals_of


def base_move(state: Case, call: Case) -> Answer:
    (account,) = state["accounts"]
    amount, is_supply = int(call["amount"]), call["fn"] == "supply"
    stored = totals_of(state)
    principal, balance = int(account["principal"]), int(state["baseBalance"])
    collateral = {offset: int(held) for offset, held in account["collateral"].items() if int(held)}
    events: list[list[object]] = []
    if call["asset"] != "base":
        totals = stored
        offset = call["asset"]
        _move_collateral(state, collateral, offset, amount if is_supply else -amount)
        events.append(["SupplyCollateral" if is_supply else "WithdrawCollateral", amount])
        after = principal
    else:
        totals = math.accrued(stored, curves_of(state), int(call["timestamp"]))
        if amount == MAX_UINT256:
            # All that is owed, or all that is there.
            standing = math.present_value(principal, totals)
            amount = max(-standing, 0) if is_supply else max(standing, 0)

        step = math.supplied if is_supply else math.withdrawn
        after, totals = step(principal, amount, totals)
        index = totals.base_supply_index
        part = max(after, 0) - max(principal, 0) if is_supply else max(principal, 0) - max(after, 0)
        events.append(["Supply" if is_supply else "Withdraw", amount])
        events += [["Transfer", math.present_value_supply(index, part)]] if part > 0 else []
        balance += amount if is_supply else -amount

    if not is_supply and after < 0:
        if call["asset"] == "base" and -math.present_value(after, totals) < int(constants_of(state)["baseBorrowMin"]):
            raise RevertError("BorrowTooSmall")

        held = [Held(collateral[o], terms_of(state, o)) for o in sorted(collateral, key=int)]
        if not math.is_borrow_collateralized(after, held, totals, base_of(state)):
            raise RevertError("NotCollateralized")

    entered = sum(1 << int(offset) for offset in collateral)
    answer = {
        "events": events,
        "principal": after,
        "assetsIn": entered & 0xFFFF,
        "collateral": collateral,
        "totalSupplyBase": totals.total_supply_base,
        "totalBorrowBase": totals.total_borrow_base,
        "baseSupplyIndex": totals.base_supply_index,
        "baseBorrowIndex": totals.base_borrow_index,
        "baseBalance": balance,
    }
    return {**answer, "_reserved": entered >> 16} if entered >> 16 else answer


def _move_collateral(state: Case, collateral: dict[str, int], offset: str, change: int) -> None:
    configured = constants_of(state)["assets"][int(offset)]
    total = int(state.get("assets", {}).get(offset, {}).get("totalSupplyAsset", "0"))
    if change > 0 and total + change > int(configured["supplyCap"]):
        raise RevertError("SupplyCapExceeded")

    left = collateral.get(offset, 0) + change
    if left < 0:
        raise RevertError("Panic(0x11)")

    collateral.pop(offset, None)
    if left:
        collateral[offset] = left
