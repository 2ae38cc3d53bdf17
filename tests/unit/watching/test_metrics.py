"""What Prometheus is told is what the passes were, and every name that dashboards and rules use exists."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from keeper.chain.member import EndpointStanding
from keeper.chain.port import HeadEvent
from keeper.errors import RpcError
from keeper.execution.base import Outcome, Status
from keeper.execution.thresholds import Standing
from keeper.types import Declined, Reason
from keeper.units import USD, WAD
from keeper.watching.metrics import Metrics, Money, Nodes
from tests.fakes.counting import head
from tests.fakes.plans import make_plan
from tests.unit.watching.passes import seen

DEPLOY = Path(__file__).parents[3] / "scripts" / "deploy"
# What Prometheus itself adds, and PromQL's words: no names of ours.
FUNCTIONS = {"rate", "increase", "sum", "max", "min", "time", "by", "histogram_quantile", "le", "up", "or", "on", "and"}


@pytest.fixture
def metrics():
    return Metrics(version="9.9", chain_id=1, live=True)


def values(metrics):
    """Every sample by its name and labels."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def outcome(status, gas_used=0):
    return Outcome("p", status, b"", 7, b"", gas_used, 1, None, None, None, None, None)


def test_quiet_pass_moves_the_head_and_the_book(metrics):
    metrics.on_pass(seen(7))
    told = values(metrics)
    assert told["keeper_head_block",] == 7
    assert told["keeper_head_timestamp_seconds",] == head(7).timestamp
    assert told["keeper_positions", "aave"] == 1_000
    assert told["keeper_suspects", "aave"] == 3
    assert told["keeper_passes_total", "done"] == 1
    assert told["keeper_armed",] == 1
    assert told["keeper_pass_seconds_bucket", "0.025"] == 1


@pytest.mark.parametrize("why", [{"disarmed": "the key is used elsewhere"}, {"held": ("max_drawdown",)}])
def test_a_keeper_that_may_not_sign_is_not_armed(metrics, why):
    metrics.on_pass(seen(**why))
    assert values(metrics)["keeper_armed",] == 0


def test_dry_run_is_never_armed():
    dry = Metrics(version="9.9", chain_id=1, live=False)
    dry.on_pass(seen())
    assert values(dry)["keeper_armed",] == 0


def test_what_was_planned_declined_and_booked_is_counted_by_its_reason(metrics):
    plan = make_plan()
    no = Declined("aave", None, Reason.BELOW_MIN_PROFIT, {})
    late = Declined("aave", None, Reason.TOO_LATE, {})
    answers = (late, outcome(Status.SIMULATION_FAILED), outcome(Status.SENT))
    booked = (outcome(Status.LANDED, 500_000), outcome(Status.REVERTED, 60_000))
    metrics.on_pass(seen(plans=(plan,), declined=(no, no), answers=answers, booked=booked))
    told = values(metrics)
    assert told["keeper_plans_total", plan.opportunity.strategy] == 1
    assert told["keeper_declines_total", "below_min_profit"] == 2
    assert told["keeper_declines_total", "too_late"] == 1
    assert told["keeper_outcomes_total", "simulation_failed"] == 1
    assert told["keeper_outcomes_total", "landed"] == told["keeper_outcomes_total", "reverted"] == 1
    assert ("keeper_outcomes_total", "sent") not in told  # how that ends is still to come
    assert told["keeper_gas_used_total",] == 560_000


def test_skipped_heads_reorgs_and_dropped_passes_are_counted(metrics):
    metrics.on_pass(seen(9, event=HeadEvent(head(9), 7, 6, 2)))
    metrics.on_dropped(HeadEvent(head(10), 10, None, 0), RpcError("gone"))
    told = values(metrics)
    assert told["keeper_heads_skipped_total",] == 2
    assert told["keeper_reorgs_total",] == 1
    assert told["keeper_passes_total", "dropped"] == 1


def test_money_is_read_when_asked(metrics):
    spent = [Standing(lost_usd=-25 * USD // 10, drawdown_usd=USD, reverts=2, gas_wei=WAD // 4)]
    metrics.registry.register(Money(lambda: spent[-1], lambda: WAD // 2))
    told = values(metrics)
    assert told["keeper_day_profit_usd",] == 2.5
    assert told["keeper_drawdown_usd",] == 1
    assert told["keeper_day_gas_native",] == 0.25
    assert told["keeper_in_flight_gas_native",] == 0.5
    assert told["keeper_consecutive_reverts",] == 2
    spent.append(Standing(0, 0, 0, 0))
    assert values(metrics)["keeper_day_profit_usd",] == 0


def test_endpoints_are_named_by_their_place_and_not_by_their_url(metrics):
    metrics.registry.register(Nodes(lambda: (EndpointStanding("https://a.example", 0, False), _resting())))
    told = values(metrics)
    assert told["keeper_endpoint_resting", "0"] == 0
    assert told["keeper_endpoint_failures", "1"] == 3
    assert told["keeper_endpoint_resting", "1"] == 1
    assert "example" not in metrics.text().decode()


def _resting():
    return EndpointStanding("https://b.example", 3, True)


def every_name():
    """All sample names a keeper with everything on can tell."""
    metrics = Metrics(version="9.9", chain_id=1, live=True)
    metrics.registry.register(Money(lambda: Standing(0, 0, 0, 0), lambda: 0))
    metrics.registry.register(Nodes(lambda: (_resting(),)))
    no = Declined("aave", None, Reason.TOO_LATE, {})
    metrics.on_pass(seen(plans=(make_plan(),), declined=(no,), booked=(outcome(Status.LANDED),)))
    return {name for name, *_ in values(metrics)}


def expressions():
    """(file, title, expression) of every panel and every rule that is shipped."""
    for path in sorted(DEPLOY.glob("grafana/*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield path.name, panel["title"], target["expr"]

    rules = (DEPLOY / "prometheus" / "alerts.yml").read_text()
    for name, expression in re.findall(r"alert: (\w+)\n\s+expr: (.+)", rules):
        yield "alerts.yml", name, expression


def test_every_panel_and_every_rule_asks_for_metrics_that_exist():
    known, asked = every_name(), list(expressions())
    assert {where for where, _, _ in asked} == {"alerts.yml", "keeper.json"}
    for where, title, expression in asked:
        names = set(re.findall(r"\b(?:keeper|process)_\w+", expression))
        assert names, (where, title)
        assert names <= known, (where, title, names - known)


def test_no_rule_is_left_without_a_word_to_whoever_is_woken():
    rules = (DEPLOY / "prometheus" / "alerts.yml").read_text()
    assert rules.count("alert: ") == rules.count("summary: ") == rules.count("severity: ") > 5
