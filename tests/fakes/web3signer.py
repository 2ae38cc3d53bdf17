"""A small server that speaks web3signer's documented JSON-RPC: `eth_accounts` and `eth_signTransaction`."""

from aiohttp import web


class Web3Signer:
    """`answer` replaces the result, `changes` what is signed, `status` the HTTP status; `asked` keeps the requests."""

    def __init__(self, account):
        self.account = account
        self.answer = None
        self.body = None
        self.changes = {}
        self.asked = []
        self._runner = None

    async def start(self):
        app = web.Application()
        app.router.add_post("/", self._on_post)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self):
        await self._runner.cleanup()

    async def _on_post(self, request):
        asked = await request.json()
        self.asked.append(asked)
        if self.body is not None:
            return web.Response(text=self.body)

        answer = self.answer if self.answer is not None else {"result": self._perform(asked)}
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], **answer})

    def _perform(self, asked):
        if asked["method"] == "eth_accounts":
            return [self.account.address.lower()]

        (fields,) = asked["params"]
        assert fields["from"] == self.account.address
        numbers = ("gas", "maxFeePerGas", "maxPriorityFeePerGas", "nonce", "value")
        signed = self.account.sign_transaction(
            {
                "type": 2,
                "chainId": 1,
                "to": fields["to"],
                "data": fields["data"],
                **{name: int(fields[name], 16) for name in numbers},
                **self.changes,
            }
        )
        return "0x" + bytes(signed.raw_transaction).hex()
