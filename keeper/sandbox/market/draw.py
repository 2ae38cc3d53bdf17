"""What a seed gives one scene: the price path that all share, chance of its own, and accounts that nobody else has."""

import random
from dataclasses import dataclass

from eth_hash.auto import keccak

from keeper.sandbox.market.path import Step, make_path
from keeper.types import Address


@dataclass(frozen=True, slots=True)
class Draw:
    """A scene's share of a seed: nothing of it depends on which other scenes are played."""

    seed: int
    scene: str
    path: tuple[Step, ...]

    def rng(self) -> random.Random:
        """Return the scene's chance, from its beginning."""
        return random.Random(f"{self.seed} {self.scene}")  # noqa: S311  # drawn again from the same seed is the point

    def account(self, label: str) -> Address:
        """Name an account of this scene and seed."""
        return Address(keccak(f"keeper sandbox {self.seed} {self.scene} {label}".encode())[-20:])


def draw(seed: int, scene: str) -> Draw:
    """Draw a scene's share of a seed; the path is the same for every scene."""
    return Draw(seed, scene, make_path(random.Random(seed)))  # noqa: S311  # as above
