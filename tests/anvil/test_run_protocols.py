"""Several protocols in one crash before one keeper: a short one by default, the whole of it with `--full`."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from keeper.config.load import load_config
from keeper.errors import KeeperError
from keeper.sandbox.market.path import FALL
from keeper.sandbox.scenes import SCENES, choose
from keeper.sandbox.scenes.morpho_blue import HOSTILE_KIND
from keeper.sandbox.stage.demo import dollars_by_feed
from keeper.sandbox.stage.opened import open_stage
from keeper.sandbox.stage.play import play
from keeper.sandbox.stage.protocols import summaries
from keeper.sandbox.stage.results import account_of_row, faults, gather, rows_of
from keeper.sandbox.stage.trial import Trial, run_trial

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(900)]

SEED = 1
SHORT = "spark,morpho_blue"
IDLE_BLOCKS = 12
"""More than the keeper may have to wait for the first move."""
KEEPER = Path(sys.executable).with_name("keeper")


@pytest.fixture(scope="module")
def short(packages, tmp_path_factory):
    """Two protocols as far as the first fall: the trial, its result, and what each deployment said."""
    with ExitStack() as held:
        stage = open_stage(held, packages, SEED, tmp_path_factory.mktemp("stage"), choose(SHORT))
        path = stage.path[: [step.name for step in stage.path].index(FALL) + 1]
        config = load_config(stage.operator.config, stage.operator.environ).config
        trial = Trial(
            stage.chain,
            config,
            stage.operator,
            0.1,
            lambda clock, watch: play(clock, stage, watch, path),
            tuple(played.ward for played in stage.played),
            dollars_by_feed(stage.world),
            {asset.token: asset.feed.proxy for asset in stage.world.assets.values()},
            idle_blocks=IDLE_BLOCKS,
        )
        result = run_trial(trial, print)
        yield trial, result, gather(trial, result)


def test_short_run_adds_up_and_the_referee_agrees_on_each(short):
    _, result, evidence = short

    assert list(faults(result, evidence)) == []
    assert {name: one["verdict"] for name, one in result.verdict["deployments"].items()} == {
        "spark": "agree",
        "morpho_blue": "agree",
    }
    assert all(one["profitable"] >= 3 for one in result.verdict["deployments"].values())


def test_short_run_is_summed_up_by_protocol(short):
    _, result, evidence = short
    summed = summaries(evidence, result.rows, result.verdict)

    assert [one["name"] for one in summed] == ["spark", "morpho_blue"]
    assert all(one["settled_equals_realised"] == one["landed"] >= one["least_landed"] == 3 for one in summed)


def test_hostile_market_costs_only_itself(short):
    """Its oracle turns at the fall, where the others have most to do."""
    trial, result, _ = short
    morpho = trial.wards[1]
    hostile = {account for account, name in morpho.names.items() if name.startswith(HOSTILE_KIND)}
    rows = rows_of(morpho, result.rows)

    assert "quarantined" in {row["reason"] for row in rows}
    assert not [row for row in rows if row["tx_hash"] is not None and account_of_row(row) in hostile]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("all", [scene.name for scene in SCENES]),
        ("spark, aave_v3", ["aave_v3", "spark"]),
        ("morpho_blue,morpho_blue", ["morpho_blue"]),
    ],
)
def test_choose_finds_scenes_once_and_in_their_order(names, expected):
    assert [scene.name for scene in choose(names)] == expected


def test_choose_unknown_protocol_names_those_there_are():
    with pytest.raises(KeeperError, match=r"no protocol 'aave3' to play: there are aave_v3, .*, all"):
        choose("aave3")


@pytest.mark.full
def test_all_protocols_in_one_crash_end_with_zero():
    command = [KEEPER, "sandbox", "demo", "--seed", str(SEED), "--protocols", "all", "--json"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    document = json.loads(finished.stdout)

    assert [one["name"] for one in document["protocols"]] == [scene.name for scene in SCENES]
    assert document["faults"] == []
    assert [one["name"] for one in document["protocols"] if one["landed"] < one["least_landed"]] == []
    assert [one["name"] for one in document["protocols"] if one["settled_equals_realised"] != one["landed"]] == []
    assert [one["name"] for one in document["protocols"] if one["referee"]["verdict"] != "agree"] == []
    assert finished.returncode == 0
