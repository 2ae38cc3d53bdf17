"""Headers as nodes answer them, and those lately seen, by hash.

An empty answer for logs is checked against the bloom of its block.
"""

from collections import OrderedDict

from keeper.chain.envelope import Answer
from keeper.chain.wire import Header, read_header

_DEPTH = 1_024


class HeaderCache:
    """The last 1,024 headers added. A hash names one header forever, so nothing here grows stale."""

    def __init__(self) -> None:
        """Start empty."""
        self._headers: OrderedDict[bytes, Header] = OrderedDict()

    def add(self, header: Header) -> None:
        """Keep a header, dropping the oldest."""
        self._headers[header.head.hash] = header
        if len(self._headers) > _DEPTH:
            self._headers.popitem(last=False)

    def get(self, block_hash: bytes) -> Header | None:
        """The header of a hash, None where it was not seen lately."""
        return self._headers.get(block_hash)

    def leads_to(self, header: Header, ancestor: Header) -> bool:
        """Whether a header descends from another, or is it; False also where its parents were not seen lately."""
        found: Header | None = header
        while found is not None and found.head.number > ancestor.head.number:
            found = self._headers.get(found.head.parent_hash)

        return found is not None and found.head.hash == ancestor.head.hash


def decode_header(answer: Answer) -> Header | None:
    """Read an answered header; `CallError` for a fault or another shape."""
    answer.check()
    try:
        return read_header(answer.raw)
    except ValueError as error:
        raise answer.malformed(error) from None
