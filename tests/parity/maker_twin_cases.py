"""How a recorded case of Maker is put to the twin, and what the twin made of it, spelled as the recording is."""

from keeper.sandbox.maker import word
from keeper.types import ZERO_ADDRESS
from keeper.units import RAY, WAD
from tests.parity.maker_twin_lab import (
    ACTOR,
    FILE_ADDRESS,
    FILE_ILK_NUMBER,
    FILE_NUMBER,
    FOURTH,
    KEEPER,
    OTHER,
    OWNER,
    SINK,
    THIRD,
    Ask,
    Script,
    log_words,
    spelled,
)
from tests.parity.twin_chain import mapped, topic

SOMETIME_S = 1_700_000_000
"""When a case is played that names no time."""
ROOM_RAD = 10**58
"""Room for any auction, far below what overflows."""
MANNERS = ("", "take", "redo", "revert")
SALE_ID = 1
"""The only auction of a case that has one."""

# Storage slots of the twins, in the order of their declarations.
DOG_ILKS, DOG_DIRT = 1, 5
CLIPPER_KICKS = 10
VAT_ILKS, VAT_URNS = 2, 3

GRAB = "grab(bytes32,address,address,address,int256,int256)"
FROB = "frob(bytes32,address,address,address,int256,int256)"
VAT_ILK = "ilks(bytes32)(uint256,uint256,uint256,uint256,uint256)"
VAT_URN = "urns(bytes32,address)(uint256,uint256)"
VAT_GEM = "gem(bytes32,address)(uint256)"
DOG_ILK = "ilks(bytes32)(address,uint256,uint256,uint256)"
SALE = "sales(uint256)(uint256,uint256,uint256,address,uint96,uint256)"

BARK = topic("Bark(bytes32,address,uint256,uint256,uint256,address,uint256)")
KICK = topic("Kick(uint256,uint256,uint256,uint256,address,address,uint256)")
TAKE = topic("Take(uint256,uint256,uint256,uint256,uint256,uint256,address)")
REDO = topic("Redo(uint256,uint256,uint256,uint256,address,address,uint256)")


def answers(lab, cases):
    """What the twin does with each case: as `result` or `revert` of a recording."""
    scripts = [WRITERS[_kind(case)](lab, _numbers(case)) for case in cases]

    for case, heard in zip(cases, lab.play(scripts), strict=True):
        refused = _refused(heard)

        if refused is not None:
            yield {"revert": refused}
            continue

        yield {"result": spelled(READERS[_kind(case)](lab, case, heard))}


def answer_of(case):
    """What was recorded."""
    return {name: case[name] for name in ("result", "revert") if name in case}


def _kind(case):
    return case["kind"], case["call"].get("fn", "")


def _numbers(case):
    """The case with its decimal strings read."""
    return {part: {name: _read(value) for name, value in case[part].items()} for part in ("state", "call")}


def _read(value):
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value


def _refused(heard):
    """Why the first of a case's own calls that failed did."""
    own = [heard[name] for name in ("poke", "drip", "call") if name in heard]
    return next((one.reason for one in own if not one.ok), None)


# Bark -----------------------------------------------------------------------------------------------------------------


