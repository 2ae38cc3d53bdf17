"""Every recorded answer of the real contracts, reproduced: numbers, event words, and refusals by name."""

from collections import Counter

import pytest
from eth_abi import encode as abi_encode

from keeper.protocols.dydx_perpetual import math, trade
from keeper.protocols.dydx_perpetual.errors import explain
from keeper.protocols.dydx_perpetual.math import Balance, Index, Signed
from keeper.protocols.dydx_perpetual.trade import Account, Order, Party, Refusal, Terms
from keeper.protocols.words import selector
from tests.recorded import recorded

CASES = recorded("dydx_perpetual")
TAKER = "0x90f79bf6...1e93b906"


def of_kind(kind):
    found = [(i, case) for i, case in enumerate(CASES) if case["kind"] == kind]
    return pytest.mark.parametrize("case", [case for _, case in found], ids=[f"case-{i}" for i, _ in found])


# From the file to ours -----------------------------------------------------------------------------------------------


def signed(value, is_positive):
    return Signed(int(value), is_positive)


def balance(told):
    margin = signed(told["margin"], told["marginIsPositive"])
    return Balance(margin, signed(told["position"], told["positionIsPositive"]))


def index(told):
    return Index(int(told["timestamp"]), signed(told["value"], told["isPositive"]))


def account(state, name):
    found = state["accounts"][name]
    return Account(balance(found["balance"]), index(found["index"]) if "index" in found else math.NEVER)


def terms(case):
    """What holds in the call; a case without an index is one in which nothing is settled."""
    state = case["state"]
    price, min_collateral = int(state["price"]), int(state["minCollateral"])
    if "globalIndex" not in state:
        return Terms(math.NEVER, price, min_collateral, int(state.get("insuranceFee", 0)))

    funding = signed(state["funding"]["value"], state["funding"]["isPositive"])
    now = math.advanced(index(state["globalIndex"]), int(case["call"]["timestamp"]), funding, price)
    return Terms(now, price, min_collateral, 0)


# From ours to the file -----------------------------------------------------------------------------------------------


def word(number):
    return "0x" + number.to_bytes(32, "big").hex()


def told(now):
    return {
        "marginIsPositive": now.margin.is_positive,
        "positionIsPositive": now.position.is_positive,
        "margin": str(now.margin.value),
        "position": str(now.position.value),
    }


def told_index(now):
    return {"timestamp": str(now.timestamp), "isPositive": now.value.is_positive, "value": str(now.value.value)}


def settlement(name, before, known):
    done = math.settled(before.balance, before.settled_at, known.current)
    if done.credit is None:
        return []

    credit = {"isPositive": done.credit.is_positive, "amount": str(done.credit.value)}
    return [["LogAccountSettled", {"account": name, **credit, "balance": word(math.word_of(done.balance))}]]


def named(refusal, case):
    """The words with the address the contract appends: of the two, the file shortens the taker's to the same text."""
    if refusal.about is None:
        return refusal.words

    recorded_name = case["revert"]["message"].split(": ")[-1]
    is_taker = case["revert"].get("suffix", "address of taker") == "address of taker"
    assert (refusal.about is Party.TAKER) == is_taker
    return f"{refusal.words}: {recorded_name}"


def assert_refused(found, case):
    assert isinstance(found, Refusal), found
    assert named(found, case) == case["revert"]["message"]


def maker_first(case):
    """Accounts are looked at in the order of their addresses: where both are left badly, the lower one is named."""
    return case.get("revert", {}).get("suffix") == "address of maker"


# Kinds ---------------------------------------------------------------------------------------------------------------


@of_kind("health")
def test_settling_and_health_are_the_contracts_own(case):
    name = case["call"].get("account", "a")
    known, before = terms(case), account(case["state"], name)
    now = Refusal(trade.INDEX_TOO_BIG) if known.current.value.value > math.MAX_UINT128 else trade.settled(before, known)
    if "revert" in case:
        assert_refused(now, case)
        return

    healthy = math.is_collateralized(now, known.price, known.min_collateral)
    events = [["LogIndex", {"index": word(math.index_word(known.current))}]]
    assert case["result"] == {
        "globalIndex": told_index(known.current),
        "balance": told(now),
        "index": told_index(
            before.settled_at if before.settled_at.timestamp == known.current.timestamp else known.current
        ),
        "liquidatable": not healthy,
        "withdrawZeroAllowed": healthy,
        "underwater": math.is_underwater(now, known.price),
        "events": events + settlement(name, before, known),
    }


def traded(case):
    """What a trade of the file does: the gate's refusals, then the trader's and the final check's."""
    state, call, known = case["state"], case["call"], terms(case)
    if state.get("finalSettlementEnabled"):
        return Refusal(trade.FINAL_SETTLEMENT)

    if "accounts" in call:
        return Refusal(trade.UNSORTED)

    if not call.get("senderIsGlobalOperator", True):
        return Refusal(trade.NOT_OPERATOR)

    maker, taker = account(state, call["maker"]), account(state, call["taker"])
    if call["maker"] == call["taker"]:
        # Only the trader's own conditions count: nothing moves, so that nobody is left worse.
        taker = Account(Balance(Signed(10**30, is_positive=True), math.ZERO))

    order = Order(int(call["amount"]), call["isBuy"], call["allOrNothing"])
    if call["trader"] == "P1Liquidation":
        return trade.liquidated(maker, taker, order, known, maker_first=maker_first(case))

    marked = int(state["accounts"][call["maker"]]["markedTimestamp"])
    waited = int(call["timestamp"]) - marked if marked else 0
    return trade.deleveraged(maker, taker, order, known, None if call["sender"] == "deleveragingOperator" else waited)


