"""Two things broken on purpose: the run must fail, by the keeper's own books or by the referee.

The same trial unbroken passes, so that it is the breakage that fails.
"""

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from keeper.config.load import load_config
from keeper.sandbox.market.path import FALL
from keeper.sandbox.packages import SandboxError
from keeper.sandbox.scenes import aave_v3
from keeper.sandbox.stage.demo import dollars_by_feed
from keeper.sandbox.stage.opened import open_stage
from keeper.sandbox.stage.play import play
from keeper.sandbox.stage.results import faults, gather
from keeper.sandbox.stage.trial import Trial, run_trial

pytestmark = [pytest.mark.anvil, pytest.mark.full, pytest.mark.timeout(400)]

SEED = 1
IDLE_BLOCKS = 12
BROKEN_KEEPER = Path(__file__).with_name("broken_keeper.py")
BONUS_BIT = 32
"""Where the bonus lies in a reserve's configuration word, 16 bits in basis points."""


@pytest.fixture
def stage(packages, tmp_path):
    with ExitStack() as held:
        yield open_stage(held, packages, SEED, tmp_path, [aave_v3.SCENE])


def steps_to_the_first_fall(stage):
    return stage.path[: [step.name for step in stage.path].index(FALL) + 1]


def trial_of(stage, after_block=lambda _block, _news: None, **changes):
    """Two steps of the path; `after_block` is what is broken, after the keeper has answered a block."""

    def moves(clock, watch):
        def both(block, news):
            watch(block, news)
            after_block(block, news)

        play(clock, stage, both, steps_to_the_first_fall(stage))

    config = load_config(stage.operator.config, stage.operator.environ).config
    wards = tuple(played.ward for played in stage.played)
    dollars = dollars_by_feed(stage.world)
    whole = Trial(stage.chain, config, stage.operator, 0.2, moves, wards, dollars, idle_blocks=IDLE_BLOCKS)
    return replace(whole, **changes)


def run_and_judge(trial):
    """What the keeper's books have wrong, and the referee's verdict."""
    result = run_trial(trial, print)
    return list(faults(result, gather(trial, result))), result.verdict


def raise_bonus(stage, symbol, bonus_bps):
    """Write another bonus into the pool's storage: no transaction, so no event."""
    chain, pool = stage.chain, stage.world.aave36.pool
    token = stage.world.assets[symbol].token
    word = chain.call(pool, "getConfiguration(address)((uint256))", token)[0]
    raised = word & ~(0xFFFF << BONUS_BIT) | bonus_bps << BONUS_BIT

    for slot in range(128):
        place = "0x" + keccak(token.rjust(32, b"\0") + slot.to_bytes(32, "big")).hex()

        if int(chain.node.rpc("eth_getStorageAt", f"0x{pool.hex()}", place, "latest"), 16) == word:
            chain.node.rpc("anvil_setStorageAt", f"0x{pool.hex()}", place, f"0x{raised:064x}")
            assert chain.call(pool, "getConfiguration(address)((uint256))", token)[0] == raised
            return

    raise AssertionError("the pool keeps its reserves elsewhere")


def test_unbroken_run_agrees(stage):
    found, verdict = run_and_judge(trial_of(stage))

    assert found == []
    assert verdict["verdict"] == "agree"
    assert verdict["checked"]["landed"] >= 10


def test_bonus_changed_without_an_event_fails_the_run(stage):
    """Changed between the keeper's last look and the block its transactions land in: they seize more than settled.

    What was planned is sold as planned, and the rest reaches the treasury as it is, which no row books.
    """

    def break_it(_block, news):
        if news is not None and FALL in news:
            raise_bonus(stage, "WETH", 10_900)

    found, verdict = run_and_judge(trial_of(stage, break_it))

    assert any("model_differs" in fault for fault in found)
    assert verdict["verdict"] == "disagree"
    assert {item["kind"] for item in verdict["mismatches"]} == {"realised_profit"}


def test_adapter_with_one_wrong_rounding_fails_the_run(stage):
    """A unit less repaid is a profit that the simulation does not confirm: never sent, and work is left for ever."""
    with pytest.raises(SandboxError, match="simulation_differs"):
        run_and_judge(trial_of(stage, command=(sys.executable, str(BROKEN_KEEPER))))
