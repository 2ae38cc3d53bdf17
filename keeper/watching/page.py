"""Reading the monitor's page back: how a running keeper's endpoints do."""

from collections.abc import Mapping
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from keeper.errors import ChainError

TIMEOUT_S: Final = 2.0


async def read_endpoints(url: str) -> Mapping[str, tuple[bool, int]]:
    """Ask a keeper's page for (resting, failures in a row) by endpoint; `ChainError` where it does not answer."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(TIMEOUT_S)) as session,
            session.get(f"{url}/metrics") as page,
        ):
            text = await page.text()
            if page.status != 200:  # HTTP's word for yes
                raise ChainError(f"the keeper's page answers {page.status}")
    except (aiohttp.ClientError, TimeoutError):
        raise ChainError("the keeper's page does not answer: is it running?") from None

    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        if family.name in ("keeper_endpoint_resting", "keeper_endpoint_failures"):
            for sample in family.samples:
                found.setdefault(sample.labels["endpoint"], {})[family.name] = sample.value

    return {
        place: (bool(told.get("keeper_endpoint_resting")), int(told.get("keeper_endpoint_failures", 0)))
        for place, told in found.items()
    }
