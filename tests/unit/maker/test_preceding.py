"""The market just before a point inside a block: what each kind of log changes, and nothing else."""

import pytest

from keeper.protocols.maker import Addresses, abi, build
from keeper.protocols.maker.auction import Sale
from keeper.protocols.maker.ilk import Feed
from keeper.protocols.maker.urn import Urn
from keeper.protocols.words import selector
from keeper.types import Address
from keeper.units import RAD, RAY, WAD
from tests.fakes.maker_market import CLIP, CONTRACTS, ILK, KEY, NOW, OWNER, PIP, event, ilk, market, note, sale, target

ADAPTER = build("maker", Addresses(*(Address(bytes(20)) for _ in range(3)), ()))
LATER = target(NOW + 12, 102)
FEE = RAY + 10**18
HELD = Feed(PIP, 2_000 * WAD, 1_900 * WAD, NOW, NOW - 3_600)
PARENT = market([ilk(fee=FEE, feed=HELD, sales={7: sale()})], {KEY: Urn(105 * WAD, 141_000 * WAD)})
KPR = Address(b"\xee" * 20)


def word(text):
    return text.encode().ljust(32, b"\0")


def after(*logs):
    return ADAPTER.sync.preceding(PARENT, logs, LATER)


def of(*logs):
    return after(*logs).ilks[ILK]


def test_no_logs_only_let_time_pass():
    assert after() == PARENT.at(LATER)
    assert of().rate_now > PARENT.ilks[ILK].rate_now


def test_vault_moves_by_its_note():
    frob = note(selector(abi.FROB), ILK, OWNER, OWNER, OWNER, -WAD, 0)
    assert after(frob).urn(KEY) == Urn(104 * WAD, 141_000 * WAD)
    assert PARENT.urn(KEY) == Urn(105 * WAD, 141_000 * WAD)


def test_notes_of_other_collateral_types_are_passed_over():
    other = word("WBTC-A")
    logs = [
        note(selector(abi.FROB), other, OWNER, OWNER, OWNER, -WAD, 0),
        note(selector(abi.FOLD), other, CONTRACTS.vow, 5),
        note(selector(abi.FILE_ILK), other, word("spot"), 5),
        event(CONTRACTS.dog, abi.DIGS, (other,), (5,)),
    ]
    assert after(*logs) == after()


def test_drip_raises_the_rate_and_says_when():
    """What was growing until now is in it: nothing is left to grow at the same second."""
    dripped = of(note(selector(abi.FOLD), ILK, CONTRACTS.vow, 7))
    assert (dripped.rate, dripped.rho, dripped.rate_now) == (RAY + 7, NOW + 12, RAY + 7)
    lowered = of(note(selector(abi.FOLD), ILK, CONTRACTS.vow, -7))
    assert lowered.rate == RAY - 7


@pytest.mark.parametrize(("what", "field"), [("spot", "spot"), ("dust", "dust")])
def test_vat_files_what_vaults_are_judged_by(what, field):
    assert getattr(of(note(selector(abi.FILE_ILK), ILK, word(what), 99)), field) == 99


def test_vat_files_other_things_too():
    assert after(note(selector(abi.FILE_ILK), ILK, word("line"), 99)) == after()


def test_feed_that_let_its_next_price_in_has_it():
    changed = of(event(PIP, abi.LOG_VALUE, (), (1_900 * WAD,)))
    assert (changed.feed.val, changed.feed.due, changed.start.val) == (1_900 * WAD, None, 1_900 * WAD)
    assert after(event(CLIP, abi.LOG_VALUE, (), (1_900 * WAD,))) == after()


def test_limits_are_filed_for_one_and_for_all():
    hole = of(event(CONTRACTS.dog, abi.FILED_OF_ILK, (ILK, word("hole")), (5,)))
    chop = of(event(CONTRACTS.dog, abi.FILED_OF_ILK, (ILK, word("chop")), (6,)))
    every = of(event(CONTRACTS.dog, abi.FILED, (word("Hole"),), (7,)))
    assert (hole.limits.hole, chop.limits.chop, every.limits.Hole) == (5, 6, 7)


def test_auction_starts_and_counts_against_the_limits():
    started = of(event(CLIP, abi.KICKED, (8, OWNER, KPR), (2_000 * RAY, 300 * RAD, WAD, RAD)))
    assert started.auctions[8].sale == Sale(300 * RAD, WAD, NOW + 12, 2_000 * RAY)
    assert started.auctions[8].owner == OWNER
    assert (started.limits.Dirt, started.limits.dirt, started.start.kicks) == (300 * RAD, 300 * RAD, 8)


def test_auction_is_bought_from_and_comes_off_the_limits():
    take = event(CLIP, abi.TAKEN, (7, OWNER), (1, 2, 3, 150_000 * RAD, 80 * WAD))
    digs = event(CONTRACTS.dog, abi.DIGS, (ILK,), (50_000 * RAD,))
    kick = event(CLIP, abi.KICKED, (8, OWNER, KPR), (2_000 * RAY, 60_000 * RAD, WAD, RAD))
    left = of(kick, digs, take)
    assert left.auctions[7].sale == Sale(150_000 * RAD, 80 * WAD, NOW - 60, 2_200 * RAY)
    assert (left.limits.Dirt, left.limits.dirt) == (10_000 * RAD, 10_000 * RAD)


@pytest.mark.parametrize(("tab", "lot"), [(0, 5), (5, 0), (0, 0)])
def test_auction_is_over_when_either_runs_out(tab, lot):
    assert of(event(CLIP, abi.TAKEN, (7, OWNER), (1, 2, 3, tab, lot))).auctions == {}


def test_auction_is_started_anew_or_taken_back():
    redone = of(event(CLIP, abi.REDONE, (7, OWNER, KPR), (2_100 * RAY, 200_000 * RAD, 110 * WAD, RAD)))
    assert redone.auctions[7].sale == Sale(200_000 * RAD, 110 * WAD, NOW + 12, 2_100 * RAY)
    assert redone.limits.dirt == 0
    assert of(event(CLIP, abi.YANKED, (), (7,))).auctions == {}


def test_clipper_files_what_it_sells_by():
    names = ("buf", "tip", "chip", "tail", "cusp", "stopped")
    changed = of(*(event(CLIP, abi.FILED, (word(name),), (n,)) for n, name in enumerate(names, 1)))
    assert (changed.start.buf, changed.start.tip, changed.start.chip, changed.start.stopped) == (1, 2, 3, 6)
    assert (changed.rules.tail, changed.rules.cusp, changed.rules.stopped) == (4, 5, 6)
    assert after(event(CLIP, abi.FILED, (word("else"),), (9,))) == after()
