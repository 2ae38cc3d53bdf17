"""All checks, in the order a person would go through them; what one of them finds never stops the others."""

from collections.abc import AsyncIterator

from keeper.app.doctor.alerts import check_alerts
from keeper.app.doctor.contracts import check_contracts
from keeper.app.doctor.finding import Finding, from_error
from keeper.app.doctor.host import check_disk, check_key
from keeper.app.doctor.nodes import check_nodes
from keeper.app.run import open_chain_of
from keeper.config.model import KeeperConfig
from keeper.errors import KeeperError


async def examine(config: KeeperConfig, *, live: bool) -> AsyncIterator[Finding]:
    """Look at everything; `live` asks for what a live run needs as well. Nothing is changed, no key is opened."""
    for finding in check_disk(config, live=live):
        yield finding

    for finding in check_alerts(config):
        yield finding

    async for finding in check_nodes(config):
        yield finding

    try:
        chain = await open_chain_of(config)
    except KeeperError:
        return  # the nodes' own findings say why

    try:
        async for finding in check_contracts(config, chain, live=live):
            yield finding

        async for finding in check_key(config, chain, live=live):
            yield finding
    except KeeperError as error:
        yield from_error("chain", error)
    finally:
        await chain.close()
