"""What is watched and who is told, as configured: what a run that only watches may leave out, and what is refused."""

import pytest

from keeper.config.derived import margin_call_wad, watchlist_path
from keeper.config.fingerprint import decisive_json, from_decisive_json
from keeper.config.load import require_ready
from keeper.config.watch import parse_hours
from keeper.errors import ConfigError
from keeper.units import WAD
from tests.unit.config.sample import GOOD, changed, load, refusal

ASSETS = GOOD[GOOD.index("[assets]") : GOOD.index("[[deployment]]")]
STRATEGY = GOOD[GOOD.index("[[strategy]]") :]
WATCHING = GOOD.replace(ASSETS, "").replace(STRATEGY, "") + '[watch]\nmargin_call_health = "1.2"\n'


def test_watching_alone_needs_neither_strategy_nor_assets(tmp_path):
    config = load(tmp_path, WATCHING).config
    assert (config.strategies, config.assets.trusted) == ((), ())
    assert margin_call_wad(config, "aave-core") == 12 * WAD // 10
    assert watchlist_path(config) == tmp_path / "keeper.db.watchlist"


def test_watching_alone_can_be_recorded_and_replayed_without_its_paths(tmp_path):
    text = WATCHING + '[[channel]]\nname = "ops"\nurl_file = "ops.url"\n'
    written = decisive_json(load(tmp_path, text).config)
    assert str(tmp_path) not in written
    assert from_decisive_json(written).strategies == ()


def test_watching_alone_does_not_go_live(tmp_path):
    with pytest.raises(ConfigError, match="nothing to go live with") as caught:
        require_ready(load(tmp_path, WATCHING), live=True)

    assert "keeper.toml:" in caught.value.message


def test_strategy_that_is_missing_is_refused_with_the_way_out(tmp_path):
    assert "add a [watch] table to only watch" in refusal(tmp_path, GOOD.replace(STRATEGY, ""))


def test_assets_that_are_missing_are_refused_where_there_is_a_strategy(tmp_path):
    assert "[assets]: the table is missing" in refusal(tmp_path, GOOD.replace(ASSETS, "") + "[watch]\n")


def test_margin_call_is_the_deployments_own_before_the_strategies_widest(tmp_path):
    """1.05 by default, 1.1 by the strategy, 1.3 by the deployment."""
    wide = changed('min_profit = "5 USD"', 'min_profit = "5 USD"\nmargin_call_health = "1.1"')
    own = wide.replace('adapter = "aave_v3"', 'adapter = "aave_v3"\nmargin_call_health = "1.3"')
    found = [margin_call_wad(load(tmp_path, text).config, "aave-core") for text in (GOOD, wide, own)]
    assert found == [105 * WAD // 100, 11 * WAD // 10, 13 * WAD // 10]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[[channel]]\nname = "ops"\n', "needs a url_file or a url_env"),
        ('[[channel]]\nname = "ops"\nurl_file = "a"\nurl_env = "B"\n', "needs a url_file or a url_env"),
        ('[[channel]]\nname = "ops"\nurl_env = "A"\n' * 2, '"ops" is taken'),
        ('[[channel]]\nname = "ops"\nurl_env = "A"\nleast = "loud"\n', 'unknown least "loud"'),
        ('[alerts]\nquiet_hours = "22-7"\n', "two times of day in UTC"),
        ('[alerts]\nquiet_hours = "07:00-07:00"\n', "begins when it ends"),
        ('[alerts]\nheartbeat_url_file = "a"\nheartbeat_url_env = "B"\n', "two places for one heartbeat URL"),
        ("[alerts]\nmax_per_hour = 0\n", "at least 1"),
        ('[watch]\nmargin_call_health = "0.9"\n', "a margin call lies above liquidation"),
    ],
)
def test_alerts_that_make_no_sense_are_refused(tmp_path, more, said):
    assert said in refusal(tmp_path, GOOD + more)


def test_url_in_the_configuration_itself_is_refused_without_repeating_it(tmp_path):
    message = refusal(tmp_path, GOOD + '[[channel]]\nname = "ops"\nurl = "tgram://hidden/chat"\n')
    assert "unknown key" in message
    assert "hidden" not in message


def test_quiet_hours_over_midnight_hold_on_both_sides():
    night, noon = parse_hours("22:00-07:00"), parse_hours("12:00 - 13:00")
    assert [night.hold(hour * 60) for hour in (21, 22, 0, 6, 7)] == [False, True, True, True, False]
    assert [noon.hold(minute) for minute in (719, 720, 779, 780)] == [False, True, True, False]
    assert str(night) == "22:00-07:00"
