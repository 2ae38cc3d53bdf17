"""What is read every block: everything governance can change, every feed, every auction; only vaults come from logs.

A collateral type that cannot be read whole is set aside alone, and says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.feeds import answer, call
from keeper.protocols.maker import abi, math
from keeper.protocols.maker.auction import Rules, Sale
from keeper.protocols.maker.bark import Limits, Start
from keeper.protocols.maker.checked import RevertedError
from keeper.protocols.maker.ilk import Auction, Feed, Ilk, Listing
from keeper.protocols.maker.market import Contracts
from keeper.protocols.maker.math import Curve
from keeper.protocols.reads import Reads, ask, gather
from keeper.protocols.words import WORD, address_at, encode, selector, word
from keeper.types import ZERO_ADDRESS, Address, Call, Returned
from keeper.units import RAY

_PROBE: Final = (1_234 * RAY + 567, 777)
"""A price and a time a calculator is asked for: only one that answers as our curve does is believed to follow it."""
_NO_CURVE: Final = math.Linear(0)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all collateral types go by; `Hole` and `Dirt` in rad, `par` and `base` in ray."""

    live: int
    Hole: int
    Dirt: int
    par: int
    base: int


def read_shared(contracts: Contracts) -> Reads[Shared]:
    """Read it in one round."""
    dog, spotter, jug = contracts.dog, contracts.spotter, contracts.jug
    asked = ((dog, abi.LIVE), (dog, abi.DOG_HOLE), (dog, abi.DOG_DIRT), (spotter, abi.PAR), (jug, abi.BASE))
    answers = yield from ask(*(call(*each) for each in asked))
    return Shared(*(word(answer(a, what, to), 0) for a, (to, what) in zip(answers, asked, strict=True)))


def read_ilk(contracts: Contracts, listing: Listing, shared: Shared) -> Reads[Ilk]:
    """Read one collateral type in four rounds, as of the block; `Ilk.at` brings it to the target."""
    ilk = listing.ilk
    places = (contracts.vat, contracts.spotter, contracts.jug, contracts.dog)
    signatures = (abi.VAT_ILKS, abi.SPOTTER_ILKS, abi.JUG_ILKS, abi.DOG_ILKS)
    answers = yield from ask(*(call(to, what, ilk) for to, what in zip(places, signatures, strict=True)))
    vat, spotter, jug, dog = (answer(a, s, to) for a, s, to in zip(answers, signatures, places, strict=True))
    clip, pip = address_at(dog, 0), address_at(spotter, 0)
    limits = Limits(shared.live, shared.Hole, shared.Dirt, word(dog, 2), word(dog, 3), word(dog, 1))
    found = Ilk(
        listing=listing,
        clip=clip,
        rate=word(vat, 1),
        spot=word(vat, 2),
        dust=word(vat, 4),
        fee=shared.base + word(jug, 0),
        rho=word(jug, 1),
        mat=word(spotter, 1),
        feed=Feed(pip, None),
        limits=limits,
        start=Start(None, shared.par, 0, 0, 0, 0, 0),
        rules=Rules(_NO_CURVE, 0, 0, 0, 0),
    )
    if clip == ZERO_ADDRESS:
        return replace(found, trouble="it has no Clipper")

    feed, sold = yield from gather(_read_feed(pip, contracts.spotter), _read_clipper(found, contracts))
    return replace(sold, feed=feed, start=replace(sold.start, val=feed.val))


def _read_feed(pip: Address, spotter: Address) -> Reads[Feed]:
    """Read a feed as the Spotter, whom it must answer: many answer nobody else."""
    current, waiting, hop, zzz, stopped = yield from ask(
        Call(pip, selector(abi.PEEK), sender=spotter),
        Call(pip, selector(abi.PEEP), sender=spotter),
        *(call(pip, what) for what in (abi.HOP, abi.ZZZ, abi.STOPPED)),
    )
    val = _value(current)
    since = _word(zzz)
    held, pause = _value(waiting), _word(hop)
    if since is None or pause is None:
        return Feed(pip, val)

    due = None if _word(stopped) else since + pause
    return Feed(pip, val, held, due, since)


