"""The twin of Maker against what the real contracts answered, and against how their logs are laid out.

Written without a look at the adapter, so that the two halves can be wrong only apart.
"""

import random

import pytest

from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.chain import LocalChain, NodeError
from keeper.sandbox.maker import compile_maker, word
from keeper.sandbox.node import to_hex
from keeper.units import MAX_UINT256, RAD, RAY, WAD
from tests.parity import maker_twin_cases as cases
from tests.parity.maker_twin_lab import (
    ACTOR,
    FILE_ILK_NUMBER,
    FILE_NUMBER,
    GENESIS_S,
    KEEPER,
    OTHER,
    OWNER,
    SINK,
    MakerTwinLab,
    Script,
    log_words,
)
from tests.recorded import recorded

CASES = recorded("maker")
SAMPLE = 400
NOW = cases.SOMETIME_S

# As measured on the real contracts.
BARK = "85258d09e1e4ef299ff3fc11e74af99563f022d21f3f940db982229dc2a3358c"
DIGS = "54f095dc7308776bf01e8580e4dd40fd959ea4bf50b069975768320ef8d77d8a"
KICK = "7c5bfdc0a5e8192f6cd4972f382cec69116862fb62e6abff8003874c58e064b8"
TAKE = "05e309fd6ce72f2ab888a20056bb4210df08daed86f21f95053deb19964d86b1"
REDO = "275de7ecdd375b5e8049319f8b350686131c219dd4dc450a08e9cf83b03c865f"
YANK = "2c5d2826eb5903b8fc201cf48094b858f42f61c7eaac9aaf43ebed490138144e"
POKE = "dfd7467e425a8107cfd368d159957692c25085aacbcf5228ce08f10f2146486e"
LOG_VALUE = "296ba4ca62c6c21c95e828080cb8aec7481b71390585605300a8a76f9e95b527"
FROB_NOTE, GRAB_NOTE, FOLD_NOTE, FILE_NOTE = "76088703", "7bab3f40", "b65337df", "1a0b287e"
FLUX_NOTE, MOVE_NOTE, SUCK_NOTE = "6111be2e", "bb35783b", "f24e23eb"
FESS_NOTE, DRIP_NOTE, OSM_POKE_NOTE = "697efb78", "44e2a5a8", "18178358"

pytestmark = pytest.mark.anvil


@pytest.fixture(scope="module")
def lab(packages):
    with Anvil(packages, AnvilOptions(timestamp=GENESIS_S)) as anvil:
        chain = LocalChain(anvil.url)
        yield MakerTwinLab(chain, compile_maker(packages))
        chain.close()


# Recorded cases -------------------------------------------------------------------------------------------------------


def differing(lab, chosen):
    return [
        (case, answer)
        for case, answer in zip(chosen, cases.answers(lab, chosen), strict=True)
        if answer != cases.answer_of(case)
    ]


def test_twin_answers_a_sample_as_recorded(lab, random_seed):
    """One case of every kind, label and reason of refusal, and others at random."""
    chosen = {(case["kind"], case["label"], case.get("revert")): case for case in CASES}
    others = random.Random(random_seed).sample(CASES, max(SAMPLE - len(chosen), 0))
    assert differing(lab, [*chosen.values(), *others]) == []


@pytest.mark.full
def test_twin_answers_everything_as_recorded(lab):
    assert len(CASES) == 1_870
    assert differing(lab, CASES) == []


def test_twin_compared_with_a_wrong_recording_differs(lab):
    """The comparison itself: a number one off, and a refusal by another name."""
    landed = next(case for case in CASES if case["kind"] == "take" and "result" in case)
    refused = next(case for case in CASES if case.get("revert") == "Clipper/needs-reset")
    off = {**landed, "result": {**landed["result"], "owe": str(int(landed["result"]["owe"]) + 1)}}
    assert len(differing(lab, [off, {**refused, "revert": "Clipper/too-expensive"}, landed, refused])) == 2


# Logs -----------------------------------------------------------------------------------------------------------------


