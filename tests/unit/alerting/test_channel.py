"""Channels: a real one over HTTP, one that hangs, one that fails, and names that would do harm."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import SimpleQueue

import pytest

from keeper.alerting.alert import BODY_CHARS, Alert, Event, Severity, harmless, name_text
from keeper.alerting.channel import QUEUED, Channel, Message, apprise_sender
from keeper.alerting.heartbeat import Heartbeat, fetch
from keeper.alerting.secrets import known_secrets, read_url
from keeper.errors import ConfigError
from tests.canary import TOKEN

NOTE = Message(Severity.CRITICAL, "title", "body", (7,))


@pytest.fixture
def listener():
    """A server of our own that keeps what it is sent."""
    heard = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            heard.put(self.path)
            self.send_response(200 if self.path == "/alive" else 503)
            self.end_headers()

        def log_message(self, *_arguments):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], heard
    server.shutdown()
    server.server_close()
    thread.join()


def test_channel_delivers_through_apprise_and_says_what_was_taken(listener):
    port, heard = listener
    taken = SimpleQueue()
    channel = Channel("ops", Severity.WARNING, apprise_sender(f"json://127.0.0.1:{port}/{TOKEN}", "ops"), taken)
    channel.start()
    assert channel.offer(NOTE)
    said = heard.get(timeout=60)
    assert (said["title"], said["message"], said["type"]) == ("title", "body", "failure")
    assert taken.get(timeout=60).numbers == (7,)
    channel.close(5)


def test_channel_that_nobody_answers_fails_without_a_word_of_its_url(capsys):
    send = apprise_sender(f"json://127.0.0.1:1/{TOKEN}", "ops")
    assert send(NOTE) is False
    assert TOKEN not in "".join(capsys.readouterr())


def test_channel_url_that_apprise_does_not_know_is_refused_without_repeating_it():
    with pytest.raises(ConfigError, match="channel ops") as caught:
        apprise_sender(f"nonsense://{TOKEN}", "ops")

    assert TOKEN not in caught.value.message


def test_channel_that_hangs_takes_what_fits_and_holds_up_nobody():
    hang, taken = threading.Event(), SimpleQueue()
    entered = threading.Event()

    def hanging(_message):
        entered.set()
        return hang.wait()

    dead, alive = Channel("dead", Severity.WARNING, hanging, taken), SimpleQueue()
    good = Channel("good", Severity.WARNING, lambda message: alive.put(message) is None, taken)
    for channel in (dead, good):
        channel.start()

    assert dead.offer(NOTE)
    assert entered.wait(60)
    accepted = [dead.offer(NOTE) for _ in range(QUEUED + 5)]
    assert accepted == [True] * QUEUED + [False] * 5
    assert good.offer(NOTE)
    assert alive.get(timeout=60) is NOTE
    dead.close(0)  # left behind: it is a daemon
    good.close(5)
    hang.set()


def test_channel_that_raises_tries_again_later_and_lives():
    tried, taken = SimpleQueue(), SimpleQueue()

    def broken(message):
        tried.put(message)
        raise OSError("no route to host")

    channel = Channel("ops", Severity.WARNING, broken, taken)
    channel.start()
    channel.offer(NOTE)
    assert tried.get(timeout=60) is NOTE
    channel.close(0)
    assert taken.empty()


def test_channel_for_the_critical_alone_gets_no_warnings():
    sent = SimpleQueue()
    channel = Channel("pager", Severity.CRITICAL, lambda message: sent.put(message) is None, SimpleQueue())
    channel.start()
    assert channel.offer(Message(Severity.WARNING, "w", ""))
    assert channel.offer(NOTE)
    assert sent.get(timeout=60) is NOTE
    channel.close(5)


# Hostile text ------------------------------------------------------------------------------------------------------

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]52;c;ZXZpbA==\x07",
    "\u202eevil\u202c",
    "[red]markup[/red]",
    "<script>alert(1)</script>",
    "@everyone",
    "[click](http://evil.example)",
    "https://evil.example",
    "=cmd()",
    "*bold* `code` ~~gone~~ ||hidden||",
    "x" * 1_000_000,
    "tab\tand\nline\r\n",
    "\0\0",
    "\ud800",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_name_is_harmless_in_an_alert(name):
    clean = name_text(name)
    assert len(clean) <= 32
    assert clean.isascii()
    assert not set(clean) & set("@<>[]*`~|#\\/:.\x1b")
    title, body = harmless(Alert(Event.TEST, Severity.WARNING, "s", f"about {name}", f"one {name}\ntwo {name}"))
    assert title.isascii()
    assert "\n" not in title
    assert len(title) <= 250
    assert len(body) <= BODY_CHARS
    assert not set(title + body) & set("@<>[]*`~|#\\\x1b\u202e")


# Secrets and the heartbeat -----------------------------------------------------------------------------------------


def test_url_is_read_from_a_file_or_the_environment(tmp_path, monkeypatch):
    file = tmp_path / "url"
    file.write_text("discord://id/secret\nsecond line\n")
    monkeypatch.setenv("ALERTS_URL", "tgram://token/chat")
    assert read_url("x", file, None) == "discord://id/secret"
    assert read_url("x", None, "ALERTS_URL") == "tgram://token/chat"
    assert read_url("x", None, None) is None


@pytest.mark.parametrize("text", ["", "no url at all", "\x1b[31m"])
def test_url_file_without_a_url_is_refused_without_repeating_it(tmp_path, text):
    file = tmp_path / "url"
    file.write_text(f"{text}\n")
    with pytest.raises(ConfigError, match="holds no URL") as caught:
        read_url("[[channel]] ops", file, None)

    assert text == "" or text not in caught.value.message


def test_url_file_that_is_missing_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_url("[[channel]] ops", tmp_path / "absent", None)


def test_redactor_learns_urls_and_their_parts(tmp_path, monkeypatch):
    from keeper.telemetry.redact import Redactor
    from tests.unit.config.sample import GOOD, load

    monkeypatch.setenv("ALERTS_URL", "tgram://123456789:secretsecret/chat")
    loaded = load(tmp_path, GOOD + '[[channel]]\nname = "ops"\nurl_env = "ALERTS_URL"\n')
    redactor = Redactor(known_secrets(loaded.config))
    assert redactor.text("failed: tgram://123456789:secretsecret/chat") == "failed: ***"
    assert "secretsecret" not in redactor.text("token secretsecret refused")


def test_redactor_leaves_the_place_a_url_leads_to(tmp_path, monkeypatch):
    from tests.unit.config.sample import GOOD, load

    monkeypatch.setenv("ALERTS_URL", f"json://127.0.0.1:8080/{TOKEN}?to=hooks.example.org")
    loaded = load(tmp_path, GOOD + '[[channel]]\nname = "ops"\nurl_env = "ALERTS_URL"\n')
    assert known_secrets(loaded.config)[1:] == [TOKEN]


async def test_heartbeat_beats_only_after_a_block_and_at_most_once_in_a_while():
    beats, slept = [], []
    go = asyncio.Event()

    async def ping(url):
        beats.append(url)
        return True

    async def sleep(seconds):
        slept.append(seconds)
        await go.wait()
        go.clear()

    heartbeat = Heartbeat("http://monitor.example/x", 60, ping, sleep)
    running = asyncio.create_task(heartbeat.run())
    await asyncio.sleep(0)
    assert beats == []
    for _ in range(5):
        heartbeat.note()
        await asyncio.sleep(0)

    assert (len(beats), slept) == (1, [60])
    go.set()
    for _ in range(5):
        await asyncio.sleep(0)

    assert len(beats) == 2  # blocks came while it slept
    go.set()
    for _ in range(5):
        await asyncio.sleep(0)

    assert len(beats) == 2  # and none since
    running.cancel()


async def test_heartbeat_url_is_fetched_and_a_refusal_is_no_answer(listener):
    port, heard = listener
    assert await fetch(f"http://127.0.0.1:{port}/alive") is True
    assert await fetch(f"http://127.0.0.1:{port}/dead") is False
    assert await fetch("http://127.0.0.1:1/none") is False
    assert heard.get(timeout=60) == "/alive"
