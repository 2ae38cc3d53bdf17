"""Which changes a running keeper may take up: named one by one, and everything else refused."""

import pytest

from keeper.config.reload import changes, unsafe
from tests.unit.config.sample import GOOD, changed, load

SAFE = [
    ('min_profit = "5 USD"', 'min_profit = "7 USD"', ("strategies.0.min_profit",)),
    ('bid = { kind = "fixed" }', 'bid = { kind = "fixed", tip_wei = 5 }', ("strategies.0.bid.tip_wei",)),
    ('bid = { kind = "fixed" }', "max_hops = 3", ("strategies.0.max_hops",)),
    ("[[deployment]]", "[governor]\ncooldown_s = 5\n[[deployment]]", ("governor.cooldown_s",)),
    ("[assets]", "[assets]\nmax_price_age_s = 5", ("assets.max_price_age_s",)),
]
UNSAFE = [
    ("id = 1\n", "id = 2\n", ("chain.id",)),
    ("live = true", "live = false", ("run.live",)),
    ("start_block = 16291127", "start_block = 1", ("deployments.0.start_block",)),
    ('kind = "fixed" }', 'kind = "fixed" }\nmargin_call_health = "1.2"', ("strategies.0.margin_call_health_wad",)),
    ("[[deployment]]", '[governor]\nsigning_budget_per_day = "1 native"\n[[deployment]]',
     ("governor.signing_budget_per_day",)),
    ("[[deployment]]", "[monitor]\n[[deployment]]", ("monitor.listen",)),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "names"), SAFE)
def test_how_much_and_how_eagerly_may_change(tmp_path, old, new, names):
    before, after = load(tmp_path, GOOD).config, load(tmp_path, changed(old, new)).config
    assert changes(before, after) == names
    assert unsafe(names) == ()


@pytest.mark.parametrize(("old", "new", "names"), UNSAFE)
def test_what_is_done_and_with_whose_key_may_not(tmp_path, old, new, names):
    before, after = load(tmp_path, GOOD).config, load(tmp_path, changed(old, new)).config
    assert unsafe(changes(before, after)) == names


def test_another_strategy_is_one_more_place(tmp_path):
    added = GOOD + '[[strategy]]\nname = "second"\ndeployments = ["aave-core"]\n'
    before, after = load(tmp_path, GOOD).config, load(tmp_path, added).config
    assert "strategies.1.name" in changes(before, after)
    assert set(unsafe(changes(before, after))) == {"strategies.1.margin_call_health_wad", "strategies.1.submit"}


def test_the_same_file_changes_nothing(tmp_path):
    assert changes(load(tmp_path, GOOD).config, load(tmp_path, GOOD + "# a comment\n").config) == ()
