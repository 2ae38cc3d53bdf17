"""How each kind of recorded dYdX Perpetual V1 case is put to the twins, and what they must answer."""

from keeper.sandbox.artifact import CODEC, encode_values
from tests.parity.twin_chain import ERRORS, topic
from tests.parity.twin_dydx_lab import DELEVERAGER, FUND, OPERATOR, OUTSIDER, PROVIDER, RATE, TAKER, index_word, time_of

BALANCE = "getAccountBalance(address)((bool,bool,uint120,uint120))"
INDEX = "(uint32,bool,uint128)"
ACCOUNT_INDEX = f"getAccountIndex(address)({INDEX})"
GLOBAL_INDEX = f"getGlobalIndex()({INDEX})"
TRADE = "trade(address[],(uint256,uint256,address,bytes)[])"
TRADER_TRADE = "trade(address,address,address,uint256,bytes,bytes32)((uint256,uint256,bool,bytes32))"
EVENTS = {
    topic(f"{name}({','.join(kind.lstrip('*') for _, kind in fields)})"): (name, fields)
    for name, fields in {
        "LogIndex": (("index", "bytes32"),),
        "LogAccountSettled": (
            ("account", "*address"), ("isPositive", "bool"), ("amount", "uint256"), ("balance", "bytes32"),
        ),
        "LogLiquidated": (
            ("maker", "*address"), ("taker", "*address"), ("amount", "uint256"), ("isBuy", "bool"),
            ("oraclePrice", "uint256"),
        ),
        "LogDeleveraged": (
            ("maker", "*address"), ("taker", "*address"), ("amount", "uint256"), ("isBuy", "bool"),
            ("oraclePrice", "uint256"),
        ),
        "LogTrade": (
            ("maker", "*address"), ("taker", "*address"), ("trader", "address"), ("marginAmount", "uint256"),
            ("positionAmount", "uint256"), ("isBuy", "bool"), ("makerBalance", "bytes32"), ("takerBalance", "bytes32"),
        ),
        "LogDeposit": (("account", "*address"), ("amount", "uint256"), ("balance", "bytes32")),
    }.items()
}  # fmt: skip
UNDERCOLLATERALIZED = "Cannot liquidate since maker is not undercollateralized"


def put(lab, case):
    """Write down the scenarios of a case."""
    return PUT[case["kind"]](lab, case)


def check(lab, case, answers):
    """Compare the twins' answers to the scenarios with the recorded ones."""
    if "revert" in case:
        said = answers[0][0].revert
        assert (ERRORS[said[:4]], "0x" + said[:4].hex()) == (case["revert"]["name"], case["revert"]["selector"])
        assert CODEC.decode(["string"], said[4:])[0] == case["revert"]["message"]
        return

    assert READ[case["kind"]](lab, case, *answers) == case["result"]


# Puts: the case's own call comes first, views after it --------------------------------------------------------------


def put_market(lab, _case):
    views = [
        lab.ask("getMinCollateral()(uint256)"), lab.ask("_INSURANCE_FEE_()(uint256)", to=lab.proxy),
        lab.ask("DELEVERAGING_TIMELOCK_S()(uint256)", to=lab.deleveraging),
        lab.ask("MAX_ABS_VALUE()(uint128)", to=lab.funding),
        lab.ask("MAX_ABS_DIFF_PER_SECOND()(uint128)", to=lab.funding),
    ]  # fmt: skip
    return [lab.scenario({"state": {}, "call": {}}, views)]


def put_health(lab, case):
    who = lab.addresses(case)["a"]
    settle = lab.ask("deposit(address,uint256)", who, 0)
    long = case["state"]["accounts"]["a"]["balance"]["positionIsPositive"]
    nothing = encode_values(["uint256", "bool", "bool"], [0, long, False])
    tests = [
        lab.ask("withdraw(address,address,uint256)", who, who, 0),
        lab.ask("mark(address)", who, to=lab.deleveraging),
        lab.ask(
            TRADER_TRADE, OPERATOR, who, TAKER, int(case["state"]["price"]), nothing, bytes(32),
            to=lab.liquidation, sender=lab.perpetual,
        ),
    ]  # fmt: skip
    return [
        lab.scenario(case, [settle, lab.ask(BALANCE, who), lab.ask(ACCOUNT_INDEX, who), lab.ask(GLOBAL_INDEX), *tests])
    ]


