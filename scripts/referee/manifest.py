"""What the referee is told about the run: addresses, the floor, the first block. Everything else it finds itself."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec

from referee.errors import RefereeError

Address = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-fA-F]{40}$")]
ADDRESS = re.compile("^0x[0-9a-fA-F]{40}$")
FLOOR = re.compile(r"^([0-9]+(?:\.[0-9]+)?) (USD|native)$")


class _Venue(msgspec.Struct, forbid_unknown_fields=True):
    factory: Address | None = None
    kind: str = "uniswap_v3"
    name: str = ""
    start_block: int = 0
    router: Address | None = None
    quoter: Address | None = None
    fee_bps: Annotated[int, msgspec.Meta(ge=0, lt=10_000)] = 30
    vaults: list[Address] = []


class _Manifest(msgspec.Struct, forbid_unknown_fields=True):
    deployments: Annotated[list[dict[str, str | int]], msgspec.Meta(min_length=1)]
    venues: list[_Venue]
    native_usd: Address
    min_profit: str
    executor: Address
    treasury: Address
    wrapped_native: Address | None = None
    feeds: dict[Address, Address] = {}
    run_block: int | None = None
    operators: list[Address] = []
    trusted: list[Address] | None = None
    gas_allowance: int = 100_000
    tip_wei: int = 0
    chain_id: int | None = None


@dataclass(frozen=True, slots=True)
class Venue:
    """Where to sell: a factory and the block its events start at, or vaults. A pair's fee is in basis points."""

    kind: str
    factory: str
    start_block: int
    fee_bps: int
    vaults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment to judge: which part of the referee knows it, its name in the report, and where it is."""

    kind: str
    name: str
    start_block: int
    facts: Mapping[str, str]

    def addresses(self, *names: str) -> tuple[str, ...]:
        """Return these facts, lower case; raises RefereeError where one is missing, no address, or one too many."""
        if set(self.facts) != set(names):
            message = (
                f"deployment {self.name}: a {self.kind} has {', '.join(names)}, not {', '.join(self.facts) or '-'}"
            )
            raise RefereeError(message)

        for name in names:
            if not ADDRESS.match(self.facts[name]):
                message = f"deployment {self.name}: {name} is no address: {self.facts[name]!r}"
                raise RefereeError(message)

        return tuple(self.facts[name].lower() for name in names)


@dataclass(frozen=True, slots=True)
class Floor:
    """The least profit a liquidation must leave: an amount in USD or in the native coin."""

    amount: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The run to judge. Addresses are lower case.

    run_block: the first block judged, None for the head. feeds: dollar feeds of tokens that no deployment prices.
    trusted: tokens in which profit counts, None for all. gas_allowance: gas beyond what a trial burns, for a
    liquidator's own checks. tip_wei: the tip per gas a liquidator may have to pay, wei.
    """

    deployments: tuple[Deployment, ...]
    venues: tuple[Venue, ...]
    native_usd: str
    floor: Floor
    executor: str
    treasury: str
    wrapped_native: str | None
    feeds: Mapping[str, str]
    run_block: int | None
    operators: tuple[str, ...]
    trusted: frozenset[str] | None
    gas_allowance: int
    tip_wei: int
    chain_id: int | None


def load(path: Path) -> Manifest:
    """Read a manifest; raises RefereeError with the file and the field."""
    try:
        raw = msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise RefereeError(message) from error
    except msgspec.DecodeError as error:
        message = f"{path}: {error}"
        raise RefereeError(message) from error

    return _checked(raw, path)


def _checked(raw: _Manifest, path: Path) -> Manifest:
    floor = FLOOR.match(raw.min_profit)

    if floor is None:
        message = f"{path}: min_profit must look like '5 USD' or '0.004 native', not {raw.min_profit!r}"
        raise RefereeError(message)

    return Manifest(
        deployments=_deployments(raw.deployments, path),
        venues=tuple(_venue(venue, path) for venue in raw.venues),
        native_usd=raw.native_usd.lower(),
        floor=Floor(Decimal(floor[1]), floor[2]),
        executor=raw.executor.lower(),
        treasury=raw.treasury.lower(),
        wrapped_native=raw.wrapped_native.lower() if raw.wrapped_native else None,
        feeds={token.lower(): feed.lower() for token, feed in raw.feeds.items()},
        run_block=raw.run_block,
        operators=tuple(operator.lower() for operator in raw.operators),
        trusted=None if raw.trusted is None else frozenset(token.lower() for token in raw.trusted),
        gas_allowance=raw.gas_allowance,
        tip_wei=raw.tip_wei,
        chain_id=raw.chain_id,
    )


def _venue(raw: _Venue, path: Path) -> Venue:
    if raw.kind not in ("uniswap_v3", "uniswap_v2", "erc4626"):
        message = f"{path}: the referee sells through uniswap_v3, uniswap_v2 and erc4626 venues, not {raw.kind!r}"
        raise RefereeError(message)

    if (raw.kind == "erc4626") != (raw.factory is None) or (raw.kind == "erc4626") != bool(raw.vaults):
        message = (
            f"{path}: a venue of kind {raw.kind} has {'vaults' if raw.kind == 'erc4626' else 'a factory'}, no other"
        )
        raise RefereeError(message)

    vaults = tuple(vault.lower() for vault in raw.vaults)
    return Venue(raw.kind, (raw.factory or "").lower(), raw.start_block, raw.fee_bps, vaults)


def _deployments(raw: Sequence[Mapping[str, str | int]], path: Path) -> tuple[Deployment, ...]:
    found = []

    for place, table in enumerate(raw, 1):
        where = f"{path}: deployment {place}"
        facts = {name: str(value) for name, value in table.items() if name not in ("kind", "name", "start_block")}
        start_block = table.get("start_block", 0)

        if not table.get("kind") or not table.get("name") or not isinstance(start_block, int):
            message = f"{where} needs a kind and a name, and its start_block is a number"
            raise RefereeError(message)

        found.append(Deployment(str(table["kind"]), str(table["name"]), start_block, facts))

    if len({one.name for one in found}) < len(found):
        message = f"{path}: two deployments of one name"
        raise RefereeError(message)

    return tuple(found)
