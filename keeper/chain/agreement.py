"""When a second node has to say the same: for what costs money if it is wrong, a plan's simulation foremost.

Run at two nodes, a plan has its prices, its health, its routes and its profit computed twice from the state of one
block hash, so a lie about any of them in a single answer stops it. A lie that hides an opportunity costs none.
"""

from collections.abc import Mapping, Sequence

from keeper.chain.faults import CallError, NodeFault
from keeper.chain.phrases import FaultKind
from keeper.types import Returned


def agreed(opinions: Mapping[str, Sequence[Returned]], method: str) -> Sequence[Returned]:
    """Hand out what every endpoint says, given by endpoint; `CallError` naming both where two contradict each other.

    What a revert returned is not compared: some nodes leave it out.
    """
    (first, found), *others = opinions.items()
    for other, theirs in others:
        for place, (one, another) in enumerate(zip(found, theirs, strict=True)):
            if one.ok != another.ok or (one.ok and one.data != another.data):
                fault = NodeFault(FaultKind.NODE, f"{other} answers otherwise to call {place + 1} of {len(found)}")
                raise CallError(fault, endpoint=first, method=method)

    return found