def vault(lab, *, price=1_000 * WAD):
    """A script with everything listed and a vault of 10 units and 5,000 DAI, safe down to a price of 750."""
    script, maker, key = Script(NOW, NOW + 100), lab.maker, lab.key
    script.set(maker.vat, "init(bytes32)", key)
    script.set(maker.jug, "init(bytes32)", key)
    script.set(maker.jug, FILE_ILK_NUMBER, key, word("duty"), RAY + RAY // 10**9)
    script.set(maker.vat, FILE_NUMBER, word("Line"), 10**6 * RAD)
    script.set(maker.vat, FILE_ILK_NUMBER, key, word("line"), 10**6 * RAD)
    script.set(maker.vat, FILE_ILK_NUMBER, key, word("dust"), 100 * RAD)
    script.set(maker.spotter, FILE_ILK_NUMBER, key, word("mat"), 3 * RAY // 2)
    script.set(maker.dog, FILE_NUMBER, word("Hole"), 10**6 * RAD)
    script.set(maker.dog, FILE_ILK_NUMBER, key, word("hole"), 10**6 * RAD)
    script.set(maker.dog, FILE_ILK_NUMBER, key, word("chop"), WAD)
    script.set(lab.curves["linear"], FILE_NUMBER, word("tau"), 1_000)

    for what, value in (("tail", 600), ("tip", 10 * RAD)):
        script.set(lab.clipper, FILE_NUMBER, word(what), value)

    script.set(lab.clipper, "file(bytes32,address)", word("calc"), lab.curves["linear"])
    feed(lab, script, price)
    script.set(maker.vat, "slip(bytes32,address,int256)", key, ACTOR, 10 * WAD)
    script.set(maker.vat, cases.FROB, key, ACTOR, ACTOR, ACTOR, 10 * WAD, 5_000 * WAD)
    return script


def feed(lab, script, price):
    script.set(lab.ilk.source, "poke(bytes32)", price.to_bytes(32, "big"))
    script.set(lab.maker.spotter, "poke(bytes32)", lab.key)


def said(lab, heard, own):
    """The logs of a call: who said it, and the note's selector or the event's topic."""
    names = {lab.maker.vat: "vat", lab.maker.vow: "vow", lab.maker.dog: "dog", lab.clipper: "clipper", **own}
    return [
        (names[bytes.fromhex(log["address"][2:])], log["topics"][0][2:].removesuffix("0" * 56)) for log in heard.logs
    ]


def test_bark_take_and_redo_log_in_the_order_measured(lab):
    script, maker = vault(lab), lab.maker
    feed(lab, script, 700 * WAD)
    script.set(maker.vat, "hope(address)", lab.clipper)
    script.set(maker.dog, "bark(bytes32,address,address)", lab.key, ACTOR, KEEPER)
    script.set(maker.vat, "suck(address,address,uint256)", SINK, ACTOR, 10**6 * RAD)
    # At 100 s of 1,000 a unit costs 630: 5,000 take a little less than eight, the rest goes back.
    script.ask(
        "all", lab.clipper, "take(uint256,uint256,uint256,address,bytes)", 1, MAX_UINT256, MAX_UINT256, ACTOR, b""
    )
    taken = next(lab.play([script]))["all"]
    assert said(lab, taken, {}) == [
        ("vat", FLUX_NOTE),
        ("vat", MOVE_NOTE),
        ("dog", DIGS),
        ("vat", FLUX_NOTE),
        ("clipper", TAKE),
    ]
    script = vault(lab)
    feed(lab, script, 700 * WAD)
    script.then = NOW
    script.ask("bark", maker.dog, "bark(bytes32,address,address)", lab.key, ACTOR, KEEPER)
    assert said(lab, next(lab.play([script]))["bark"], {}) == [
        ("vat", GRAB_NOTE),
        ("vow", FESS_NOTE),
        ("vat", SUCK_NOTE),
        ("clipper", KICK),
        ("dog", BARK),
    ]
    script.setting += script.asked
    script.asked, script.then = [], NOW + 601
    script.ask("redo", lab.clipper, "redo(uint256,address)", 1, KEEPER)
    assert said(lab, next(lab.play([script]))["redo"], {}) == [("vat", SUCK_NOTE), ("clipper", REDO)]


def test_drip_and_pokes_log_in_the_order_measured(lab):
    script, maker = vault(lab), lab.maker
    script.ask("drip", maker.jug, "drip(bytes32)(uint256)", lab.key)
    script.ask("poke", maker.spotter, "poke(bytes32)", lab.key)
    heard = next(lab.play([script]))
    names = {maker.jug: "jug", maker.spotter: "spotter"}
    assert said(lab, heard["drip"], names) == [("vat", FOLD_NOTE), ("jug", DRIP_NOTE)]
    assert said(lab, heard["poke"], names) == [("vat", FILE_NOTE), ("spotter", POKE)]


def test_frob_note_has_three_arguments_as_topics_and_all_in_its_data(lab):
    script = vault(lab)
    script.ask("frob", lab.maker.vat, cases.FROB, lab.key, ACTOR, ACTOR, ACTOR, 0, -(10**18))
    (note,) = next(lab.play([script]))["frob"].logs
    caller = ACTOR.hex().rjust(64, "0")
    assert note["topics"] == [f"0x{topic}" for topic in (FROB_NOTE + "0" * 56, lab.key.hex(), caller, caller)]
    data = bytes.fromhex(note["data"][2:])
    assert len(data) == 288
    assert log_words(note)[:2] == [32, 224]
    assert data[64:68].hex() == FROB_NOTE
    assert data[68:100] == lab.key
    assert int.from_bytes(data[196:228]) == 0
    assert int.from_bytes(data[228:260], signed=True) == -(10**18)
    assert data[260:] == bytes(28)


def test_drip_note_names_its_caller_first(lab):
    script = vault(lab)
    script.ask("drip", lab.maker.jug, "drip(bytes32)(uint256)", lab.key)
    note = next(lab.play([script]))["drip"].logs[-1]
    assert note["topics"][1:] == [f"0x{topic}" for topic in (ACTOR.hex().rjust(64, "0"), lab.key.hex(), "0" * 64)]


# What no recorded case reaches ----------------------------------------------------------------------------------------


def test_dusty_bark_leaves_bytes_behind_its_reason(lab):
    """Decoders that want zeros there would lose the reason."""
    script = vault(lab)
    feed(lab, script, 700 * WAD)
    script.set(lab.maker.dog, FILE_ILK_NUMBER, lab.key, word("hole"), 50 * RAD)
    script.ask("bark", lab.maker.dog, "bark(bytes32,address,address)", lab.key, ACTOR, KEEPER)
    heard = next(lab.play([script]))["bark"]
    assert heard.reason == "Dog/dusty-auction-from-partial-liquidation"
    assert (len(heard.data), any(heard.data[68 + 42 :])) == (132, True)


def test_finished_auction_leaves_the_last_one_in_its_place(lab):
    """Three auctions, the first is called off: the list is the third and the second."""
    script, maker = vault(lab), lab.maker
    script.set(maker.vat, "slip(bytes32,address,int256)", lab.key, lab.clipper, 3 * WAD)

    for _ in range(3):
        script.set(lab.clipper, "kick(uint256,uint256,address,address)", RAD, WAD, OWNER, KEEPER)

    script.store(maker.dog, cases.DOG_DIRT, RAD)
    script.store(maker.dog, cases.dirt_slot(lab.key), RAD)
    script.ask("yank", lab.clipper, "yank(uint256)", 1)
    script.ask("list", lab.clipper, "list()(uint256[])")
    script.ask("moved", lab.clipper, cases.SALE, 3)
    script.ask("again", lab.clipper, "yank(uint256)", 1)
    script.ask("outsider", lab.clipper, "yank(uint256)", 2, sender=OTHER)
    heard = next(lab.play([script]))
    assert said(lab, heard["yank"], {})[-1] == ("clipper", YANK)
    assert heard["list"].values == (3, 2)
    assert heard["moved"].values[0] == 0
    assert heard["again"].reason == "Clipper/not-running-auction"
    assert heard["outsider"].reason == "Clipper/not-authorized"


def test_osm_value_counts_one_hop_after_it_is_fetched(lab):
    """Slots as they are read of the real one: source, hop and zzz share the third, values have their flag above."""
    chain = lab.chain

    with chain.undone():
        osm = chain.deploy(lab.contracts["TwinOsm"], lab.ilk.source)
        first, second = 7 * WAD, 8 * WAD

        for value in (first, second):
            chain.send(lab.ilk.source, "poke(bytes32)", value.to_bytes(32, "big"))
            chain.mine(interval_s=3_600)
            receipt = chain.send(osm, "poke()")

        slots = [int(chain.node.rpc("eth_getStorageAt", to_hex(osm), hex(slot), "latest"), 16) for slot in (2, 3, 4)]
        zzz = chain.timestamp() // 3_600 * 3_600
        assert slots == [
            int.from_bytes(lab.ilk.source) | 3_600 << 160 | zzz << 176,
            1 << 128 | first,
            1 << 128 | second,
        ]
        assert [log["topics"][0][2:].removesuffix("0" * 56) for log in receipt["logs"]] == [LOG_VALUE, OSM_POKE_NOTE]

        with pytest.raises(NodeError, match=b"OSM/not-passed".hex()):
            chain.send(osm, "poke()")

        with pytest.raises(NodeError, match=b"OSM/contract-not-whitelisted".hex()):
            chain.call(osm, "peek()(bytes32,bool)")


def test_joins_take_token_units_and_dai_goes_in_and_out(lab):
    """Eight decimals: 3 units are 3 * 10**10 of the Vat's; a thousand DAI out and all but one back."""
    chain, maker, contracts = lab.chain, lab.maker, lab.contracts

    with chain.undone():
        token = chain.deploy(contracts["TwinSandboxDai"], "EIGHT", "EIGHT", 8)
        join = chain.deploy(contracts["TwinGemJoin5"], maker.vat, lab.key, token)
        chain.send(maker.vat, "rely(address)", join)
        chain.send(token, "mint(address,uint256)", chain.account, 3)
        chain.send(token, "approve(address,uint256)", join, 3)
        chain.send(join, "join(address,uint256)", chain.account, 3)
        assert chain.call(maker.vat, cases.VAT_GEM, lab.key, chain.account) == 3 * 10**10
        chain.send(join, "exit(address,uint256)", chain.account, 2)
        assert chain.call(maker.vat, cases.VAT_GEM, lab.key, chain.account) == 10**10
        assert chain.call(token, "balanceOf(address)(uint256)", chain.account) == 2

        chain.send(maker.vat, "suck(address,address,uint256)", maker.vow, chain.account, 1_000 * RAD)
        chain.send(maker.vat, "hope(address)", maker.dai_join)
        chain.send(maker.dai_join, "exit(address,uint256)", chain.account, 1_000 * WAD)
        chain.send(maker.dai, "approve(address,uint256)", maker.dai_join, MAX_UINT256)
        chain.send(maker.dai_join, "join(address,uint256)", chain.account, 999 * WAD)
        assert chain.call(maker.dai, "totalSupply()(uint256)") == WAD
        assert chain.call(maker.vat, "dai(address)(uint256)", chain.account) == 999 * RAD