def write_bark(lab, case):
    state, script = case["state"], Script(SOMETIME_S, SOMETIME_S)
    maker, key, clipper = lab.maker, lab.key, lab.clipper
    urn = OWNER if case["call"]["urn"] == "urn" else ZERO_ADDRESS
    _list(lab, script, state)

    for what in ("spot", "dust"):
        script.set(maker.vat, FILE_ILK_NUMBER, key, word(what), state[what])

    _place_vault(lab, script, urn, state)
    script.set(maker.dog, FILE_NUMBER, word("Hole"), state["Hole"])
    script.set(maker.dog, FILE_ILK_NUMBER, key, word("hole"), state["hole"])
    _set_chop(lab, script, state["chop"])
    _set_dirt(lab, script, state)
    _set_reward(lab, script, state)
    script.set(clipper, FILE_NUMBER, word("stopped"), state["stopped"])
    script.store(clipper, CLIPPER_KICKS, state["kicks"])

    if not state["live"]:
        script.set(maker.dog, "cage()")

    script.ask("upchost", clipper, "upchost()")
    script.ask("chost", clipper, "chost()(uint256)")
    script.ask("sin before", maker.vat, "sin(address)(uint256)", maker.vow)
    script.ask("call", maker.dog, "bark(bytes32,address,address)(uint256)", key, urn, KEEPER)
    script.ask("urn", maker.vat, VAT_URN, key, urn)
    script.ask("Dirt", maker.dog, "Dirt()(uint256)")
    script.ask("dirt", maker.dog, DOG_ILK, key)
    script.ask("dai", maker.vat, "dai(address)(uint256)", KEEPER)
    script.ask("sin", maker.vat, "sin(address)(uint256)", maker.vow)
    return script


def read_bark(lab, case, heard):
    call, state = heard["call"], case["state"]

    if heard["upchost"].ok:
        # Where it overflows the Clipper keeps what it had, which a scene of one block has not.
        assert heard["chost"].values == (int(state["chost"]),)

    (_, kicked) = _only(call, lab.clipper, KICK)
    (topics, barked) = _only(call, lab.maker.dog, BARK)
    assert topics[1] == lab.key
    assert int.from_bytes(topics[3]) == call.values[0]
    return {
        "dink": barked[0],
        "dart": barked[1],
        "due": barked[2],
        "tab": kicked[1],
        "lot": kicked[2],
        "top": kicked[0],
        "coin": kicked[3],
        "id": call.values[0],
        "urn_ink": heard["urn"].values[0],
        "urn_art": heard["urn"].values[1],
        "Dirt": heard["Dirt"].values[0],
        "dirt": heard["dirt"].values[3],
        "kpr_dai": heard["dai"].values[0],
        "vow_sin": heard["sin"].values[0] - heard["sin before"].values[0],
    }


# Take -----------------------------------------------------------------------------------------------------------------


def write_take(lab, case):
    state, call = case["state"], case["call"]
    script, maker, key = _sale(lab, state), lab.maker, lab.key
    who = {
        "taker": ACTOR,
        "other": OTHER,
        "callee": lab.callee,
        "vat": maker.vat,
        "dog": maker.dog,
    }[call["who"]]
    script.set(maker.vat, "suck(address,address,uint256)", SINK, ACTOR, state["taker_dai"])
    script.set(lab.callee, "behave(uint8)", MANNERS.index(call["reenter"]))
    script.set(lab.clipper, FILE_NUMBER, word("stopped"), state["stopped"])
    _set_dirt(lab, script, state)

    if state["hope"]:
        script.set(maker.vat, "hope(address)", lab.clipper)

    data = bytes.fromhex(call["data"][2:])
    script.ask("gem before", maker.vat, VAT_GEM, key, who)
    script.ask(
        "call",
        lab.clipper,
        "take(uint256,uint256,uint256,address,bytes)",
        SALE_ID,
        call["amt"],
        call["max"],
        who,
        data,
    )
    script.ask("gem", maker.vat, VAT_GEM, key, who)
    script.ask("owner gem", maker.vat, VAT_GEM, key, OWNER)
    script.ask("sale", lab.clipper, SALE, SALE_ID)
    script.ask("count", lab.clipper, "count()(uint256)")
    script.ask("Dirt", maker.dog, "Dirt()(uint256)")
    script.ask("dirt", maker.dog, DOG_ILK, key)
    script.ask("vow dai", maker.vat, "dai(address)(uint256)", maker.vow)
    script.ask("calls", lab.callee, "calls()(uint256)")
    script.ask("owe", lab.callee, "owe()(uint256)")
    script.ask("slice", lab.callee, "slice()(uint256)")
    return script


