"""The cure named for a position, made on the protocol's own contracts, reaches the target; one unit less does not."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from keeper.margin.cure import cures
from keeper.margin.state import DEFAULT_MARGIN_CALL_WAD
from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.units import WAD
from tests.parity.aave_v2_lab import LabV2
from tests.parity.aave_v3_lab import lab36, lab302
from tests.parity.compound_v2_lab import Lab as CompoundLab
from tests.parity.compound_v3_lab import Lab as CometLab
from tests.parity.cure_clinics import AaveV2Clinic, AaveV3Clinic, CompoundV2Clinic, MorphoBlueClinic, PerpCurieClinic
from tests.parity.cure_clinics_twins import CompoundV3Clinic, DydxLab, DydxPerpetualClinic, MakerClinic
from tests.parity.maker_twin_lab import GENESIS_S
from tests.parity.morpho_blue_lab import Lab as MorphoLab
from tests.parity.perp_curie_lab import Lab as PerpLab

CLINICS = {
    "aave_v3 3.6": lambda scene, _rng: AaveV3Clinic(lab36(scene)),
    "aave_v3 3.0.2": lambda scene, _rng: AaveV3Clinic(lab302(replace(scene, aave=scene.world.aave302))),
    "aave_v2": lambda scene, _rng: AaveV2Clinic(LabV2(scene)),
    "compound_v2": lambda scene, _rng: CompoundV2Clinic(CompoundLab(scene)),
    "compound_v3": lambda scene, _rng: CompoundV3Clinic(CometLab(scene.packages)),
    "dydx_perpetual": lambda scene, _rng: DydxPerpetualClinic(DydxLab(scene.packages)),
    "maker": lambda scene, _rng: MakerClinic(Anvil(scene.packages, AnvilOptions(timestamp=GENESIS_S)), scene.packages),
    "morpho_blue": lambda scene, _rng: MorphoBlueClinic(MorphoLab(scene)),
    "perp_curie": lambda scene, rng: PerpCurieClinic(PerpLab(scene, rng)),
}
DEPOSITS_ONLY = ("perp_curie", "dydx_perpetual")
"""Perpetuals: a debt there is a position, and its repayment a trade."""


def check(clinic, rng):
    """Draw one position and try every cure of it; names what was tried."""
    case, patient = clinic.draw(rng)
    now = patient.factor(patient.market)
    target_wad = max(rng.choice([DEFAULT_MARGIN_CALL_WAD, now + 1, rng.randrange(WAD, 3 * WAD)]), now + 1)
    met = Counter()
    for cure in cures(patient, target_wad):
        reached = clinic.health(case, cure.lever, cure.amount)
        # One unit less than one is to do nothing: a call that moves nothing still accrues a market, which may do.
        less = clinic.health(case, cure.lever, cure.amount - 1) if cure.amount > 1 else now
        told = f"{cure}, target {target_wad}, from {now}, reached {reached}, less {less}: {case}"
        assert reached == cure.factor_wad >= target_wad, told
        assert less is None or less < target_wad, told
        met[cure.lever.action.value] += 1

    return met


def run(name, scene, count, seed):
    """Try so many positions; how many cures of each kind were made."""
    rng = random.Random(seed)
    clinic = CLINICS[name](scene, rng)
    met, cured = Counter(), 0
    try:
        while cured < count:
            found = check(clinic, rng)
            met += found
            cured += bool(found)
    finally:
        clinic.close()

    print(f"\n{name}: {count} positions cured, seed {seed}: {dict(met)}")
    return met


@pytest.mark.parametrize("name", ["aave_v3 3.6", "morpho_blue"])
def test_cures_reach_their_target_on_the_contracts(scene, random_seed, name):
    met = run(name, scene, 6, random_seed)
    assert met["deposit"] > 0
    assert met["repay"] > 0


@pytest.mark.full
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("aave_v3 3.6", 120),
        ("aave_v3 3.0.2", 80),
        ("aave_v2", 90),
        ("compound_v2", 90),
        ("compound_v3", 80),
        ("morpho_blue", 80),
        ("perp_curie", 60),
        ("dydx_perpetual", 60),
        ("maker", 60),
    ],
)
def test_five_hundred_positions_are_cured_on_the_contracts(scene, random_seed, name, count):
    met = run(name, scene, count, random_seed)
    assert met["deposit"] >= count // 3
    assert met["repay"] >= (0 if name in DEPOSITS_ONLY else count // 3)
