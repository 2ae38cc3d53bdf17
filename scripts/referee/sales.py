"""Every way out of a token: each sale made through the real pools and undone, its result kept while the pools stand."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from referee import probe
from referee.chain import View, parts
from referee.probe import Sale

# Some 30 ms of the node's time: the keeper asks the same node and must not wait behind the referee.
SALES_PER_CALL = 160


@dataclass(frozen=True, slots=True)
class _Sold:
    fingerprint: bytes
    block: int
    received: int


@dataclass(slots=True)
class Sales:
    """What sales brought, with the bytes their pools answered with at the time; an entry not asked for is dropped.

    carried_blocks: a sale older than this is made again whatever its pools answer: liquidity taken out of a range that
    is not active shows in none of it.
    """

    carried_blocks: int
    made: int = 0
    carried: int = 0
    _sold: dict[Sale, _Sold] = field(default_factory=dict)

    def sell(
        self, view: View, pools: Mapping[str, bytes], funds: Mapping[str, Any], sales: Collection[Sale]
    ) -> dict[Sale, int]:
        """Return base units received for each sale, 0 where it reverts; pools: what each pool answers now."""
        fingerprints = {sale: b"".join(pools[pool] for pool in sale.hops) for sale in sales}
        number = view.block.number
        known = {
            sale: sold
            for sale in sales
            if (sold := self._sold.get(sale))
            and sold.fingerprint == fingerprints[sale]
            and number - sold.block < self.carried_blocks
        }
        received = {sale: sold.received for sale, sold in known.items()}
        wanted = [sale for sale in sales if sale not in known]

        for part in parts(wanted, SALES_PER_CALL):
            answer = view.run(probe.encode_sales(part), funds)
            received.update(zip(part, probe.decode_sales(answer), strict=True))

        self.made += len(wanted)
        self.carried += len(known)
        self._sold = known | {sale: _Sold(fingerprints[sale], number, received[sale]) for sale in wanted}
        return received
