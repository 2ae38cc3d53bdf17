"""What a protocol brings to the stage: contracts and accounts on the shared tokens, feeds and pools.

And what others know of it: the configuration's tables, the referee's facts, and whom to ask afterwards.
A scene is opened on one chain and played on a fork of it, so what it gives back holds addresses and no connection.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.market.draw import Draw
from keeper.sandbox.market.path import Step
from keeper.sandbox.packages import Packages
from keeper.sandbox.world import World
from keeper.types import Address

LEAST_LANDED: Final = 3


@dataclass(frozen=True, slots=True)
class Site:
    """Where a scene is opened. `chain.account` is the scene's own deployer, and each send is mined as it comes.

    The deployer depends on seed and scene alone, so its contracts' addresses do not depend on what else is played.
    """

    chain: LocalChain
    packages: Packages
    world: World
    draw: Draw


@dataclass(frozen=True, slots=True)
class Turn:
    """A block of the price path that is about to be mined."""

    before: Step
    step: Step
    place: int
    """The block's place in the step, 0 for the one in which the feeds publish."""


Healths: TypeAlias = Mapping[Address, int | None]
"""Health in wad, below one where the account can be liquidated; None where the protocol cannot say."""
ReadHealths: TypeAlias = Callable[[LocalChain, Sequence[Address], int], Healths]
"""Asks the protocol's contracts about accounts as of a block."""
ReadFactor: TypeAlias = Callable[[LocalChain, Mapping[str, Any], int], int | None]
"""Tells which share of the debt of a report's row the rules let be repaid as of a block, in basis points."""
Moves: TypeAlias = Callable[[LocalChain, Turn], Sequence[Transaction]]
"""Writes down what a scene does at the beginning of a block: foremost, how prices reach its oracle."""


Grants: TypeAlias = Callable[[LocalChain, Address], Sequence[Transaction]]
"""Writes down what the scene's own accounts allow the operator's executor, once there is one."""


def no_factor(_chain: LocalChain, _row: Mapping[str, Any], _block: int) -> int | None:
    """Say nothing: the protocol has no close factor."""
    return None


def no_moves(_chain: LocalChain, _turn: Turn) -> Sequence[Transaction]:
    """Do nothing: the protocol reads the shared feeds."""
    return ()


def no_grants(_chain: LocalChain, _executor: Address) -> Sequence[Transaction]:
    """Allow nothing: the executor acts for itself."""
    return ()


@dataclass(frozen=True, slots=True)
class Ward:
    """A deployment that a trial is about, as it is looked at afterwards: by its own contracts' word."""

    name: str
    """Its name in the configuration, the report and the verdict."""
    names: Mapping[Address, str]
    """What its accounts are called; empty where they are nobody's we know."""
    referee: Mapping[str, Any]
    """What the referee is told of it: addresses, no rules."""
    healths: ReadHealths
    factor_bps: ReadFactor = no_factor
    least_landed: int = 1
    """With fewer landed liquidations a run has failed."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A scene on a chain."""

    names: Mapping[Address, str]
    """Every account it opened, and what it is called."""
    deployment: Mapping[str, Any]
    """The configuration's `[[deployment]]` table, without the name."""
    referee: Mapping[str, Any]
    """What the referee is told of it: `kind` and addresses, no rules."""
    healths: ReadHealths
    factor_bps: ReadFactor = no_factor
    moves: Moves = no_moves
    grants: Grants = no_grants
    strategy: Mapping[str, Any] = field(default_factory=dict)
    """Where the configuration's `[[strategy]]` table differs from the one that all share."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A protocol that can be played."""

    name: str
    """The word on the command line, and the deployment's name."""
    open: Callable[[Site], Opened]
    least_landed: int = LEAST_LANDED
    beside: tuple[str, ...] = ()
    """Scenes it cannot do without: somebody who lends what it must deposit, say."""
