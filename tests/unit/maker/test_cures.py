"""What cures a vault, worked by hand: each move is a frob, refused where the Vat refuses it."""

from dataclasses import replace

import pytest

from keeper.errors import StateError
from keeper.margin.cure import Patient, cures
from keeper.protocols.cures import Action, Exposure, Lever, Parameter
from keeper.protocols.maker import Addresses, build
from keeper.protocols.maker.urn import Urn
from keeper.types import Address
from keeper.units import RAY, WAD
from tests.fakes.maker_market import AUCTION, CONTRACTS, GEM, JOIN, KEY, PIP, ilk, listing, market

ADAPTER = build("maker", Addresses(*(Address(bytes(20)) for _ in range(3)), ()))
CURES = ADAPTER.cures
# 105 ether at two thirds of 2,000 may owe 140,000; 141,000 are owed.
SCENE = market(urns={KEY: Urn(105 * WAD, 141_000 * WAD)})


def lever(action, of=SCENE):
    (found,) = (one for one in CURES.levers(KEY, of) if one.action is action)
    return found


def test_vault_can_be_topped_up_paid_back_and_drawn_down():
    assert CURES.levers(KEY, SCENE) == [
        Lever(Action.DEPOSIT, GEM, 105 * WAD, 1 << 112),
        Lever(Action.REPAY, CONTRACTS.dai, 141_000 * WAD, 141_000 * WAD),
        Lever(Action.WITHDRAW, GEM, 105 * WAD, 105 * WAD),
    ]
    assert CURES.levers(AUCTION, SCENE) == ()
    assert CURES.levers(KEY, market([ilk(trouble="anything")])) == ()


def test_least_that_cures_is_found_for_both_ways():
    """141,000 * 1.05 is 148,050 to be covered, of which each ether covers 1,333.33; or 140,000 / 1.05 may be owed."""
    found = {cure.lever.action: cure.amount for cure in cures(Patient(ADAPTER, KEY, SCENE), 105 * WAD // 100)}
    assert found[Action.DEPOSIT] == pytest.approx(148_050 * WAD * 3 // 4_000 - 105 * WAD, abs=10**6)
    assert found[Action.REPAY] == pytest.approx(141_000 * WAD - 140_000 * WAD * 100 // 105, abs=10**6)


def test_deposit_counts_in_the_tokens_own_decimals():
    coarse = market([ilk(listing(decimals=8))], {KEY: Urn(WAD, 0)})
    assert CURES.moved(KEY, lever(Action.DEPOSIT, coarse), 3, coarse).urn(KEY) == Urn(WAD + 3 * 10**10, 0)


def test_repayment_buys_whole_units_of_debt():
    dear = market([ilk(rate=3 * RAY)], {KEY: Urn(105 * WAD, 40_000 * WAD)})
    assert CURES.moved(KEY, lever(Action.REPAY, dear), 3_001, dear).urn(KEY).art == 40_000 * WAD - 1_000


def test_debt_below_dust_may_not_be_left_and_nothing_may():
    """7,500 DAI is the least."""
    repay = lever(Action.REPAY)
    assert CURES.moved(KEY, repay, 133_501 * WAD, SCENE) is None
    assert CURES.moved(KEY, repay, 133_500 * WAD, SCENE).urn(KEY).art == 7_500 * WAD
    assert CURES.moved(KEY, repay, 141_000 * WAD, SCENE).urn(KEY).art == 0


def test_withdrawal_that_makes_a_vault_unsafe_is_refused():
    """120 ether may owe 160,000: 14.25 of them are not needed for 141,000."""
    rich = SCENE.with_urns({KEY: Urn(120 * WAD, 141_000 * WAD)})
    withdraw = lever(Action.WITHDRAW, rich)
    assert CURES.moved(KEY, withdraw, 14 * WAD, rich).urn(KEY).ink == 106 * WAD
    assert CURES.moved(KEY, withdraw, 15 * WAD, rich) is None


def test_vault_hangs_on_its_feed():
    assert CURES.exposures(KEY, SCENE) == (Exposure(GEM, PIP, 2_000 * WAD, WAD),)


def test_parameters_are_named_by_the_join():
    assert CURES.parameters(SCENE) == {
        Parameter("liquidation_ratio_wad", JOIN): 3 * WAD // 2,
        Parameter("liquidation_penalty_wad", JOIN): 113 * WAD // 100,
    }


def test_higher_ratio_counts_with_the_next_poke():
    safe = SCENE.with_urns({KEY: Urn(105 * WAD, 130_000 * WAD)})
    stricter = CURES.with_parameter(Parameter("liquidation_ratio_wad", JOIN), 170 * WAD // 100, safe)
    assert not ADAPTER.health.health(KEY, safe).liquidatable
    assert ADAPTER.health.health(KEY, stricter).liquidatable
    dearer = CURES.with_parameter(Parameter("liquidation_penalty_wad", JOIN), 2 * WAD, safe)
    assert next(iter(dearer.ilks.values())).limits == replace(ilk().limits, chop=2 * WAD)
    with pytest.raises(StateError):
        CURES.with_parameter(Parameter("liquidation_penalty_wad", PIP), 0, safe)


def test_dust_is_what_the_vat_has():
    plain = market([ilk(dust=0)], {KEY: Urn(105 * WAD, 141_000 * WAD)})
    assert CURES.moved(KEY, lever(Action.REPAY), 140_999 * WAD, plain).urn(KEY).art == WAD
