"""The page a monitor reads: `/metrics`, `/livez` and `/readyz` over HTTP, on loopback unless told otherwise.

It answers about the keeper and takes no orders. Whoever reaches loopback through a name of his own (a web page in the
operator's browser) is refused by the Host header.
"""

import ipaddress

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from keeper.config.monitor import Listen
from keeper.errors import ConfigError
from keeper.watching.health import Health, Verdict
from keeper.watching.metrics import Metrics

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


async def serve(listen: Listen, metrics: Metrics, health: Health) -> web.AppRunner:
    """Start answering; `cleanup` of what is returned ends it. `ConfigError` where the address is taken or not ours."""

    async def tell_metrics(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": TEXT_FORMAT})

    async def tell_alive(_request: web.Request) -> web.Response:
        return _answer(health.alive())

    async def tell_ready(_request: web.Request) -> web.Response:
        return _answer(health.ready())

    app = web.Application(middlewares=[_only_for(listen.host)])
    app.add_routes([web.get("/metrics", tell_metrics), web.get("/livez", tell_alive), web.get("/readyz", tell_ready)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, listen.host, listen.port).start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(
            f"cannot listen on {listen}: {error.strerror or error}",
            setting=("monitor", "listen"),
            hint="another keeper may have it: give each its own port",
        ) from None

    return runner


def _answer(verdict: Verdict) -> web.Response:
    body = {"ok": verdict.good, "why": list(verdict.why), "block": verdict.block, "age_s": verdict.age_s}
    return web.json_response(body, status=200 if verdict.good else 503)


def _only_for(host: str) -> Middleware:
    """Refuse requests under a foreign name where we listen on loopback; elsewhere the operator chose to be reached."""
    loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    names = {"localhost", "127.0.0.1", "[::1]", host, f"[{host}]"}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
        if loopback and name not in names:
            return web.json_response({"error": "asked under a name that is not this machine's"}, status=403)

        return await handler(request)

    return check
