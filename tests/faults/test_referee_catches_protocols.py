"""Every part of the referee catches what is planted for it: an amount off by one, a row left out, a profit nobody took.

One honest run of all protocols, judged once; each test spoils the report of one of them.
"""

import json
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest
from referee import manifest as manifests
from referee import report as reports
from referee.judge import open_judge
from referee.rpc import Rpc
from referee.verdict import decide

from keeper.config.load import load_config
from keeper.sandbox.market.path import FALL
from keeper.sandbox.scenes import SCENES, choose
from keeper.sandbox.stage.clock import Clock
from keeper.sandbox.stage.demo import dollars_by_feed
from keeper.sandbox.stage.judge import manifest_of
from keeper.sandbox.stage.opened import open_stage
from keeper.sandbox.stage.play import play
from keeper.sandbox.stage.trial import Trial, run_trial

pytestmark = [pytest.mark.anvil, pytest.mark.full, pytest.mark.timeout(900)]

SEED = 1
IDLE_BLOCKS = 12
"""More than the keeper may have to wait for the first move."""
WINDOW = 4
SHORT_WINDOW = 2
"""Shorts on Perp Curie can be taken over for the rally's last two blocks and not after."""
NAMES = [scene.name for scene in SCENES]


@pytest.fixture(scope="module")
def stage(packages, tmp_path_factory):
    with ExitStack() as held:
        yield open_stage(held, packages, SEED, tmp_path_factory.mktemp("stage"), choose("all"))


@pytest.fixture(scope="module")
def path(stage):
    """As far as the first fall, and a block more than a profit may stand."""
    steps = stage.path[: [step.name for step in stage.path].index(FALL) + 1]
    return (*steps[:-1], replace(steps[-1], blocks=steps[-1].blocks + WINDOW))


@pytest.fixture(scope="module")
def untaken(stage, path, tmp_path_factory):
    """The same crash with no keeper at all, judged; undone before the honest run."""
    with stage.chain.undone():
        clock = Clock(stage.chain, pace_s=0)
        first = clock.tick()
        play(clock, stage, lambda _block, _news: None, path)
        rules = write_manifest(stage, first, tmp_path_factory.mktemp("untaken"))

        with closing(Rpc(stage.chain.url)) as rpc:
            judge = open_judge(rpc, rules, first)
            judge.finish(clock.number)
            document = decide(judge, [], SHORT_WINDOW, 0)

    stage.chain.node.rpc("evm_setAutomine", True)
    return document


@pytest.fixture(scope="module")
def honest(stage, path, untaken, tmp_path_factory):
    """The honest run: its rows as text lines, and a judge that has seen all of it."""
    config = load_config(stage.operator.config, stage.operator.environ).config
    trial = Trial(
        stage.chain,
        config,
        stage.operator,
        0.1,
        lambda clock, watch: play(clock, stage, watch, path),
        tuple(played.ward for played in stage.played),
        dollars_by_feed(stage.world),
        feeds_of(stage),
        idle_blocks=IDLE_BLOCKS,
    )
    result = run_trial(trial, print)
    assert untaken
    rules = write_manifest(stage, result.first_block, tmp_path_factory.mktemp("honest"))

    with closing(Rpc(stage.chain.url)) as rpc:
        judge = open_judge(rpc, rules, result.first_block)
        judge.finish(result.last_block)
        yield judge, list(result.rows)


@pytest.fixture
def verdict(honest, tmp_path):
    """Return a function that judges a spoiled report."""
    judge, _ = honest

    def verdict_on(rows):
        file = tmp_path / "report.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return decide(judge, reports.load(file), WINDOW, 0)

    return verdict_on


def feeds_of(stage):
    return {asset.token: asset.feed.proxy for asset in stage.world.assets.values()}


def write_manifest(stage, first, folder):
    config = load_config(stage.operator.config, stage.operator.environ).config
    wards = [played.ward for played in stage.played]
    file = folder / "manifest.json"
    file.write_text(json.dumps(manifest_of(config, wards, feeds_of(stage), stage.operator, first)))
    return manifests.load(file)


def landed(rows, name):
    return next(row for row in rows if row["deployment"] == name and row["status"] == "landed")


def kinds(document, name):
    return {item["kind"] for item in document["mismatches"] if item["deployment"] == name}


def test_honest_report_is_agreed_with_on_every_protocol(honest, verdict):
    document = verdict(honest[1])

    assert document["missed"] == document["mismatches"] == []
    assert {name: one["verdict"] for name, one in document["deployments"].items()} == dict.fromkeys(NAMES, "agree")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("field", ["settled_profit", "realised_profit", "gas_used"])
def test_amount_off_by_one_is_found_on_its_protocol_alone(honest, verdict, name, field):
    _, rows = honest
    wrong = landed(rows, name)
    document = verdict([{**row, field: str(int(row[field]) + 1)} if row is wrong else row for row in rows])

    assert field in kinds(document, name) or "settled_profit" in kinds(document, name)
    assert [other for other in NAMES if document["deployments"][other]["verdict"] == "disagree"] == [name]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "perp_curie"])
@pytest.mark.parametrize("field", ["repaid", "seized"])
def test_amount_moved_off_by_one_is_found_where_the_event_says_it(honest, verdict, name, field):
    _, rows = honest
    wrong = landed(rows, name)
    document = verdict([{**row, field: str(int(row[field]) + 1)} if row is wrong else row for row in rows])

    assert kinds(document, name) == {field}


@pytest.mark.parametrize("name", NAMES)
def test_landing_left_out_is_found(honest, verdict, name):
    _, rows = honest
    hidden = landed(rows, name)
    document = verdict([row for row in rows if row["tx_hash"] != hidden["tx_hash"]])

    assert "unbooked_transaction" in kinds(document, name)


@pytest.mark.parametrize("name", NAMES)
def test_landing_booked_for_somebody_else_is_found(honest, verdict, name):
    _, rows = honest
    wrong = landed(rows, name)
    stranger = wrong["position"][:-2] + ("00" if wrong["position"][-2:] != "00" else "01")
    document = verdict([{**row, "position": stranger} if row is wrong else row for row in rows])

    assert {"liquidation", "unbooked_liquidation"} <= kinds(document, name)


@pytest.mark.parametrize("name", NAMES)
def test_profit_that_nobody_took_is_missed(untaken, name):
    assert untaken["deployments"][name]["missed"] >= 2
    assert "unaccounted_position" in kinds(untaken, name)
