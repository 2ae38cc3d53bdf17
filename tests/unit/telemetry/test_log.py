"""Every log line is readable, redacted and harmless, whoever wrote it."""

import io
import json
import logging
import warnings

import pytest
import structlog

from keeper.telemetry.log import configure_logging, readable
from keeper.telemetry.redact import Redactor
from keeper.types import Reason


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def logging_as_it_was():
    root = logging.getLogger()
    handlers, level, show = root.handlers[:], root.level, warnings.showwarning
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    warnings.showwarning = show
    structlog.reset_defaults()


def written(act, **options):
    stream = options.pop("stream", io.StringIO())
    configure_logging(Redactor(["hunter22"]), stream=stream, **options)
    act(structlog.get_logger())
    return stream.getvalue()


def test_line_for_people_has_time_event_and_data_with_units():
    text = written(lambda log: log.bind(block=12).info("plan_submitted", profit_wei=12 * 10**18), as_json=False)
    clock, event, *data = text.split()
    assert len(clock) == len("12:34:56")
    assert (event, data) == ("plan_submitted", ["block=12", "profit_wei=12_000_000_000_000_000_000"])


def test_line_for_people_names_the_level_only_where_it_matters():
    text = written(lambda log: (log.info("block_read"), log.warning("feed_stale")), as_json=False)
    first, second = text.splitlines()
    assert first.split()[1:] == ["block_read"]
    assert second.split()[1:] == ["WARNING", "feed_stale"]


def test_line_for_machines_is_json_with_the_same_names():
    line = json.loads(written(lambda log: log.info("plan_submitted", block=12, to=b"\x11" * 20), as_json=True))
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "info", "event": "plan_submitted", "block": 12, "to": "0x" + "11" * 20}


def test_number_beyond_a_double_is_text_in_json():
    line = json.loads(written(lambda log: log.info("x", exact=2**53, big=2**53 + 1, deep=[10**30]), as_json=True))
    assert (line["exact"], line["big"], line["deep"]) == (2**53, str(2**53 + 1), [str(10**30)])


def test_stream_decides_the_form_when_nothing_is_asked():
    assert json.loads(written(lambda log: log.info("x")))["event"] == "x"
    assert "\x1b[" in written(lambda log: log.info("x"), stream=Terminal())


def test_debug_is_dropped_unless_asked_for():
    assert written(lambda log: log.debug("x")) == ""
    assert written(lambda log: log.debug("x"), level="debug") != ""


@pytest.mark.parametrize("as_json", [False, True])
def test_secret_in_any_field_or_exception_is_hidden(as_json):
    def act(log):
        log.bind(url="https://eth.example/v2/canary").info("hunter22", nested={"a": ["hunter22"]}, raw=b"canary")
        log.error("read_failed", exc_info=ValueError("hunter22 at https://eth.example/canary"))

    text = written(act, as_json=as_json)
    assert "hunter22" not in text
    assert "canary" not in text
    assert "ValueError: *** at https://eth.example/***" in text


@pytest.mark.parametrize("as_json", [False, True])
def test_library_log_and_warning_take_the_same_way(as_json):
    def act(_log):
        logging.getLogger("aiohttp.client").warning("gone: %s", "https://eth.example/canary")
        logging.getLogger("aiohttp.client").info("not shown")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("hunter22", stacklevel=1)

    text = written(act, as_json=as_json)
    assert text.count("library_reported") == 2
    assert "https://eth.example/***" in text
    assert [word for word in ("hunter22", "canary", "not shown") if word in text] == []


def test_hostile_text_is_one_harmless_line():
    text = written(lambda log: log.info("x\x1b[2J", name="\x1b]0;owned\x07\n12:00:00 fake_event", **{"k\x1b": 1}))
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    text = written(lambda log: log.info("x", name="\u202eevil\nfake_event"), as_json=False)
    assert len(text.splitlines()) == 1
    assert "\u202e" not in text


def test_long_text_is_cut():
    assert len(written(lambda log: log.info("x", name="y" * 1_000_000))) < 25_000


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"\x11" * 20, "0x" + "11" * 20),
        (b"\x01\x02", "0x0102"),
        ({b"\x01": (b"\x02", 3)}, {"0x01": ["0x02", 3]}),
        (frozenset([7]), [7]),
        (Reason.HEALTHY, "healthy"),
        (2.5, 2.5),
        (None, None),
    ],
)
def test_value_is_readable(value, shown):
    assert readable(value) == shown


def test_object_of_ours_is_shown_as_its_text():
    assert readable(ValueError("x")) == "x"
