"""A progress bar and log lines share a terminal without writing over each other."""

import io
import sys
import time

import structlog

from keeper.telemetry.log import configure_logging
from keeper.telemetry.progress import Progress
from keeper.telemetry.redact import Redactor

ERASE_LINE = "\x1b[2K"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_log_line_while_a_bar_is_shown_has_a_line_of_its_own(monkeypatch):
    """The bar is erased before the line and drawn anew after it."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    configure_logging(Redactor(()))

    with Progress(as_json=False) as progress:
        progress.update("aave", 1, 10)
        # The bar draws itself some times a second.
        while "1/10" not in terminal.getvalue():
            time.sleep(0.02)

        structlog.get_logger().info("blocks_read", done=1)

    structlog.reset_defaults()
    before, _, after = terminal.getvalue().partition("blocks_read")

    assert "1/10" not in before.rpartition(ERASE_LINE)[2]
    assert "1/10" not in after.partition("\n")[0]


def test_log_line_after_a_bar_goes_straight_to_the_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    configure_logging(Redactor(()))

    with Progress(as_json=False):
        pass

    told = len(terminal.getvalue())
    structlog.get_logger().info("run_started")
    structlog.reset_defaults()

    assert "run_started" in terminal.getvalue()[told:]
