"""Random vaults, auctions and rules of Maker, in the shape of the recordings: each theme aims at a rule's edge."""

from dataclasses import dataclass, field

from keeper.units import MAX_UINT256, RAD, RAY, WAD

NOW = 1_700_000_000
UNLIMITED = 10**9 * RAD


@dataclass(frozen=True)
class Case:
    """A call, in the recordings' shape; `pokes` where the Spotter is to be poked before. `decimals` of the token."""

    theme: str
    kind: str
    state: dict
    call: dict
    decimals: int = 18
    mat: int = 0
    pokes: bool = False
    branches: set = field(default_factory=set)


def size(rng, low, high):
    """A number between two powers of ten, evenly over the scales."""
    return int(10 ** rng.uniform(low, high))


# Bark -----------------------------------------------------------------------------------------------------------------

ROOMS = ("plenty", "some", "some", "dusty", "crumb", "none", "exact", "beyond", "takes all")
BARKS = (*ROOMS, "healthy", "threshold", "just over", "stopped", "shut down", "no price", "unpaid", "poked", "all safe")


def bark(rng, theme):
    """A vault that owes about what it may, and so much room for its auction."""
    ink, rate = size(rng, 17, 24), RAY + rng.randrange(RAY)
    spot, share = size(rng, 24, 31), 10_000 - rng.randrange(1, 1_500)
    if theme in ("healthy", "poked", "all safe"):
        share = 10_000 + rng.randrange(1, 500)

    art = max(ink * spot * 10_000 // (rate * share), 1)
    if theme in ("threshold", "just over"):
        # Exactly what may be owed, or one unit more: a rate of one makes both sides meet.
        rate, spot = RAY, RAY * rng.randrange(1, 5_000)
        art = ink * (spot // RAY) + (theme == "just over")

    owed, chop = art * rate, WAD + rng.randrange(WAD // 4)
    dust = owed * rng.randrange(1, 900) // 1_000
    hole, dirt = _room(rng, theme, owed * chop // WAD, dust * chop // WAD)
    slack = rng.randrange(3)
    plain = {"Hole": UNLIMITED * 10**9, "Dirt": dirt + rng.randrange(RAD), "hole": hole, "dirt": dirt}
    if slack == 2 and theme in ROOMS:
        # The limit of all collateral types together binds instead of its own.
        plain = {"Hole": hole, "Dirt": dirt, "hole": UNLIMITED * 10**9, "dirt": dirt // 2}

    val, par = size(rng, 15, 22), RAY + rng.randrange(-RAY // 50, RAY // 50)
    feed = val * 10**9 * RAY // par
    mat = max(feed * RAY // (2 * spot), 1)
    if theme == "poked":
        mat = max(feed * RAY * 11 // (10 * spot), 1)  # what a poke would bring is a tenth lower

    state = {
        "ink": ink, "art": art, "rate": rate, "spot": spot, "dust": 0 if theme == "crumb" else dust, "live": 1,
        **plain, "chop": chop, "val": val, "has": theme != "no price", "par": par, "buf": RAY + rng.randrange(RAY // 2),
        "tip": rng.choice((0, size(rng, 45, 48))), "chip": rng.choice((0, rng.randrange(WAD // 50))),
        "stopped": rng.randrange(1, 4) if theme == "stopped" else 0, "chost": 0, "kicks": rng.randrange(1_000),
    }  # fmt: skip
    if theme == "unpaid":
        state |= {"tip": 0, "chip": 0}
    elif not state["tip"] and not state["chip"]:
        state["tip"] = 30 * RAD

    if theme == "shut down":
        state["live"] = 0

    state["chost"] = state["dust"] * chop // WAD
    return Case(theme, "bark", state, {"urn": "urn"}, mat=mat, pokes=theme == "poked")


def _room(rng, theme, tab, dust_tab):
    """Hole and dirt of a collateral type, by how much of the vault's auction they leave room for."""
    dirt = rng.choice((0, size(rng, 46, 52)))
    match theme:
        case "some":
            room = max(tab * rng.randrange(1, 1_000) // 1_000, 1)
        case "dusty":
            room = max(dust_tab * rng.randrange(1, 1_000) // 1_000, 1)
        case "crumb":
            room = 1
        case "none":
            room = 0
        case "exact":
            room = max(tab + rng.randrange(-1, 2), 1)
        case "beyond":
            room = -rng.randrange(1, dirt + 2)
        case "takes all":
            room = max(tab - dust_tab * rng.randrange(1, 1_000) // 1_000, 1)  # leaves less than dust
        case _:
            room = UNLIMITED

    return max(dirt + room, 0), dirt


# Auctions ------------------------------------------------------------------------------------------------------------

TAKES = (
    "part", "part", "most", "one more", "whole", "sells out", "trimmed", "exactly the tab", "too small a rest", "over",
    "must be reset", "fell too far", "stopped", "given away", "eight decimals", "one unit", "nothing",
)  # fmt: skip
REDOS = ("too long", "fell too far", "too early", "stopped", "no price", "little left", "unpaid")


def curve(rng):
    """A curve and how fast it falls."""
    kinds = (
        {"type": "linear", "tau": rng.randrange(1_000, 100_000)},
        {"type": "stairstep", "step": rng.randrange(1, 200), "cut": RAY - rng.randrange(RAY // 50)},
        {"type": "exponential", "cut": RAY - rng.randrange(RAY // 5_000)},
    )
    return rng.choice(kinds)


def take(rng, theme):
    """An auction some time after its start; whoever asks price, tab and rest of it needs them worked out: see `aim`."""
    lot, top = size(rng, 17, 24), size(rng, 25, 31)
    tab = lot * top * rng.randrange(300, 1_500) // 1_000
    chost = tab * rng.randrange(1, 400) // 1_000
    elapsed = rng.randrange(400)
    state = {
        "running": True, "tab": tab, "lot": lot, "top": top, "tic": NOW - elapsed, "now": NOW, "curve": curve(rng),
        "tail": 100_000, "cusp": 0, "chost": chost, "stopped": 0, "taker_dai": tab * 2, "hope": True,
        "Dirt": tab * 3, "dirt": tab * 2,
    }  # fmt: skip
    match theme:
        case "over":
            state |= {"running": False, "tab": 0, "lot": 0, "top": 0, "tic": 0}
        case "must be reset":
            state |= {"tail": max(elapsed - 1, 0), "tic": NOW - max(elapsed, 1)}
        case "fell too far":
            state |= {"cusp": RAY, "tic": NOW - 400}
        case "stopped":
            state["stopped"] = rng.randrange(1, 5)
        case "given away":
            state |= {"curve": {"type": "linear", "tau": 300}, "tic": NOW - 350}
        case "too small a rest":
            state["chost"] = tab + rng.randrange(2)
        case "sells out":
            state["tab"] = lot * top * 2
            state |= {"Dirt": state["tab"] * 2, "dirt": state["tab"], "taker_dai": state["tab"]}

    call = {"amt": MAX_UINT256, "max": MAX_UINT256, "who": "taker", "data": "0x", "reenter": ""}
    return Case(theme, "take", state, call, decimals=8 if theme == "eight decimals" else 18)


def aim(rng, case, price):
    """The amount a theme buys, in units of the token, once the price is known."""
    state, unit = case.state, 10 ** (18 - case.decimals)
    tab, lot, chost = state["tab"], state["lot"], state["chost"]
    if not price or case.theme in ("whole", "sells out", "over", "given away"):
        return MAX_UINT256

    most = min(max(tab - chost, 0) // price, lot) // unit
    match case.theme:
        case "most":
            amt = most
        case "one more":
            amt = most + 1
        case "trimmed":
            amt = (most + tab // price // unit) // 2 + 1
        case "exactly the tab":
            amt = tab // price // unit
        case "one unit":
            amt = 1
        case "nothing":
            amt = 0
        case _:
            amt = rng.randrange(1, max(most, 2))

    return amt


def redo(rng, theme):
    """An auction that ran too long, or not."""
    base = take(rng, "fell too far" if theme == "fell too far" else "must be reset")
    state = {**base.state, "val": size(rng, 15, 22), "has": theme != "no price", "par": RAY, "buf": RAY * 11 // 10}
    state |= {"tip": 30 * RAD, "chip": WAD // 1_000}
    for name in ("taker_dai", "hope", "Dirt", "dirt"):
        del state[name]

    state["chost"] = min(state["chost"], state["lot"] * state["val"] * 10**9 // 2)
    match theme:
        case "too early":
            state |= {"tail": 100_000, "cusp": 0}
        case "stopped":
            state["stopped"] = rng.randrange(1, 4)
        case "little left":
            state["chost"] = state["tab"] + rng.randrange(2)
        case "unpaid":
            state |= {"tip": 0, "chip": 0}

    return Case(theme, "redo", state, {"fn": "redo"})


THEMES = (
    *(("bark", theme) for theme in BARKS),
    *(("take", theme) for theme in TAKES),
    *(("redo", theme) for theme in REDOS),
)
DRAW = {"bark": bark, "take": take, "redo": redo}
