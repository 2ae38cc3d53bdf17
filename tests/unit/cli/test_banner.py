"""What is armed is said first, with the missing half where nothing is; no secret is among it."""

import pytest

from keeper.cli.banner import banner_facts, banner_text
from tests.unit.config.sample import GOOD, changed, load

DRY = changed("live = true", "live = false")


@pytest.mark.parametrize(
    ("text", "asked", "mode", "why"),
    [
        (GOOD, True, "live", "keeper.toml:7 and --live agree"),
        (GOOD, False, "dry run", "keeper.toml:7 says live, --live was not given"),
        (DRY, True, "dry run", "--live was given, but [run] live is false (keeper.toml:7): set live = true to send"),
        (DRY, False, "dry run", "[run] live is false (keeper.toml:7) and --live was not given; sending needs both"),
    ],
)
def test_banner_says_what_is_armed_and_which_half_is_missing(tmp_path, text, asked, mode, why):
    facts = banner_facts(load(tmp_path, text), live_asked=asked)
    assert (facts["mode"], facts["armed"]) == (mode, mode == "live")
    assert facts["why"].replace(f"{tmp_path}/", "") == why


def test_banner_for_people_starts_with_the_mode_and_shows_no_secret(tmp_path):
    loaded = load(tmp_path, GOOD)
    live, dry = (banner_text(banner_facts(loaded, live_asked=asked)) for asked in (True, False))
    assert "LIVE: transactions will be signed and sent" in live.splitlines()[0]
    assert "DRY RUN: nothing will be signed or sent" in dry.splitlines()[0]
    assert "keeper.dry.db" in dry
    assert "keeper.dry.db" not in live
    assert "https://node.example:8545/***" in live
    assert [secret for secret in ("canary", "hunter2") if secret in live + dry] == []


def test_banner_of_an_environment_override_names_the_variable(tmp_path):
    loaded = load(tmp_path, GOOD, {"KEEPER__RUN__LIVE": "false"})
    assert "environment variable KEEPER__RUN__LIVE" in banner_facts(loaded, live_asked=True)["why"]