def _value(returned: Returned) -> int | None:
    """Read (value, has); None where there is none, and for what is not of that shape."""
    if not returned.ok or len(returned.data) != 2 * WORD or word(returned.data, 1) != 1:
        return None

    return word(returned.data, 0)


def _word(returned: Returned) -> int | None:
    return word(returned.data, 0) if returned.ok and len(returned.data) == WORD else None


# Auctions ---------------------------------------------------------------------------------------------------------


def _read_clipper(ilk: Ilk, contracts: Contracts) -> Reads[Ilk]:
    """Read a Clipper with its calculator and every running auction."""
    clip = ilk.clip
    single = (
        abi.SPOTTER, abi.CALC, abi.BUF, abi.TAIL, abi.CUSP, abi.CHIP, abi.TIP, abi.CHOST, abi.STOPPED, abi.KICKS,
    )  # fmt: skip
    *answers, listed = yield from ask(*(call(clip, what) for what in (*single, abi.LIST)))
    if not listed.ok or any(not a.ok or len(a.data) != WORD for a in answers):
        return replace(ilk, trouble="its Clipper does not answer as one")

    spotter, calc = address_at(answers[0].data, 0), address_at(answers[1].data, 0)
    buf, tail, cusp, chip, tip, chost, stopped, kicks = (word(a.data, 0) for a in answers[2:])
    numbers = sorted(_numbers(listed.data))
    curve, sales = yield from gather(_read_curve(calc), _read_sales(clip, numbers))
    if spotter != contracts.spotter:
        trouble = "its Clipper goes by another Spotter"
    elif curve is None:
        trouble = "how its auctions' price falls is none of the three known ways"
    elif sales is None:
        trouble = "its Clipper is of another kind"
    else:
        trouble = ""

    return replace(
        ilk,
        start=replace(ilk.start, buf=buf, tip=tip, chip=chip, stopped=stopped, kicks=kicks),
        rules=Rules(curve or _NO_CURVE, tail, cusp, chost, stopped),
        auctions=sales or {},
        trouble=trouble,
    )


def _read_curve(calc: Address) -> Reads[Curve | None]:
    """Tell a calculator by what it can be asked; None where it does not answer as the curve that would make it."""
    parameters = (abi.TAU, abi.STEP, abi.CUT)
    *answers, probe = yield from ask(*(call(calc, what) for what in parameters), call(calc, abi.PRICE, *_PROBE))
    tau, step, cut = map(_word, answers)
    curve: Curve
    if tau is not None:
        curve = math.Linear(tau)
    elif cut is None:
        return None
    else:
        curve = math.Exponential(cut) if step is None else math.Stairstep(step, cut)

    try:
        ours: int | None = math.price_at(curve, *_PROBE)
    except RevertedError:
        ours = None

    return curve if ours == _word(probe) else None


def _read_sales(clip: Address, numbers: Sequence[int]) -> Reads[dict[int, Auction] | None]:
    """Read the running auctions; None where they have another shape, as those of the staking engine have."""
    if not numbers:
        return {}

    answers = yield from ask(*(Call(clip, encode(abi.SALES, number)) for number in numbers))
    found: dict[int, Auction] = {}
    for number, returned in zip(numbers, answers, strict=True):
        if not returned.ok or len(returned.data) != 6 * WORD:
            return None

        tab, lot, tic, top = (word(returned.data, i) for i in (1, 2, 4, 5))
        found[number] = Auction(Sale(tab, lot, tic, top), address_at(returned.data, 3))

    return found


def _numbers(data: bytes) -> tuple[int, ...]:
    """Read an answer that is one dynamic array of numbers."""
    start = word(data, 0) // WORD
    length = word(data, start)
    if length > len(data) // WORD:
        raise DecodeError(f"an array of {length} numbers in {len(data)} bytes")

    return tuple(word(data, start + 1 + i) for i in range(length))
