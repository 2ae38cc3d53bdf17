"""What of the twin's answers must be the recorded ones: every number, event and revert of a Compound V3 case."""

from keeper.sandbox.artifact import CODEC, signature
from tests.parity.twin_chain import ERRORS, account, topic
from tests.parity.twin_comet_cases import CALLED_AT
from tests.parity.twin_comet_lab import ABSORBER, BUYER

EVENTS = {
    topic("AbsorbCollateral(address,address,address,uint256,uint256)"): "AbsorbCollateral",
    topic("AbsorbDebt(address,address,uint256,uint256)"): "AbsorbDebt",
    topic("Transfer(address,address,uint256)"): "Transfer",
    topic("BuyCollateral(address,address,uint256,uint256)"): "BuyCollateral",
    topic("Supply(address,address,uint256)"): "Supply",
    topic("Withdraw(address,address,uint256)"): "Withdraw",
    topic("SupplyCollateral(address,address,address,uint256)"): "SupplyCollateral",
    topic("WithdrawCollateral(address,address,address,uint256)"): "WithdrawCollateral",
}
NAMED = [
    "AlreadyInitialized", "BadAsset", "BadPrice", "BorrowTooSmall", "InsufficientReserves", "InvalidUInt64",
    "NotCollateralized", "NotForSale", "NotLiquidatable", "Paused", "ReentrantCallBlocked", "SupplyCapExceeded",
    "TimestampTooLarge", "TooMuchSlippage", "TransferInFailed", "TransferOutFailed", "Unauthorized",
]  # fmt: skip
NAMES = ERRORS | {signature(f"{name}()").selector: name for name in NAMED} | {b"": "empty"}
TOKEN_SHORT = signature("InsufficientBalance(address,uint256,uint256)").selector


def check(lab, case, answers):
    """Compare the twin's answers to the scenarios with the recorded ones."""
    if "revert" in case:
        check_revert(case, answers[0][CALLED_AT.get(case["kind"], 0)].revert)
        return

    assert READ[case["kind"]](lab, case, *answers) == case["result"]


def check_revert(case, said):
    expected = case["revert"]
    short = int(case["state"].get("buyerBaseBalance", 1)) == 0

    if short:
        # The recording's token panicked where the sandbox's names an error: neither is the market's word.
        assert said[:4] == TOKEN_SHORT
        return

    assert NAMES[said[:4]] == expected["name"]
    assert "0x" + said[:4].hex() == expected["selector"]
    assert "code" not in expected or int.from_bytes(said[4:], "big") == int(expected["code"], 16)


def read_market(_lab, case, answers):
    values = [answer.value for answer in answers]
    count = len(case["result"]) - 1
    names = (
        "offset", "", "", "scale", "borrowCollateralFactor", "liquidateCollateralFactor", "liquidationFactor",
        "supplyCap",
    )  # fmt: skip
    infos = [{name: str(field) for name, field in zip(names, info, strict=True) if name} for info in values[count:]]
    getters = [name for name in case["result"] if name != "assets"]
    return dict(zip(getters, map(str, values[:count]), strict=True)) | {"assets": infos}


def totals(answer):
    names = ("baseSupplyIndex", "baseBorrowIndex", "", "", "totalSupplyBase", "totalBorrowBase")
    return {name: str(value) for name, value in zip(names, answer.value, strict=False) if name}


def read_accrual(_lab, case, moved, views):
    names = ("utilization", "supplyRate", "borrowRate", "totalSupply", "totalBorrow", "reserves")
    found = dict(zip(names, (str(answer.value) for answer in views), strict=True))
    state = totals(moved[1])
    assert moved[1].value[6] == int(case["call"]["timestamp"])
    return found | {key: state[key] for key in ("baseSupplyIndex", "baseBorrowIndex")}


def read_is_liquidatable(_lab, case, views, later):
    liquidatable, covered, debt, balance = (answer.value for answer in views)
    state = totals(later[1])
    return {
        "isLiquidatable": liquidatable,
        "isBorrowCollateralized": covered,
        "borrowBalanceOf": str(debt),
        "balanceOf": str(balance),
        "accruedAt": case["result"]["accruedAt"],
        "accruedSupplyIndex": state["baseSupplyIndex"],
        "accruedBorrowIndex": state["baseBorrowIndex"],
        "isLiquidatableAfterAccrue": later[2].value,
    }


