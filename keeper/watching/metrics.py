"""What Prometheus is told: figures of each pass, of money and of the process, with labels that cannot grow.

A label is a deployment, a strategy, a reason, an endpoint's place in the configuration: never an account or a token.
Amounts of money are read from the journal when somebody asks, so that they survive a restart.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from keeper.chain.member import EndpointStanding
from keeper.chain.port import HeadEvent
from keeper.engine import PassSeen
from keeper.errors import ChainError
from keeper.execution.base import Outcome, Status
from keeper.execution.thresholds import Standing
from keeper.types import Declined
from keeper.units import USD, WAD

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 12.0)
"""Bucket bounds of times, in seconds: from a screen that found nothing to a whole slot lost."""
_UNSENT: Final = (Status.DRY_RUN, Status.SIMULATION_FAILED, Status.REFUSED)


class Metrics:
    """An observer of the engine that counts; a keeper has one, with a registry of its own."""

    def __init__(self, *, version: str, chain_id: int, live: bool) -> None:
        """`live` false is a dry run."""
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        facts = {"version": version, "chain_id": str(chain_id), "mode": "live" if live else "dry"}
        Info("keeper_build", "What runs here.", registry=self.registry).info(facts)
        self._head = self._gauge("head_block", "Number of the last block a pass was finished on.")
        self._head_time = self._gauge("head_timestamp_seconds", "Its timestamp, in unix seconds.")
        self._base_fee = self._gauge("base_fee_wei", "Its base fee per gas.")
        self._armed = self._gauge("armed", "1 while plans are signed, 0 in a dry run, while disarmed or held.")
        self._holds = self._gauge("holds", "How many limits hold plans back.")
        self._positions = self._gauge("positions", "Positions in the book.", "deployment")
        self._suspects = self._gauge("suspects", "Positions the screen could not rule out.", "deployment")
        self._liquidatable = self._gauge("liquidatable_positions", "Positions confirmed by exact rules.", "deployment")
        self._stopped = self._gauge("deployment_stopped", "1 while a deployment is set aside.", "deployment")
        self._passes = self._counter("passes", "Blocks looked at.", "result")
        self._skipped = self._counter("heads_skipped", "Blocks that a newer one overtook before their pass.")
        self._reorgs = self._counter("reorgs", "Passes that began by walking back.")
        self._planned = self._counter("plans", "Plans made.", "strategy")
        self._declined = self._counter("declines", "What was not done.", "reason")
        self._ended = self._counter("outcomes", "How plans ended.", "status")
        self._gas = self._counter("gas_used", "Gas burnt by mined transactions.")
        self._seconds = Histogram(
            "keeper_pass_seconds",
            "From a head being taken up to everything of its pass being sent and written.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.lag = Histogram(
            "keeper_loop_lag_seconds",
            "How late the event loop wakes up: what anything urgent would have waited.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._live = live
        self.head_time_s = int(time.time())

    def on_pass(self, seen: PassSeen) -> None:
        """Count a finished pass."""
        head = seen.decision.head
        self._passes.labels("done").inc()
        self._seconds.observe(seen.seconds)
        self._skipped.inc(seen.event.skipped)
        self._reorgs.inc(seen.event.reorged_to is not None)
        self._head.set(head.number)
        self._head_time.set(head.timestamp)
        self.head_time_s = head.timestamp
        self._base_fee.set(head.base_fee_wei)
        self._armed.set(self._live and seen.disarmed is None and not seen.held)
        self._holds.set(len(seen.held))
        for found in seen.decision.findings:
            self._positions.labels(found.deployment).set(found.screened)
            self._suspects.labels(found.deployment).set(found.suspects)
            self._liquidatable.labels(found.deployment).set(len(found.liquidatable))
            self._stopped.labels(found.deployment).set(found.deployment in seen.stopped)

        for plan in seen.decision.plans:
            self._planned.labels(plan.opportunity.strategy).inc()

        for no in (*seen.decision.declined, *(answer for answer in seen.answers if isinstance(answer, Declined))):
            self._declined.labels(no.reason.value).inc()

        ended = [answer for answer in seen.answers if isinstance(answer, Outcome) and answer.status in _UNSENT]
        for outcome in (*ended, *seen.booked):
            self._ended.labels(outcome.status.value).inc()
            self._gas.inc(outcome.gas_used)

    def on_dropped(self, event: HeadEvent, error: ChainError) -> None:
        """Count a pass that ended without a decision."""
        del event, error
        self._passes.labels("dropped").inc()

    def text(self) -> bytes:
        """Everything there is to tell, in Prometheus' text format 0.0.4."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(f"keeper_{name}", says, labels, registry=self.registry)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"keeper_{name}", says, labels, registry=self.registry)


class Money(Collector):
    """Figures of the governor, measured in the journal when asked: what a day cost and brought, and what is allowed."""

    def __init__(self, standing: Callable[[], Standing], in_flight_wei: Callable[[], int]) -> None:
        """Take where to read: both are asked once for each scrape, in the loop's own thread."""
        self._standing = standing
        self._in_flight_wei = in_flight_wei

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Name what the last day amounts to."""
        now = self._standing()
        yield _figure("day_profit_usd", "Realised profit less gas of the last day, in US dollars.", -now.lost_usd / USD)
        yield _figure(
            "drawdown_usd", "How far below its peak of a week that is, in US dollars.", now.drawdown_usd / USD
        )
        yield _figure("day_gas_native", "Gas paid in the last day, in whole native tokens.", now.gas_wei / WAD)
        yield _figure("in_flight_gas_native", "The most that what is in flight can cost.", self._in_flight_wei() / WAD)
        yield _figure("consecutive_reverts", "Blocks in a row in which something reverted.", now.reverts)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Leave the names to `collect`; asking the journal only to register would be waste."""
        return ()


class Nodes(Collector):
    """How the endpoints do, read when asked; labelled by their place in `[chain] rpc`: a URL may hold a secret."""

    def __init__(self, standings: Callable[[], Sequence[EndpointStanding]]) -> None:
        """Take where to read."""
        self._standings = standings

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Name failures in a row and whether it is left alone for a while, by endpoint."""
        resting = GaugeMetricFamily(
            "keeper_endpoint_resting", "1 while asked last after failures.", labels=("endpoint",)
        )
        failures = GaugeMetricFamily("keeper_endpoint_failures", "Failures in a row.", labels=("endpoint",))
        for place, standing in enumerate(self._standings()):
            resting.add_metric((str(place),), standing.resting)
            failures.add_metric((str(place),), standing.failures)

        yield resting
        yield failures

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Leave the names to `collect`."""
        return ()


def _figure(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"keeper_{name}", says, value=value)
