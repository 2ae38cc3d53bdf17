"""The composition root: the only place that names concrete classes and wires a configuration into a running keeper."""

from keeper.app.alerting import send_test
from keeper.app.margins import margins
from keeper.app.replay import replay
from keeper.app.run import run
from keeper.app.views import explain, positions

__all__ = ["explain", "margins", "positions", "replay", "run", "send_test"]