def read_take(lab, case, heard):
    ((_, _, usr), (_, price, owe, tab, lot)) = _only(heard["call"], lab.clipper, TAKE)
    assert usr[12:] == OWNER
    pos, sale_tab, sale_lot, sale_usr, *_ = heard["sale"].values
    closed = sale_usr == ZERO_ADDRESS
    assert (pos, sale_tab, sale_lot) == ((0, 0, 0) if closed else (0, tab, lot))
    assert heard["count"].values[0] == (0 if closed else 1)

    state = case["state"]
    digs = int(state["Dirt"]) - heard["Dirt"].values[0]
    assert int(state["dirt"]) - heard["dirt"].values[3] == digs
    called = {"owe": heard["owe"].values[0], "slice": heard["slice"].values[0]} if heard["calls"].values[0] else None
    return {
        "price": price,
        "owe": owe,
        "slice": heard["gem"].values[0] - heard["gem before"].values[0],
        "tab": tab,
        "lot": lot,
        "closed": closed,
        "digs": digs,
        "usr_gem": heard["owner gem"].values[0],
        "vow_dai": heard["vow dai"].values[0],
        "callback": called,
    }


# Price, redo, getStatus -----------------------------------------------------------------------------------------------


def write_price(lab, case):
    script = Script(SOMETIME_S, SOMETIME_S)
    curve = _set_curve(lab, script, case["state"]["curve"])
    script.ask("call", curve, "price(uint256,uint256)(uint256)", case["call"]["top"], case["call"]["dur"])
    return script


def read_price(_lab, _case, heard):
    return {"price": heard["call"].values[0]}


def write_redo(lab, case):
    state = case["state"]
    script = _sale(lab, state)
    _set_reward(lab, script, state)
    script.set(lab.clipper, FILE_NUMBER, word("stopped"), state["stopped"])
    script.ask("call", lab.clipper, "redo(uint256,address)", SALE_ID, KEEPER)
    script.ask("sale", lab.clipper, SALE, SALE_ID)
    script.ask("dai", lab.maker.vat, "dai(address)(uint256)", KEEPER)
    return script


def read_redo(lab, _case, heard):
    ((_, _, usr, keeper), (top, tab, lot, coin)) = _only(heard["call"], lab.clipper, REDO)
    assert (usr[12:], keeper[12:]) == (OWNER, KEEPER)
    _, sale_tab, sale_lot, _, tic, sale_top = heard["sale"].values
    assert (sale_tab, sale_lot, sale_top) == (tab, lot, top)
    return {"top": top, "tic": tic, "tab": tab, "lot": lot, "coin": coin, "kpr_dai": heard["dai"].values[0]}


def write_status(lab, case):
    script = _sale(lab, case["state"])
    script.ask("call", lab.clipper, "getStatus(uint256)(bool,uint256,uint256,uint256)", SALE_ID)
    return script


def read_status(_lab, _case, heard):
    return dict(zip(("needsRedo", "price", "lot", "tab"), heard["call"].values, strict=True))


# Health ---------------------------------------------------------------------------------------------------------------


def write_check(lab, case):
    state = case["state"]
    script, maker, key = Script(state["rho"], state["now"]), lab.maker, lab.key
    _list(lab, script, state)
    script.set(maker.jug, "init(bytes32)", key)
    script.set(maker.jug, FILE_ILK_NUMBER, key, word("duty"), state["duty"])
    script.set(maker.jug, FILE_NUMBER, word("base"), state["base"])
    script.set(maker.spotter, FILE_ILK_NUMBER, key, word("mat"), state["mat"])
    _set_feed(lab, script, state)
    _place_vault(lab, script, OWNER, state)
    script.set(maker.dog, FILE_NUMBER, word("Hole"), ROOM_RAD)
    script.set(maker.dog, FILE_ILK_NUMBER, key, word("hole"), ROOM_RAD)
    script.set(maker.dog, FILE_ILK_NUMBER, key, word("chop"), WAD)
    # A fee below zero is paid by the Vow.
    script.set(maker.vat, "suck(address,address,uint256)", SINK, maker.vow, ROOM_RAD)
    script.ask("poke", maker.spotter, "poke(bytes32)", key)
    script.ask("drip", maker.jug, "drip(bytes32)(uint256)", key)
    script.ask("ilk", maker.vat, VAT_ILK, key)
    script.ask("bark", maker.dog, "bark(bytes32,address,address)(uint256)", key, OWNER, KEEPER)
    return script


