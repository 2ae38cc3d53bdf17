"""Recorded calls put to our formulas: one function per kind of call.

What is no formula is checked where the contract checks it, so that reverts come by the right name, in the right order.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from keeper.protocols.compound_v3 import math
from keeper.protocols.compound_v3.terms import (
    BASE_INDEX_SCALE,
    FACTOR_SCALE,
    MAX_TIMESTAMP,
    PRICE_DECIMALS,
    RevertError,
    Totals,
    get_price,
)
from keeper.units import YEAR_S
from tests.parity.comet_moves import base_move
from tests.parity.comet_recorded import (
    Answer,
    Case,
    base_of,
    collateral_of,
    constants_of,
    curves_of,
    recorded,
    stock_of,
    terms_of,
    totals_of,
)

_ABSORB_PAUSED, _BUY_PAUSED = 8, 16
_FACTOR_STEP = 10**14
"""Configured factors are cut to four decimals."""


def answered(case: Case) -> Answer:
    """What our formulas answer, as the file writes it: strings for numbers, `{"revert": name}` for a revert."""
    call = dict(case["call"])
    if case["kind"] == "is_liquidatable" and "result" in case:
        # When the accrual was asked for that followed: an instant of the recording, not an answer.
        call["accruedAt"] = case["result"]["accruedAt"]

    try:
        found = _text(REPLAYS[case["kind"]](case["state"], call))
    except RevertError as error:
        return {"revert": error.name}

    return {name: found.get(name) for name in recorded(case)}


def _text(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _text(each) for key, each in value.items()}

    if isinstance(value, list | tuple):
        return [_text(each) for each in value]

    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _paused(state: Case, bit: int) -> None:
    if int(state.get("pauseFlags", "0")) & bit:
        raise RevertError("Paused")


# One function per kind ----------------------------------------------------------------------------------------------


def _market(state: Case, call: Case) -> Answer:
    del call
    assets = [
        {
            "offset": offset,
            "scale": 10 ** int(config["decimals"]),
            **{name: int(config[name]) // _FACTOR_STEP * _FACTOR_STEP for name in _FACTORS},
            "supplyCap": config["supplyCap"],
        }
        for offset, config in enumerate(state["assetConfigs"])
    ]
    rates = {
        f"{side}PerSecondInterestRate{part}": int(state[f"{side}PerYearInterestRate{part}"]) // YEAR_S
        for side in ("supply", "borrow")
        for part in ("Base", "SlopeLow", "SlopeHigh")
    }
    same = ("storeFrontPriceFactor", "targetReserves", "baseBorrowMin", "supplyKink", "borrowKink")
    return {
        "baseScale": 10 ** int(state["baseDecimals"]),
        "numAssets": len(assets),
        **{name: state[name] for name in same},
        **rates,
        "assets": assets,
    }


_FACTORS = ("borrowCollateralFactor", "liquidateCollateralFactor", "liquidationFactor")


def _accrual(state: Case, call: Case) -> Answer:
    totals, curves = totals_of(state), curves_of(state)
    used = math.utilization(totals)
    after = math.accrued(totals, curves, int(call["timestamp"]))
    return {
        "utilization": used,
        "supplyRate": math.rate(curves.supply, used),
        "borrowRate": math.rate(curves.borrow, used),
        "baseSupplyIndex": after.base_supply_index,
        "baseBorrowIndex": after.base_borrow_index,
        "totalSupply": math.present_value_supply(after.base_supply_index, after.total_supply_base),
        "totalBorrow": math.present_value_borrow(after.base_borrow_index, after.total_borrow_base),
        "reserves": math.reserves(int(state["baseBalance"]), after),
    }


def _is_liquidatable(state: Case, call: Case) -> Answer:
    (account,) = state["accounts"]
    principal, collateral, base = int(account["principal"]), collateral_of(state, account), base_of(state)
    stored = totals_of(state)
    now = math.accrued(stored, curves_of(state), int(call["timestamp"]))
    balance = math.present_value(principal, now)
    liquidatable = math.is_liquidatable(principal, collateral, stored, base)
    try:
        collateralized: bool | None = math.is_borrow_collateralized(principal, collateral, stored, base)
    except RevertError:
        collateralized = None

    later = math.accrued(stored, curves_of(state), int(call["accruedAt"]))
    return {
        "isLiquidatable": liquidatable,
        "isBorrowCollateralized": collateralized,
        "borrowBalanceOf": max(-balance, 0),
        "balanceOf": max(balance, 0),
        "accruedAt": later.last_accrual_time,
        "accruedSupplyIndex": later.base_supply_index,
        "accruedBorrowIndex": later.base_borrow_index,
        "isLiquidatableAfterAccrue": math.is_liquidatable(principal, collateral, later, base),
    }


def _absorb(state: Case, call: Case) -> Answer:
    _paused(state, _ABSORB_PAUSED)
    totals = math.accrued(totals_of(state), curves_of(state), int(call["timestamp"]))
    base, base_balance = base_of(state), int(state.get("baseBalance", "0"))
    before = math.reserves(base_balance, totals)
    accounts = {one["id"]: dict(one) for one in state["accounts"]}
    taken = {offset: int(one["totalSupplyAsset"]) for offset, one in state.get("assets", {}).items()}
    events: list[list[Any]] = []
    for name in call["accounts"]:
        account = accounts[name]
        collateral = collateral_of(state, account)
        found = math.absorb(int(account["principal"]), collateral, totals, base)
        held = sorted((int(offset), amount) for offset, amount in account["collateral"].items() if int(amount))
        for (offset, amount), value in zip(held, found.values, strict=True):
            events.append(["AbsorbCollateral", name, offset, amount, value])
            taken[str(offset)] -= int(amount)

        events.append(["AbsorbDebt", name, found.base_paid_out, found.debt_value])
        events += [["Transfer", name, found.minted]] if found.principal > 0 else []
        totals = found.totals
        accounts[name] = {"id": name, "principal": found.principal, "assetsIn": 0, "collateral": {}}

    return {
        "events": events,
        "baseSupplyIndex": totals.base_supply_index,
        "baseBorrowIndex": totals.base_borrow_index,
        "totalSupplyBase": totals.total_supply_base,
        "totalBorrowBase": totals.total_borrow_base,
        "lastAccrualTime": totals.last_accrual_time,
        "accounts": [
            {
                "id": name,
                "principal": one["principal"],
                "assetsIn": one["assetsIn"],
                "balanceOf": max(math.present_value(int(one["principal"]), totals), 0),
            }
            for name, one in accounts.items()
        ],
        "reservesBefore": before,
        "reservesAfter": math.reserves(base_balance, totals),
        "collateralReserves": {
            offset: math.collateral_reserves(int(one["tokenBalance"]), taken[offset])
            for offset, one in state.get("assets", {}).items()
        },
    }


def _quoted(state: Case, call: Case, base_amount: int) -> int:
    factor = int(constants_of(state)["storeFrontPriceFactor"])
    return math.quote_collateral(base_amount, terms_of(state, call["asset"]), base_of(state), factor)


def _quote(state: Case, call: Case) -> Answer:
    return {"collateralAmount": _quoted(state, call, int(call["baseAmount"]))}


def _quote_inverse(state: Case, call: Case) -> Answer:
    factor = int(constants_of(state)["storeFrontPriceFactor"])
    terms, wanted = terms_of(state, call["asset"]), int(call["collateralAmount"])
    largest = math.largest_base(wanted, terms, base_of(state), factor)
    return {
        "baseAmount": largest,
        "quoteAtBase": _quoted(state, call, largest),
        "quoteAtBasePlus1": _quoted(state, call, largest + 1),
    }


def _buy(state: Case, call: Case) -> Answer:
    amount, asset = int(call["baseAmount"]), call["asset"]
    if state.get("reentrancyGuard"):
        raise RevertError("ReentrantCallBlocked")

    _paused(state, _BUY_PAUSED)
    totals = math.accrued(totals_of(state), curves_of(state), int(call["timestamp"]))
    balance = int(state["baseBalance"])
    reserves = math.reserves(balance, totals)
    if not math.is_for_sale(reserves, int(constants_of(state)["targetReserves"])):
        raise RevertError("NotForSale")

    if state.get("baseToken"):
        raise RevertError("TransferInFailed")

    if int(state.get("buyerBaseBalance", amount)) < amount:
        raise RevertError("Panic(0x11)")  # the test token's own word

    collateral = _quoted(state, call, amount)
    if str(state.get("collateralToken", "")).startswith("balanceOf"):
        available = math.collateral_reserves(0, 5)
    else:
        available = stock_of(state, asset)

    got = math.bought(collateral, int(call["minAmount"]), available)
    if state.get("collateralToken"):
        raise RevertError("TransferOutFailed")

    return {
        "event": {"baseAmount": amount, "collateralAmount": got},
        "reservesBefore": reserves,
        "reservesAfter": math.reserves(balance + amount, totals),
        "collateralReservesBefore": available,
        "collateralReservesAfter": available - got,
    }


def _misc(state: Case, call: Case) -> Answer:
    name, extended = call["fn"], state["market"] == "usd6"
    arguments: Sequence[str] = call["args"]
    if name in {"getAssetInfo", "getAssetInfoByAddress"}:
        terms_of(state, arguments[0])
    elif name == "getPrice":
        return {"value": get_price(int(state["feedAnswer"]))}
    elif name in ("accrueAccount", "getReserves"):
        now = int(call["timestamp"])
        math.accrued(Totals(BASE_INDEX_SCALE, BASE_INDEX_SCALE, 0, 0, MAX_TIMESTAMP), curves_of(state), now)
    elif name == "pause" and len(arguments) > 1:
        bits = (1, 2, 4, _ABSORB_PAUSED, _BUY_PAUSED)
        flags = sum(bit for bit, flag in zip(bits, arguments, strict=True) if flag == "true")
        return {"pauseFlags": flags}
    elif name in _REFUSED:
        raise RevertError(_REFUSED[name])

    return {"value": _CONSTANTS[name] if name != "maxAssets" else (24 if extended else 15)}


_REFUSED = {"assetList": "empty", "pause": "Unauthorized", "initializeStorage": "AlreadyInitialized"}
"""What this adapter never calls, and asks only to tell the two builds apart."""
_CONSTANTS = {
    "baseIndexScale": BASE_INDEX_SCALE,
    "factorScale": FACTOR_SCALE,
    "priceScale": 10**PRICE_DECIMALS,
    "baseAccrualScale": 10**6,
    "maxAssets": None,
}

REPLAYS: Final[Mapping[str, Callable[[Case, Case], Answer]]] = {
    "market": _market,
    "accrual": _accrual,
    "is_liquidatable": _is_liquidatable,
    "absorb": _absorb,
    "quote": _quote,
    "quote_inverse": _quote_inverse,
    "buy": _buy,
    "base_move": base_move,
    "misc": _misc,
}
