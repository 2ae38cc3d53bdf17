"""Answers the reads of a pure sync by asking the node, as the shell would: a revert is an answer."""

from keeper.sandbox.node import NodeError, to_hex
from keeper.types import CodeAt, Returned


def answers(chain, requests):
    """One answer per request, at the latest block; one by one only where one of them reverts."""
    calls = [
        ("eth_call", ({"to": to_hex(request.to), "data": to_hex(request.data)}, "latest"))
        for request in requests
        if not isinstance(request, CodeAt)
    ]
    if len(calls) == len(requests):
        try:
            return tuple(Returned(ok=True, data=bytes.fromhex(data[2:])) for data in chain.node.rpc_many(calls))
        except NodeError:
            pass

    return tuple(_answer(chain, request) for request in requests)


def _answer(chain, request):
    if isinstance(request, CodeAt):
        return Returned(ok=True, data=bytes.fromhex(chain.node.rpc("eth_getCode", to_hex(request.to), "latest")[2:]))

    try:
        data = chain.node.rpc("eth_call", {"to": to_hex(request.to), "data": to_hex(request.data)}, "latest")
    except NodeError:
        return Returned(ok=False, data=b"")

    return Returned(ok=True, data=bytes.fromhex(data[2:]))
