"""Random states of Compound V3 markets: accounts near their threshold, reserves near their target, prices gone bad."""

from keeper.protocols.compound_v3 import math
from keeper.protocols.compound_v3.terms import BASE_INDEX_SCALE, Base, Curve, Curves, Totals
from keeper.units import WAD
from tests.parity.compound_v3_lab import HEAD_S, TARGET_S

THEMES = (
    "near", "under", "surplus", "bad debt", "healthy", "stale index", "opens the sale", "not for sale",
    "reached by one",
    "bad price", "bad base price", "bad price behind", "paused absorb", "paused buy", "standing", "no collateral",
    "dust", "moves before us", "absorbed before us", "high offsets",
)  # fmt: skip
MARKETS = ("usd6", "eth18", "btc8")
PRICES = {"usd6": 10**8, "eth18": 2_000 * 10**8, "btc8": 60_000 * 10**8}


def draw(lab, rng, theme):
    """One state of one market."""
    name = "usd6" if theme == "high offsets" else rng.choice(MARKETS)
    constants = lab.constants(name)
    base = Base(int(constants["baseScale"]), PRICES[name] * rng.randrange(9_900, 10_100) // 10_000)
    stale = 31_536_000 if theme == "stale index" else rng.choice([0, 0, 1, 12, 3_600, 86_400])
    state = {
        "market": name,
        "baseSupplyIndex": BASE_INDEX_SCALE + rng.randrange(10**15),
        "baseBorrowIndex": BASE_INDEX_SCALE + rng.randrange(2 * 10**15),
        "lastAccrualTime": HEAD_S - stale,
        "basePrice": base.price,
        "assets": {},
        "accounts": [],
        "buyerBaseBalance": 10**40,
    }
    held = _collateral(rng, constants, theme)
    for offset, amount in held.items():
        total = amount + rng.choice([0, rng.randrange(10 * amount)])
        stock = rng.choice([0, rng.randrange(1, 3 * amount)])
        price = _price(rng, constants["assets"][offset], amount)
        state["assets"][str(offset)] = {"price": price, "totalSupplyAsset": total, "tokenBalance": total + stock}

    if theme == "standing":
        offset = next(o for o in range(len(constants["assets"])) if o not in held)
        state["assets"][str(offset)] = {
            "price": 10**11,
            "totalSupplyAsset": 10**18,
            "tokenBalance": rng.randrange(2, 50) * 10**18,
        }

    _owe(rng, state, constants, held, base, theme)
    _reserve(rng, state, constants, theme)
    _break(rng, state, held, theme)
    return state


def _collateral(rng, constants, theme):
    """Amounts by offset, each worth some hundred to a million dollars at its price."""
    if theme == "no collateral":
        return {}

    offsets = range(len(constants["assets"]))
    chosen = rng.sample(offsets, rng.randrange(1, min(4, len(offsets) - 1) + 1))
    if theme == "high offsets":
        chosen = [rng.choice(range(16, 18)), rng.choice(range(16)), *rng.sample(range(16), 1)]

    if theme == "bad price behind" and len(chosen) < 2:
        chosen = [0, 1]

    scales = {offset: int(constants["assets"][offset]["scale"]) for offset in chosen}
    most = 10**3 if theme == "dust" else None
    return {
        o: rng.randrange(1, most or 10_000 * scale // rng.choice([1, 10, 1_000])) for o, scale in sorted(scales.items())
    }


def _price(rng, asset, amount):
    """A price at which a holding is worth a hundred to a million dollars, if that is any price at all."""
    dollars = rng.randrange(10**2, 10**6) * 10**8
    return max(min(dollars * int(asset["scale"]) // amount, 10**16), 2)


def _owe(rng, state, constants, held, base, theme):
    """Give the account a debt near its threshold, or as far from it as the theme wants."""
    totals = Totals(int(state["baseSupplyIndex"]), int(state["baseBorrowIndex"]), 0, 0, TARGET_S)
    cover = value = credit = 0
    for offset, amount in held.items():
        asset = constants["assets"][offset]
        worth = amount * state["assets"][str(offset)]["price"] // int(asset["scale"])
        cover += worth * int(asset["liquidateCollateralFactor"]) // WAD
        credit += worth * int(asset["liquidationFactor"]) // WAD
        value += worth

    wanted = {
        "healthy": cover * rng.randrange(50, 99) // 100,
        "bad debt": value * rng.randrange(101, 200) // 100,
        "no collateral": rng.randrange(1, 10**12),
        "stale index": cover * rng.randrange(9_800, 10_000) // 10_000,
        "surplus": (cover + max(credit, cover)) // 2 + 1,
        "dust": rng.randrange(10**4),
        "bad price behind": 1,
    }.get(theme, cover * rng.randrange(10_001, 10_400) // 10_000)
    if theme == "near":
        wanted = cover + rng.choice([0, 1, -1, 2, rng.randrange(-100, 100)])

    debt = max(wanted, 0) * base.scale // base.price + rng.choice([0, 1])
    principal = min(-(-debt * BASE_INDEX_SCALE // totals.base_borrow_index), 2**100)
    mask = sum(1 << offset for offset in held)
    state["accounts"].append(
        {
            "id": "u0",
            "principal": -principal,
            "assetsIn": mask & 0xFFFF,
            "_reserved": mask >> 16,
            "collateral": {str(offset): amount for offset, amount in held.items()},
        }
    )
    if theme in ("moves before us", "absorbed before us"):
        state["accounts"].append({"id": "u1", "principal": 10**6 * base.scale, "assetsIn": 0, "collateral": {}})

    state["totalBorrowBase"] = principal + rng.randrange(10**9 * base.scale)
    # Never so little supplied that reserves are far above any target.
    state["totalSupplyBase"] = 4 * state["totalBorrowBase"] + rng.randrange(10**9 * base.scale)


def _reserve(rng, state, constants, theme):
    """Let reserves be where the theme wants them in the target's block."""
    target = int(constants["targetReserves"])
    names = ("baseSupplyIndex", "baseBorrowIndex", "totalSupplyBase", "totalBorrowBase", "lastAccrualTime")
    sides = [[int(constants[side + part]) for part in _CURVE] for side in ("supply", "borrow")]
    now = math.accrued(Totals(*(int(state[n]) for n in names)), Curves(*(Curve(*side) for side in sides)), TARGET_S)
    scale = int(constants["baseScale"])
    wanted = {
        "opens the sale": target + rng.choice([0, 1, 2]),
        "not for sale": target + 10**12 * scale,
        "reached by one": target - rng.choice([1, 2, 10]),
    }.get(theme, target - rng.randrange(1, 10**7 * scale))
    state["baseBalance"] = max(wanted - math.reserves(0, now), 0)


_CURVE = ("Kink", "PerSecondInterestRateBase", "PerSecondInterestRateSlopeLow", "PerSecondInterestRateSlopeHigh")


def _break(rng, state, held, theme):
    if theme == "bad base price":
        state["basePrice"] = rng.choice([0, -1])
    elif theme == "bad price":
        state["assets"][str(rng.choice(list(held)))]["price"] = rng.choice([0, -5])
    elif theme == "bad price behind":
        state["assets"][str(max(held))]["price"] = 0
    elif theme.startswith("paused"):
        state["pauseFlags"] = 8 if theme == "paused absorb" else 16