def put_trade(lab, case):
    call, who = case["call"], lab.addresses(case)
    trader = {"P1Liquidation": lab.liquidation, "P1Deleveraging": lab.deleveraging}[call["trader"]]
    maker, taker = who[call["maker"]], who[call["taker"]]
    accounts = sorted({maker, taker})
    places = accounts.index(taker), accounts.index(maker)

    if call.get("accounts") == "not strictly ascending":
        accounts.reverse()

    data = encode_values(["uint256", "bool", "bool"], [int(call["amount"]), call["isBuy"], call["allOrNothing"]])
    senders = {"deleveragingOperator": DELEVERAGER, "outsider": OUTSIDER}
    sender = senders.get(call.get("sender"), OPERATOR)
    trade = lab.ask(TRADE, accounts, [(*places, trader, data)], sender=sender)
    return [lab.scenario(case, [trade, lab.ask(GLOBAL_INDEX), lab.ask(BALANCE, maker), lab.ask(BALANCE, taker)])]


def put_proxy(lab, case):
    call, who = case["call"], lab.addresses(case)
    most = (int(call["maxPosition"]["value"]), call["maxPosition"]["isPositive"])
    use = lab.ask(
        "liquidate(address,address,bool,(uint256,bool))(uint256)", who["maker"], TAKER, call["isBuy"], most,
        to=lab.proxy, sender=TAKER if call["sender"] == "taker" else OUTSIDER,
    )  # fmt: skip
    return [lab.scenario(case, [use, *(lab.ask(BALANCE, one) for one in (who["maker"], TAKER, FUND))])]


def put_funding_rate(lab, case):
    state, wanted, old = case["state"], int(case["call"]["rate"]), int(case["state"]["oldRate"])
    at = time_of(case["result"]["eventWord"])
    told = {"timestamp": at - int(state["secondsSinceOldRate"]), "isPositive": old > 0, "value": abs(old)}
    calls = [
        lab.ask(
            f"setFundingRate((uint256,bool))({INDEX})", (abs(wanted), wanted >= 0), to=lab.funding, sender=PROVIDER
        ),
        lab.ask("getFunding(uint256)(bool,uint256)", 3_600, to=lab.funding),
    ]
    scenario = lab.scenario(case, calls, at)
    scenario.storage[lab.funding] = {RATE: index_word(told)}
    return [scenario]


def put_misc(lab, case):
    no = encode_values(["uint256", "bool", "bool"], [0, True, False])
    trades = {
        "P1Liquidation.trade called by an outsider": lab.ask(
            TRADER_TRADE, OUTSIDER, TAKER, TAKER, 1, no, bytes(32), to=lab.liquidation
        ),
        "trade with a trader that is no global operator": lab.ask(TRADE, [TAKER], [(0, 0, OUTSIDER, no)]),
        "getOraclePrice by an outsider": lab.ask("getOraclePrice()(uint256)", sender=OUTSIDER),
        "setMinCollateral below one": lab.ask("setMinCollateral(uint256)", 10**18 - 1, sender=lab.chain.account),
        "setMinCollateral by an outsider": lab.ask("setMinCollateral(uint256)", 10**18, sender=OUTSIDER),
        "trade accounts [] by operator": lab.ask(TRADE, [], []),
        "setInsuranceFee above half": lab.ask(
            "setInsuranceFee(uint256)", 5 * 10**17 + 1, to=lab.proxy, sender=lab.chain.account
        ),
        "setFundingRate by an outsider": lab.ask(
            f"setFundingRate((uint256,bool))({INDEX})", (0, True), to=lab.funding, sender=OUTSIDER
        ),
        "withdraw by an outsider": lab.ask("withdraw(address,address,uint256)", TAKER, OUTSIDER, 0, sender=OUTSIDER),
    }
    return [lab.scenario(case, [trades[case["call"]["fn"]]])]


