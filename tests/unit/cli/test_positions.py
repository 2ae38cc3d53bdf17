"""One shape for every row, whatever the protocol, and whether or not its health is known."""

import json

import pytest

from keeper.app.views import PositionView, UnknownView, stopped, view_of
from keeper.app.wiring import build_adapter
from keeper.cli.positions import _is_below
from keeper.config.adapters import AaveV3Deployment, MorphoBlueDeployment
from keeper.deployment import Deployment
from keeper.errors import StateError
from keeper.margin.state import state_of
from keeper.protocols.aave_v2 import build as build_aave_v2
from keeper.telemetry.table import positions_table
from keeper.types import Address, Declined, Health, HealthState, PositionKey, Reason, to_checksum
from keeper.units import MAX_UINT256, WAD
from tests.fakes import aave_v2_market, aave_v3_market, morpho_blue_market

ANYBODY = Address(b"\x99" * 20)
MARGIN_CALL = 105 * WAD // 100


def aave_v3():
    scene = aave_v3_market.market(
        [aave_v3_market.reserve(0, 3_000 * 10**8), aave_v3_market.reserve(1, 10**8)],
        {aave_v3_market.KEY: aave_v3_market.account({0: WAD}, {1: 2_000 * WAD})},
    )
    table = AaveV3Deployment(name="aave", adapter="aave_v3", addresses_provider=ANYBODY)
    return view_of(Deployment(build_adapter(table)), scene, aave_v3_market.KEY, MARGIN_CALL)


def aave_v2():
    scene = aave_v2_market.market(
        [aave_v2_market.reserve(0, WAD), aave_v2_market.reserve(1, WAD // 3_000)],
        {aave_v2_market.KEY: aave_v2_market.account({0: WAD}, {1: 2_000 * WAD})},
    )
    return view_of(Deployment(build_aave_v2("old", ANYBODY)), scene, aave_v2_market.KEY, MARGIN_CALL)


def morpho():
    scene = morpho_blue_market.market(
        [morpho_blue_market.example()], {morpho_blue_market.KEY: morpho_blue_market.borrower(10 * WAD)}
    )
    table = MorphoBlueDeployment(name="morpho", adapter="morpho_blue", morpho=ANYBODY)
    return view_of(Deployment(build_adapter(table)), scene, morpho_blue_market.KEY, MARGIN_CALL)


def not_decided():
    numbers = {"why": "its oracle has no price"}
    return UnknownView("morpho_blue", Declined("morpho", morpho_blue_market.KEY, Reason.QUARANTINED, numbers))


def halted():
    table = AaveV3Deployment(name="aave", adapter="aave_v3", addresses_provider=ANYBODY)
    deployment = Deployment(build_adapter(table))
    deployment.stop(StateError("the pool has revision 12, whose rules this keeper does not know"))
    return UnknownView("aave_v3", stopped(deployment))


@pytest.mark.parametrize("make", [aave_v2, morpho, not_decided, halted])
def test_every_row_has_the_keys_of_every_other(make):
    view = make()
    assert not isinstance(view, Declined)
    assert list(view.row()) == list(aave_v3().row())
    assert json.loads(json.dumps(view.row())) == view.row()


# 1 ether at 3,000 dollars and a threshold of 83 % is 2,490 against 2,000: 1.245, 24.5 % above 1.
def test_row_of_a_market_in_dollars_has_values_in_dollars():
    row = aave_v3().row()
    assert (row["state"], row["health_wad"], row["distance_bps"]) == ("healthy", "1245000000000000000", 2_450)
    assert (row["collateral_value"], row["debt_value"]) == (str(3_000 * WAD), str(2_000 * WAD))
    assert (row["collateral_usd"], row["debt_usd"]) == (row["collateral_value"], row["debt_value"])
    assert (row["base_token"], row["reason"], row["numbers"]) == (None, None, None)


def test_row_of_a_market_in_ether_says_in_what_its_values_are():
    row = aave_v2().row()
    assert row["base_token"] == to_checksum(aave_v2_market.ETHER)
    assert (row["collateral_value"], row["collateral_usd"], row["debt_usd"]) == (str(WAD), None, None)


def test_row_of_a_morpho_market_is_in_its_loan_token():
    row = morpho().row()
    assert row["base_token"] == to_checksum(morpho_blue_market.LOAN)
    # 10 at 2,345.678901 is 23,456.78901 in a token of six decimals; 20,000.000001 is owed.
    assert (row["collateral_value"], row["debt_value"]) == ("23456789010", "20000000001")


def test_row_of_a_stopped_deployment_says_why_and_is_never_left_out():
    row = halted().row()
    assert (row["deployment"], row["adapter"], row["state"]) == ("aave", "aave_v3", "stopped")
    assert (row["position"], row["account"], row["health_wad"]) == (None, None, None)
    assert "revision 12" in row["numbers"]["why"]
    assert _is_below(row, WAD)
    assert "revision 12" in "".join(positions_table([row], {}).columns[4]._cells[0].plain)


def test_adapter_that_was_tested_on_a_twin_alone_is_marked():
    marked = UnknownView("dydx_perpetual", Declined("perp", None, Reason.QUARANTINED, {})).row()
    assert (marked["twin"], halted().row()["twin"]) == (True, False)
    shown = [positions_table([row], {}).columns[0]._cells[0].plain for row in (marked, halted().row())]
    assert shown == ["perp (twin)", "aave"]


def test_row_of_a_position_without_a_health_says_why():
    row = not_decided().row()
    assert (row["state"], row["reason"], row["numbers"]) == (
        "unknown",
        "quarantined",
        {"why": "its oracle has no price"},
    )
    assert row["position"] == "0x" + morpho_blue_market.KEY.hex()
    assert _is_below(row, WAD)


@pytest.mark.parametrize(
    ("factor_wad", "liquidatable", "collateral", "state"),
    [
        (2 * WAD, False, 200, HealthState.HEALTHY),
        (MARGIN_CALL, False, 200, HealthState.HEALTHY),
        (MARGIN_CALL - 1, False, 200, HealthState.MARGIN_CALL),
        (WAD - 1, True, 100, HealthState.LIQUIDATABLE),
        (WAD - 1, True, 99, HealthState.UNDERWATER),
    ],
)
def test_state_is_told_by_health_and_by_what_covers_the_debt(factor_wad, liquidatable, collateral, state):
    health = Health(PositionKey(b"\x01" * 20), factor_wad, liquidatable, collateral, 100, 1)
    assert state_of(health, MARGIN_CALL) is state


def test_position_without_debt_has_no_health_and_is_not_below_anything():
    view = aave_v3()
    assert isinstance(view, PositionView)
    free = Health(view.key, MAX_UINT256, liquidatable=False, collateral_base=1, debt_base=0, base_unit=1)
    row = PositionView("aave", "aave_v3", view.key, free, HealthState.HEALTHY, view.position).row()
    assert (row["health_wad"], row["distance_bps"]) == (None, None)
    assert not _is_below(row, 10 * WAD)
