"""Symbols and decimals for the tables of a verb; a node that does not answer costs them, not the verb."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from keeper.config.model import KeeperConfig
    from keeper.telemetry.table import Labels, Row
    from keeper.types import Address

_TIMEOUT_S: Final = 5.0
_TOKEN_KEYS: Final = ("debt_token", "collateral_token", "profit_token")


def tokens_in(rows: "Iterable[Row]") -> "set[Address]":
    """Collect the tokens that report and position rows speak of."""
    from keeper.types import parse_address

    texts: set[str] = set()
    for row in rows:
        texts |= {str(row[key]) for key in _TOKEN_KEYS if row.get(key) is not None}
        for side in ("collateral", "debt"):
            holdings = row.get(side)
            texts |= {holding["token"] for holding in holdings} if isinstance(holdings, list) else set()

    return {parse_address(text) for text in texts}


def labels_for(config: "KeeperConfig", tokens: "Iterable[Address]") -> "Labels":
    """Ask the configured node what the tokens call themselves; nothing where it does not answer."""
    import asyncio

    import structlog

    from keeper.errors import KeeperError

    listed = sorted(tokens)
    if not listed:
        return {}

    try:
        return asyncio.run(_fetch(config, listed))
    except (KeeperError, TimeoutError) as error:
        structlog.get_logger().warning("symbols_unknown", error=str(error) or f"no answer within {_TIMEOUT_S:.0f} s")
        return {}


async def _fetch(config: "KeeperConfig", tokens: "list[Address]") -> "Labels":
    import asyncio

    from keeper.app.run import open_chain_of
    from keeper.telemetry.labels import read_labels

    async with asyncio.timeout(_TIMEOUT_S):
        chain = await open_chain_of(config)
        try:
            head = await chain.latest()
            return {} if head is None else await chain.reads(read_labels(tokens), head)
        finally:
            await chain.close()