PUT = {
    "market": put_market, "health": put_health, "liquidate": put_trade, "deleverage": put_trade,
    "proxy_liquidate": put_proxy, "funding_rate": put_funding_rate, "misc": put_misc,
}  # fmt: skip


# Reads --------------------------------------------------------------------------------------------------------------


def balance(answer):
    margin_positive, position_positive, margin, position = answer.value
    return {
        "marginIsPositive": margin_positive, "positionIsPositive": position_positive,
        "margin": str(margin), "position": str(position),
    }  # fmt: skip


def index(answer):
    timestamp, positive, value = answer.value
    return {"timestamp": str(timestamp), "isPositive": positive, "value": str(value)}


def events(lab, case, logs):
    """Spell the perpetual's and the traders' events the way the recording does, which leaves deposits out."""
    names = {address: name for name, address in lab.addresses(case).items()}
    names |= {lab.liquidation: "P1Liquidation", lab.deleveraging: "P1Deleveraging"}
    names |= {lab.addresses(case)["a"]: "maker" if "maker" in case["call"] else "a"}

    for at, topics, data in logs:
        if at == lab.token or EVENTS[topics[0]][0] == "LogDeposit":
            continue

        name, fields = EVENTS[topics[0]]
        indexed = iter(topics[1:])
        plain = iter(CODEC.decode([kind for _, kind in fields if kind[0] != "*"], data))
        values = {
            label: names[next(indexed)[12:]] if kind[0] == "*" else spelled(next(plain), names)
            for label, kind in fields
        }
        yield [name, values]


def spelled(value, names):
    if isinstance(value, bytes):
        return names[value] if len(value) == 20 else "0x" + value.hex()

    return value if isinstance(value, bool) else str(value)


def read_market(_lab, case, answers):
    return dict(zip(case["result"], (str(answer.value) for answer in answers), strict=True))


def read_health(lab, case, answers):
    settled, stored, stored_index, global_index, withdrawn, marked, tested = answers
    refused = tested.revert is not None and CODEC.decode(["string"], tested.revert[4:])[0]
    return {
        "globalIndex": index(global_index),
        "balance": balance(stored),
        "index": index(stored_index),
        "liquidatable": refused != UNDERCOLLATERALIZED,
        "withdrawZeroAllowed": withdrawn.revert is None,
        "underwater": marked.revert is None,
        "events": list(events(lab, case, settled.logs)),
    }


def read_trade(lab, case, answers):
    traded, global_index, maker, taker = answers
    found = {
        "globalIndex": index(global_index), "maker": balance(maker), "taker": balance(taker),
        "events": list(events(lab, case, traded.logs)),
    }  # fmt: skip
    return {key: found[key] for key in case["result"]}


def read_proxy(_lab, _case, answers):
    used, maker, taker, fund = answers
    (word,) = [data for _, topics, data in used.logs if topics[0] == USED]
    amount, fee = CODEC.decode(["bool", "uint256", "uint256"], word)[1:]
    assert used.value == amount
    return {
        "liquidationAmount": str(amount), "feeAmount": str(fee),
        "maker": balance(maker), "taker": balance(taker), "insuranceFund": balance(fund),
    }  # fmt: skip


USED = topic("LogLiquidatorProxyUsed(address,address,bool,uint256,uint256)")


def read_funding_rate(_lab, _case, answers):
    updated, funding = answers
    _, positive, value = updated.value
    ((_, _, word),) = updated.logs
    return {
        "newRate": str(value if positive else -value),
        "getFunding3600": [funding.value[0], str(funding.value[1])],
        "eventWord": "0x" + word.hex(),
    }


READ = {
    "market": read_market, "health": read_health, "liquidate": read_trade, "deleverage": read_trade,
    "proxy_liquidate": read_proxy, "funding_rate": read_funding_rate,
}  # fmt: skip
