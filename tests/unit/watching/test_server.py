"""The monitor's page: what it answers, to whom, and what happens where it cannot listen."""

import socket

import aiohttp
import pytest

from keeper.config.monitor import Listen, parse_listen
from keeper.errors import ConfigError
from keeper.watching.health import Health
from keeper.watching.metrics import Metrics
from keeper.watching.server import serve
from tests.unit.watching.passes import seen


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
async def page():
    """(url, metrics, health) of a page that is served."""
    listen = Listen("127.0.0.1", free_port())
    metrics, health = Metrics(version="9.9", chain_id=1, live=True), Health(block_time_s=12, live=True)
    runner = await serve(listen, metrics, health)
    yield f"http://{listen}", metrics, health
    await runner.cleanup()


async def get(url, **headers):
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_metrics_and_health_are_told_as_they_are(page):
    url, metrics, health = page
    for observer in (metrics, health):
        observer.on_pass(seen(7))

    status, text = await get(f"{url}/metrics")
    assert (status, "keeper_head_block 7.0" in text) == (200, True)
    assert (await get(f"{url}/livez"))[0] == 200
    assert (await get(f"{url}/readyz"))[0] == 200
    health.on_pass(seen(8, disarmed="no funds"))
    status, text = await get(f"{url}/readyz")
    assert status == 503
    assert '"why": ["disarmed: no funds"]' in text


async def test_a_web_page_that_rebinds_its_name_to_loopback_reads_nothing(page):
    url, *_ = page
    for path in ("/metrics", "/livez", "/readyz"):
        assert (await get(url + path, Host="evil.example"))[0] == 403
        assert (await get(url + path, Host="localhost:9464"))[0] != 403


async def test_nothing_can_be_changed_through_it(page):
    url, *_ = page
    async with aiohttp.ClientSession() as session, session.post(f"{url}/readyz") as answer:
        assert answer.status == 405


async def test_an_address_that_is_taken_is_refused_by_its_setting(page):
    url, metrics, health = page
    with pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1") as refused:
        await serve(parse_listen(url.removeprefix("http://")), metrics, health)

    assert refused.value.data["setting"] == ("monitor", "listen")


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("127.0.0.1:9464", Listen("127.0.0.1", 9464)),
        ("[::1]:80", Listen("::1", 80)),
        ("localhost:65535", Listen("localhost", 65_535)),
    ],
)
def test_listen_is_an_address_and_a_port(text, listen):
    assert parse_listen(text) == listen
    assert str(listen) == text


@pytest.mark.parametrize("text", ["", "9464", 9464, "keeper.example:80", "127.0.0.1:", "127.0.0.1:0", "[::1]:65536"])
def test_listen_that_is_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="an address and a port, like"):
        parse_listen(text)