def read_check(_lab, _case, heard):
    _, rate, spot, *_ = heard["ilk"].values
    assert heard["drip"].values == (rate,)
    return {"rate": rate, "spot": spot, "unsafe": heard["bark"].reason != "Dog/not-unsafe"}


def write_frob(lab, case):
    state, call = case["state"], case["call"]
    script, maker, key = Script(SOMETIME_S, SOMETIME_S), lab.maker, lab.key
    urn, payer, receiver = OWNER, THIRD, FOURTH
    _list(lab, script, state)

    for what in ("spot", "line", "dust"):
        script.set(maker.vat, FILE_ILK_NUMBER, key, word(what), state[what])

    script.set(maker.vat, FILE_NUMBER, word("Line"), state["Line"])
    # All debt there is, of which the vaults' own becomes theirs by being grabbed.
    script.set(maker.vat, "suck(address,address,uint256)", maker.vow, receiver, state["dai_w"])
    script.set(maker.vat, "suck(address,address,uint256)", maker.vow, SINK, state["debt"] - state["dai_w"])
    script.set(maker.vat, "slip(bytes32,address,int256)", key, SINK, state["ink"])
    script.set(maker.vat, GRAB, key, urn, SINK, maker.vow, state["ink"], state["art"])
    script.set(maker.vat, GRAB, key, OTHER, SINK, maker.vow, 0, state["Art"] - state["art"])
    script.set(maker.vat, "slip(bytes32,address,int256)", key, payer, state["gem_v"])

    for consents, account in (("u_consents", urn), ("v_consents", payer), ("w_consents", receiver)):
        if call[consents]:
            script.setting.append(_hope(maker.vat, account))

    if not state["live"]:
        script.set(maker.vat, "cage()")

    script.ask("call", maker.vat, FROB, key, urn, payer, receiver, call["dink"], call["dart"])
    script.ask("urn", maker.vat, VAT_URN, key, urn)
    script.ask("ilk", maker.vat, VAT_ILK, key)
    script.ask("debt", maker.vat, "debt()(uint256)")
    script.ask("gem", maker.vat, VAT_GEM, key, payer)
    script.ask("dai", maker.vat, "dai(address)(uint256)", receiver)
    return script


def read_frob(_lab, _case, heard):
    ink, art = heard["urn"].values
    return {
        "ink": ink,
        "art": art,
        "Art": heard["ilk"].values[0],
        "debt": heard["debt"].values[0],
        "gem_v": heard["gem"].values[0],
        "dai_w": heard["dai"].values[0],
    }


# Setting the scene ----------------------------------------------------------------------------------------------------


def _list(lab, script, state):
    """Open the collateral at a rate; at rate zero it is not open. With debt beyond a signed word nothing is filed."""
    if state["rate"] and not state["art"] >> 255:
        script.set(lab.maker.vat, "init(bytes32)", lab.key)
        script.set(lab.maker.vat, "fold(bytes32,address,int256)", lab.key, SINK, state["rate"] - RAY)


def _place_vault(lab, script, urn, state):
    """Make a vault by force, which asks no questions; debt beyond a signed word is written."""
    vat, key, ink, art = lab.maker.vat, lab.key, state["ink"], state["art"]

    if art >> 255:
        place = mapped(VAT_URNS, key, urn)
        script.store(vat, place, ink)
        script.store(vat, place + 1, art)
        script.store(vat, mapped(VAT_ILKS, key), art)
        script.store(vat, mapped(VAT_ILKS, key) + 1, state["rate"])
        return

    script.set(vat, "suck(address,address,uint256)", lab.maker.vow, SINK, art * state["rate"])
    script.set(vat, "slip(bytes32,address,int256)", key, SINK, ink)
    script.set(vat, GRAB, key, urn, SINK, lab.maker.vow, ink, art)