def read_absorb(lab, case, answers):
    before, absorbed, after, reserves, *rest = answers
    owners = case["state"].get("accounts", ())
    basics, balances = rest[: len(owners)], rest[len(owners) : 2 * len(owners)]
    stock = rest[2 * len(owners) : -1]
    assert after.value[6] == int(case["call"]["timestamp"])
    assert rest[-1].value[:2] == (1, len(case["call"]["accounts"]))
    names = lab.market(case).names() | {account(one["id"]): one["id"] for one in owners}
    moved = totals(after) | {"events": [spell(log, names) for log in absorbed.logs]}

    if not case["call"]["accounts"]:
        return moved | {"lastAccrualTime": str(after.value[6])}

    assert all(basic.value[4] == 0 for basic in basics)
    return moved | {
        "accounts": [
            {"id": one["id"], "principal": str(basic.value[0]), "assetsIn": str(basic.value[3]),
             "balanceOf": str(balance.value)}
            for one, basic, balance in zip(owners, basics, balances, strict=True)
        ],
        "reservesBefore": str(before.value),
        "reservesAfter": str(reserves.value),
        "collateralReserves": {
            offset: str(answer.value) for offset, answer in zip(case["state"].get("assets", ()), stock, strict=True)
        },
    }  # fmt: skip


def spell(log, names):
    """Write an event the way the recording does."""
    _, topics, data = log
    name = EVENTS[topics[0]]
    words = [str(value) for value in CODEC.decode(["uint256"] * (len(data) // 32), data)]
    who = [one[12:] for one in topics[1:]]

    if name in ("AbsorbCollateral", "AbsorbDebt"):
        assert who[0] == ABSORBER
        return [name, *(names[one] for one in who[1:]), *words]

    if name == "Transfer":
        assert who[0] == bytes(20)
        return [name, names[who[1]], *words]

    return [name, *words]


def read_quote(_lab, _case, answers):
    return {"collateralAmount": str(answers[0].value)}


def read_quote_inverse(_lab, case, answers):
    return {
        "baseAmount": case["result"]["baseAmount"],
        "quoteAtBase": str(answers[0].value),
        "quoteAtBasePlus1": str(answers[1].value),
    }


def read_buy(lab, case, answers):
    reserves, stock, bought, reserves_after, stock_after, after = answers
    state, market = case["state"], lab.market(case)
    ((_, topics, data),) = [log for log in bought.logs if log[0] == market.twin]
    assert EVENTS[topics[0]] == "BuyCollateral"
    assert [one[12:] for one in topics[1:]] == [BUYER, market.token(case["call"]["asset"])]
    assert totals(after) == {key: state[key] for key in totals(after)}
    assert after.value[6] == int(state["lastAccrualTime"])
    paid, got = CODEC.decode(["uint256", "uint256"], data)
    return {
        "event": {"baseAmount": str(paid), "collateralAmount": str(got)},
        "reservesBefore": str(reserves.value),
        "reservesAfter": str(reserves_after.value),
        "collateralReservesBefore": str(stock.value),
        "collateralReservesAfter": str(stock_after.value),
    }


def read_base_move(lab, case, answers):
    moved, basic, after, balance, *held = answers
    market = lab.market(case)
    events = [
        [EVENTS[topics[0]], str(int.from_bytes(data, "big"))] for at, topics, data in moved.logs if at == market.twin
    ]
    return totals(after) | {
        "events": events,
        "principal": str(basic.value[0]),
        "assetsIn": str(basic.value[3]),
        **({"_reserved": str(basic.value[4])} if basic.value[4] else {}),
        "collateral": {
            offset: str(one.value[0]) for offset, one in zip(case["result"]["collateral"], held, strict=True)
        },
        "baseBalance": str(balance.value),
    }


def read_misc(_lab, case, answers):
    if case["call"]["fn"] == "pause":
        return {"pauseFlags": str(answers[1].value[7])}

    return {"value": str(answers[0].value)}


READ = {
    "market": read_market, "accrual": read_accrual, "is_liquidatable": read_is_liquidatable, "absorb": read_absorb,
    "quote": read_quote, "quote_inverse": read_quote_inverse, "buy": read_buy, "base_move": read_base_move,
    "misc": read_misc,
}  # fmt: skip
