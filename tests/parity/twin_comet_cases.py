"""How each kind of recorded Compound V3 case is put to the twin: its own call, and what is asked around it."""

from tests.parity.twin_chain import Ask, account
from tests.parity.twin_comet_lab import ABSORBER, ASSET_INFO, BUYER, GOVERNOR, STRANGER

TOTALS_BASIC = "totalsBasic()((uint64,uint64,uint64,uint64,uint104,uint104,uint40,uint8))"
USER_BASIC = "userBasic(address)(int104,uint64,uint64,uint16,uint8)"
RESERVES = "getReserves()(int256)"
STOCK = "getCollateralReserves(address)(uint256)"
HELD = "userCollateral(address,address)(uint128,uint128)"


def put(lab, case):
    """Write down the scenarios of a case."""
    return PUT[case["kind"]](lab, case)


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
"""The place of a case's own call among those of its first scenario: views come before some."""
