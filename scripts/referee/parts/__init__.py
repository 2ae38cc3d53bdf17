"""The protocols the referee can judge, one module each; `base.py` says what a part is."""

from collections.abc import Callable, Mapping

from referee.chain import View
from referee.errors import RefereeError
from referee.manifest import Deployment
from referee.parts import aave_v2, aave_v3, compound_v2, compound_v3, dydx_perpetual, maker, morpho_blue, perp_curie
from referee.parts.base import Part

# One line per protocol.
PARTS: Mapping[str, Callable[[View, Deployment], Part]] = {
    aave_v3.KIND: aave_v3.open_part,
    aave_v2.KIND: aave_v2.open_part,
    morpho_blue.KIND: morpho_blue.open_part,
    compound_v2.KIND: compound_v2.open_part,
    perp_curie.KIND: perp_curie.open_part,
    compound_v3.KIND: compound_v3.open_part,
    dydx_perpetual.KIND: dydx_perpetual.open_part,
    maker.KIND: maker.open_part,
}


def open_part(view: View, deployment: Deployment) -> Part:
    """Read a deployment of any kind there is; raises RefereeError for any other."""
    if deployment.kind not in PARTS:
        message = f"deployment {deployment.name}: the referee knows no {deployment.kind!r}, but {', '.join(PARTS)}"
        raise RefereeError(message)

    return PARTS[deployment.kind](view, deployment)