def _set_chop(lab, script, chop):
    """File the penalty, which the contract wants at one or above; write it otherwise."""
    if chop >= WAD:
        script.set(lab.maker.dog, FILE_ILK_NUMBER, lab.key, word("chop"), chop)
    else:
        script.store(lab.maker.dog, mapped(DOG_ILKS, lab.key) + 1, chop)


def _set_dirt(lab, script, state):
    script.store(lab.maker.dog, DOG_DIRT, state["Dirt"])
    script.store(lab.maker.dog, dirt_slot(lab.key), state["dirt"])


def _set_feed(lab, script, state):
    script.set(lab.ilk.source, "poke(bytes32)", state["val"].to_bytes(32, "big"))
    script.set(lab.maker.spotter, FILE_NUMBER, word("par"), state["par"])

    if not state["has"]:
        script.set(lab.ilk.source, "void()")


def _set_reward(lab, script, state):
    """What the price starts from, and what whoever starts an auction is paid."""
    _set_feed(lab, script, state)

    for what in ("buf", "tip", "chip"):
        # Filed with more than fits, the width of the contract's field is what is kept.
        wide = state[what] | (1 << 64 if what == "chip" else 0)
        script.set(lab.clipper, FILE_NUMBER, word(what), wide)


def _set_curve(lab, script, curve):
    place = lab.curves[curve["type"]]

    for what, value in curve.items():
        if what != "type":
            script.set(place, FILE_NUMBER, word(what), int(value))

    return place


def _sale(lab, state):
    """Kick the auction at its own time, where there is one; the call comes later."""
    maker, key, clipper = lab.maker, lab.key, lab.clipper
    script = Script(state["tic"] if state["running"] else state["now"], state["now"])
    script.set(maker.vat, "init(bytes32)", key)

    if state["running"]:
        # At a feed price of one the auction starts at the multiplier.
        _set_feed(lab, script, {"val": WAD, "has": True, "par": RAY})
        script.set(clipper, FILE_NUMBER, word("buf"), state["top"])
        script.set(maker.vat, "slip(bytes32,address,int256)", key, clipper, state["lot"])
        script.set(clipper, "kick(uint256,uint256,address,address)", state["tab"], state["lot"], OWNER, KEEPER)

    if "chost" in state:
        _set_chop(lab, script, WAD)
        script.set(maker.vat, FILE_ILK_NUMBER, key, word("dust"), state["chost"])
        script.set(clipper, "upchost()")

    for what in ("tail", "cusp"):
        script.set(clipper, FILE_NUMBER, word(what), state[what])

    script.set(clipper, FILE_ADDRESS, word("calc"), _set_curve(lab, script, state["curve"]))
    return script


def _hope(vat, account):
    return Ask(vat, "hope(address)", (ACTOR,), sender=account)


def dirt_slot(key):
    """Where the Dog keeps what of a collateral is at auction."""
    return mapped(DOG_ILKS, key) + 3


def _only(heard, emitter, topic):
    """Topics and data words of the one log of its kind."""
    (log,) = [
        log
        for log in heard.logs
        if bytes.fromhex(log["address"][2:]) == emitter and bytes.fromhex(log["topics"][0][2:]) == topic
    ]
    return [bytes.fromhex(one[2:]) for one in log["topics"]], log_words(log)


WRITERS = {
    ("bark", ""): write_bark,
    ("take", ""): write_take,
    ("price", ""): write_price,
    ("redo", "redo"): write_redo,
    ("redo", "getStatus"): write_status,
    ("health", "check"): write_check,
    ("health", "frob"): write_frob,
}
READERS = {
    ("bark", ""): read_bark,
    ("take", ""): read_take,
    ("price", ""): read_price,
    ("redo", "redo"): read_redo,
    ("redo", "getStatus"): read_status,
    ("health", "check"): read_check,
    ("health", "frob"): read_frob,
}
