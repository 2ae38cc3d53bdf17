"""From the operator's table to an adapter, and from a position to what the operator reads."""

import pytest

from keeper.app.views import view_of
from keeper.app.wiring import build_adapter
from keeper.config.adapters import MorphoBlueDeployment
from keeper.config.load import load_config
from keeper.deployment import Deployment
from keeper.errors import ConfigError
from keeper.types import HealthState, to_checksum
from keeper.units import WAD
from tests.fakes.morpho_blue_market import BORROWER, KEY, LOAN, MORPHO, borrower, example, market
from tests.unit.config.sample import GOOD

TABLE = f"""
[[deployment]]
name = "morpho"
adapter = "morpho_blue"
morpho = "{to_checksum(MORPHO)}"
"""


def test_table_becomes_an_adapter(tmp_path):
    (tmp_path / "keeper.toml").write_text(GOOD + TABLE)
    table = load_config(tmp_path / "keeper.toml", {}).config.deployments[-1]
    assert isinstance(table, MorphoBlueDeployment)
    adapter = build_adapter(table)
    assert (adapter.name, adapter.adapter) == ("morpho", "morpho_blue")
    assert adapter.sync.sources()[0].addresses == (MORPHO,)


def test_same_morpho_twice_is_refused_at_its_own_field(tmp_path):
    (tmp_path / "keeper.toml").write_text(GOOD + TABLE + TABLE.replace('"morpho"', '"twin"', 1))
    with pytest.raises(ConfigError, match='morpho: the same market as "morpho"'):
        load_config(tmp_path / "keeper.toml", {})


def test_position_is_shown_in_tokens_and_without_dollars():
    deployment = Deployment(build_adapter(MorphoBlueDeployment(name="morpho", adapter="morpho_blue", morpho=MORPHO)))
    view = view_of(deployment, market([example()], {KEY: borrower(95 * 10**17)}), KEY, 105 * WAD // 100)
    row = view.row()
    assert view.state is HealthState.LIQUIDATABLE
    assert (row["position"], row["account"]) == ("0x" + KEY.hex(), to_checksum(BORROWER))
    assert (row["collateral_usd"], row["debt_usd"]) == (None, None)
    assert row["debt"] == [{"token": to_checksum(LOAN), "amount": "20000000001"}]