def events_of(case, moved):
    """What is emitted: the settlements by address, the trader's event, the trade's unless an account meets itself."""
    call, known = case["call"], terms(case)
    names = sorted({call["maker"], call["taker"]}, key=(call["maker"], call["taker"]).index)
    found = [["LogIndex", {"index": word(math.index_word(known.current))}]]
    settlements = [settlement(name, account(case["state"], name), known) for name in names]
    ours = {"maker": call["maker"], "taker": call["taker"]}
    amount = {"amount": str(moved.position), "isBuy": call["isBuy"], "oraclePrice": case["state"]["price"]}
    event = "LogLiquidated" if call["trader"] == "P1Liquidation" else "LogDeleveraged"
    trader = [[event, {**ours, **amount}]]
    if call["maker"] != call["taker"]:
        amounts = {"marginAmount": str(moved.margin), "positionAmount": str(moved.position), "isBuy": call["isBuy"]}
        words = {"makerBalance": word(math.word_of(moved.maker)), "takerBalance": word(math.word_of(moved.taker))}
        trader.append(["LogTrade", {**ours, "trader": call["trader"], **amounts, **words}])

    return found, [one for many in settlements for one in many], trader


def assert_traded(case):
    moved = traded(case)
    if "revert" in case:
        assert_refused(moved, case)
        return

    call, result = case["call"], case["result"]
    if call["maker"] == call["taker"]:
        moved = moved._replace(maker=trade.settled(account(case["state"], call["maker"]), terms(case)))
    else:
        assert result["taker"] == told(moved.taker)

    assert result["maker"] == told(moved.maker)
    first, settlements, trader = events_of(case, moved)
    emitted = result["events"]
    if "globalIndex" in result:
        assert result["globalIndex"] == told_index(terms(case).current)
        assert emitted[:1] == first

    # Settlements come in the order of the addresses, which the file does not tell.
    behind = 1 + len(settlements)
    assert sorted(emitted[1:behind], key=str) == sorted(settlements, key=str)
    unmarked = [event for event in emitted[behind:] if event[0] == "LogUnmarkedForDeleveraging"]
    assert [event for event in emitted[behind:] if event not in unmarked] == trader


@of_kind("liquidate")
def test_liquidation_is_the_contracts_own(case):
    assert_traded(case)


@of_kind("deleverage")
def test_deleveraging_is_the_contracts_own(case):
    assert_traded(case)


@of_kind("proxy_liquidate")
def test_liquidation_through_the_proxy_is_the_contracts_own(case):
    state, call, known = case["state"], case["call"], terms(case)
    maker, taker = account(state, "maker"), account(state, "taker")
    wanted = signed(call["maxPosition"]["value"], call["maxPosition"]["isPositive"]).number
    way = wanted - taker.balance.position.number
    order = Order(way if call["isBuy"] else -way, call["isBuy"])
    found = Refusal(trade.NOT_ALLOWED)
    if call["sender"] == "taker":
        found = trade.taken_over(maker, taker, order, known, maker_first=maker_first(case))

    if "revert" in case:
        assert_refused(found, case)
        assert found.about is None or case["revert"]["message"].endswith(TAKER)
        return

    fund = account(state, "insuranceFund").balance
    assert case["result"] == {
        "liquidationAmount": str(found.moved.position),
        "feeAmount": str(found.fee),
        "maker": told(found.moved.maker),
        "taker": told(found.taker),
        "insuranceFund": told(fund._replace(margin=fund.margin.plus(found.fee)) if found.fee else fund),
    }


@of_kind("funding_rate")
def test_funding_rate_is_held_as_the_contract_holds_it(case):
    old, wanted = int(case["state"]["oldRate"]), int(case["call"]["rate"])
    rate = math.next_rate(Signed(abs(old), is_positive=old >= 0), int(case["state"]["secondsSinceOldRate"]), wanted)
    kept = Signed(abs(rate), is_positive=rate >= 0)
    over = math.funding_over(kept, 3_600)
    emitted = math.index_of(int(case["result"]["eventWord"], 16))

    assert str(rate) == case["result"]["newRate"]
    assert case["result"]["getFunding3600"] == [over.is_positive, str(over.value)]
    assert emitted.value == kept
    assert word(math.index_word(emitted)) == case["result"]["eventWord"]


@of_kind("market")
def test_constants_are_the_contracts_own(case):
    result = case["result"]

    assert result["DELEVERAGING_TIMELOCK_S"] == str(trade.TIMELOCK_S)
    assert result["fundingMAX_ABS_VALUE"] == str(math.MAX_ABS_RATE)
    assert result["fundingMAX_ABS_DIFF_PER_SECOND"] == str(math.MAX_ABS_RATE_CHANGE_PER_S)


@pytest.mark.parametrize("case", [case for case in CASES if "revert" in case])
def test_refusals_are_named_in_the_contracts_words(case):
    revert = selector("Error(string)") + abi_encode(["string"], [case["revert"]["message"]])

    assert case["revert"]["selector"] == "0x" + revert[:4].hex()
    assert explain(revert).startswith(case["revert"]["message"])


def test_every_case_is_of_a_kind_that_is_reproduced():
    assert Counter(case["kind"] for case in CASES) == {
        "market": 1,
        "health": 315,
        "liquidate": 331,
        "proxy_liquidate": 60,
        "deleverage": 28,
        "funding_rate": 29,
        "misc": 9,
    }
    assert all("revert" in case for case in CASES if case["kind"] == "misc")
