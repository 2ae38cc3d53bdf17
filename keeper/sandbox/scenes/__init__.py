"""The protocols that can be played, one module each; `base.py` says what a scene is."""

from typing import Final

from keeper.sandbox.packages import SandboxError
from keeper.sandbox.scenes import (
    aave_v2,
    aave_v3,
    compound_v2,
    compound_v3,
    compound_v3_ether,
    dydx_perpetual,
    maker,
    morpho_blue,
    perp_curie,
    spark,
)
from keeper.sandbox.scenes.base import Scene

SCENES: Final[tuple[Scene, ...]] = (
    aave_v3.SCENE,
    aave_v2.SCENE,
    spark.SCENE,
    morpho_blue.SCENE,
    compound_v2.SCENE,
    perp_curie.SCENE,
    compound_v3.SCENE,
    compound_v3_ether.SCENE,
    dydx_perpetual.SCENE,
    maker.SCENE,
)  # fmt: skip
"""In the order they are opened: one line per protocol."""
DEFAULT: Final = aave_v3.NAME
ALL: Final = "all"


def choose(names: str) -> tuple[Scene, ...]:
    """Find scenes by their names, comma-separated, or all of them; `SandboxError` names those there are.

    What a scene cannot do without is played beside it.
    """
    if names == ALL:
        return SCENES

    by_name = {scene.name: scene for scene in SCENES}
    wanted = dict.fromkeys(name.strip() for name in names.split(","))
    unknown = [name for name in wanted if name not in by_name]

    if unknown:
        known = ", ".join([*by_name, ALL])
        raise SandboxError(f"no protocol {', '.join(map(repr, unknown))} to play: there are {known}")

    for name in list(wanted):
        wanted |= dict.fromkeys(by_name[name].beside)

    return tuple(scene for scene in SCENES if scene.name in wanted)
