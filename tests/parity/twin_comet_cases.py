"""How each kind of recorded Compound V3 case is put to the twin, and what of the answers must be the recorded ones."""

from keeper.sandbox.artifact import CODEC, signature
from tests.parity.twin_chain import ERRORS, Ask, account, topic
from tests.parity.twin_comet_lab import ABSORBER, ASSET_INFO, BUYER, GOVERNOR, STRANGER

TOTALS_BASIC = "totalsBasic()((uint64,uint64,uint64,uint64,uint104,uint104,uint40,uint8))"
USER_BASIC = "userBasic(address)(int104,uint64,uint64,uint16,uint8)"
RESERVES = "getReserves()(int256)"
STOCK = "getCollateralReserves(address)(uint256)"
HELD = "userCollateral(address,address)(uint128,uint128)"
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


def put(lab, case):
    """Write down the scenarios of a case."""
    return PUT[case["kind"]](lab, case)


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


# Puts: the case's own call comes where CALLED_AT says, views before and after it ------------------------------------


def put_market(lab, case):
    views = [(f"{name}()(uint256)",) for name in case["result"] if name != "assets"]
    infos = [(f"getAssetInfo(uint8)({ASSET_INFO})", i) for i in range(len(case["result"]["assets"]))]
    return [lab.scenario(case, views + infos)]


def put_accrual(lab, case):
    utilization = int(case["result"]["utilization"]) if "result" in case else 0
    calls = [
        ("accrueAccount(address)", STRANGER), (TOTALS_BASIC,),
    ]  # fmt: skip
    views = [
        ("getUtilization()(uint256)",), ("getSupplyRate(uint256)(uint64)", utilization),
        ("getBorrowRate(uint256)(uint64)", utilization), ("totalSupply()(uint256)",), ("totalBorrow()(uint256)",),
        (RESERVES,),
    ]  # fmt: skip
    return [lab.scenario(case, calls), lab.scenario(case, views)]


def put_is_liquidatable(lab, case):
    who = account(case["call"]["account"])
    views = [
        ("isLiquidatable(address)(bool)", who), ("isBorrowCollateralized(address)(bool)", who),
        ("borrowBalanceOf(address)(uint256)", who), ("balanceOf(address)(uint256)", who),
    ]  # fmt: skip
    later = [("accrueAccount(address)", who), (TOTALS_BASIC,), ("isLiquidatable(address)(bool)", who)]
    accrued_at = int(case["result"]["accruedAt"]) if "result" in case else None
    return [lab.scenario(case, views), lab.scenario(case, later, accrued_at)]


def put_absorb(lab, case):
    accounts = [account(name) for name in case["call"]["accounts"]]
    owners = [account(one["id"]) for one in case["state"].get("accounts", ())]
    tokens = [lab.market(case).token(offset) for offset in case["state"].get("assets", ())]
    calls = [(RESERVES,), ("absorb(address,address[])", ABSORBER, accounts), (TOTALS_BASIC,), (RESERVES,)]
    calls += [(USER_BASIC, who) for who in owners] + [("balanceOf(address)(uint256)", who) for who in owners]
    calls += [(STOCK, token) for token in tokens]
    calls += [("liquidatorPoints(address)(uint32,uint64,uint128,uint32)", ABSORBER)]
    return [lab.scenario(case, calls)]


def put_quote(lab, case):
    call = case["call"]
    return [lab.scenario(case, [(QUOTE, lab.market(case).token(call["asset"]), int(call["baseAmount"]))])]


QUOTE = "quoteCollateral(address,uint256)(uint256)"


def put_quote_inverse(lab, case):
    market, base = lab.market(case), int(case["result"]["baseAmount"])
    token = market.token(case["call"]["asset"])
    return [lab.scenario(case, [(QUOTE, token, base), (QUOTE, token, base + 1)])]


def put_buy(lab, case):
    market, call = lab.market(case), case["call"]
    token = market.token(call["asset"])
    stock = (STOCK, market.assets[0][0] if call["asset"] == "unlisted" else token)
    buy = Ask(
        market.twin,
        "buyCollateral(address,uint256,uint256,address)",
        (token, int(call["minAmount"]), int(call["baseAmount"]), BUYER),
        BUYER,
    )
    return [lab.scenario(case, [(RESERVES,), stock, buy, (RESERVES,), stock, (TOTALS_BASIC,)])]


def put_base_move(lab, case):
    market, call = lab.market(case), case["call"]
    who = account(call["account"])
    move = Ask(market.twin, f"{call['fn']}(address,uint256)", (market.token(call["asset"]), int(call["amount"])), who)
    held = [(HELD, who, market.token(offset)) for offset in case.get("result", {}).get("collateral", ())]
    balance = Ask(market.base[0], "balanceOf(address)(uint256)", (market.twin,))
    return [lab.scenario(case, [move, (USER_BASIC, who), (TOTALS_BASIC,), balance, *held])]


MISC = {
    "getAssetInfo": (f"getAssetInfo(uint8)({ASSET_INFO})", int),
    "getAssetInfoByAddress": (f"getAssetInfoByAddress(address)({ASSET_INFO})", "token"),
    "accrueAccount": ("accrueAccount(address)", account),
    "getReserves": (RESERVES, None),
    "initializeStorage": ("initializeStorage()", None),
    "getPrice": ("getPrice(address)(uint256)", "feed"),
    "assetList": ("assetList()(address)", None),
}


def put_misc(lab, case):
    market, call = lab.market(case), case["call"]

    if call["fn"] == "pause":
        stranger = call["args"] == ["by a stranger"]
        flags = [False] * 5 if stranger else [one == "true" for one in call["args"]]
        sender = STRANGER if stranger else GOVERNOR
        pause = Ask(market.twin, "pause(bool,bool,bool,bool,bool)", tuple(flags), sender)
        return [lab.scenario(case, [pause, (TOTALS_BASIC,)])]

    function, kind = MISC.get(call["fn"], (f"{call['fn']}()(uint256)", None))
    words = {"token": market.token, "feed": lambda _: market.base[1]}
    arguments = [words.get(kind, kind)(text) for text in call["args"]]
    return [lab.scenario(case, [(function, *arguments)])]


PUT = {
    "market": put_market, "accrual": put_accrual, "is_liquidatable": put_is_liquidatable, "absorb": put_absorb,
    "quote": put_quote, "quote_inverse": put_quote_inverse, "buy": put_buy, "base_move": put_base_move,
    "misc": put_misc,
}  # fmt: skip
CALLED_AT = {"absorb": 1, "buy": 2}


# Reads --------------------------------------------------------------------------------------------------------------


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
