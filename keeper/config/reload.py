"""What a configuration may change under a running keeper: how much and how eagerly, never what or with whose key."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from keeper.config.model import KeeperConfig

SAFE: Final = (
    ("assets", "max_price_age_s"),
    ("governor", "gas_budget_per_day"),
    ("governor", "max_loss_per_day"),
    ("governor", "max_drawdown"),
    ("governor", "max_consecutive_reverts"),
    ("governor", "revert_hold_s"),
    ("governor", "max_transactions_per_minute"),
    ("governor", "cooldown_s"),
    ("strategies",),
)
"""Where changes take effect with the next block; everything else is read once, at the start."""
UNSAFE_IN_STRATEGIES: Final = ("margin_call_health_wad", "submit")


def changes(old: KeeperConfig, new: KeeperConfig) -> tuple[str, ...]:
    """Name every setting that differs, dotted, strategies by their place."""
    before, after = dict(_leaves(old.model_dump(), ())), dict(_leaves(new.model_dump(), ()))
    differing = (path for path in {**before, **after} if before.get(path) != after.get(path))
    return tuple(sorted(".".join(path) for path in differing))


def unsafe(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the changes that only a restart can make."""
    return tuple(name for name in names if not _is_safe(tuple(name.split("."))))


def _is_safe(path: tuple[str, ...]) -> bool:
    if path[0] == "strategies" and path[-1] in UNSAFE_IN_STRATEGIES:
        return False

    return any(path[: len(known)] == known for known in SAFE)


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 # a dump holds anything
    """Every value of a dump by its path; lists of tables by place, other lists whole."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    elif isinstance(value, list | tuple) and value and all(isinstance(each, Mapping) for each in value):
        for place, inner in enumerate(value):
            yield from _leaves(inner, (*path, str(place)))
    else:
        yield path, value
