"""The referee beside the run: told the addresses and the floor, nothing else, and asked for its verdict at the end."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from keeper.config.adapters import Erc4626Venue, UniswapV2Venue, UniswapV3Venue, Venue
from keeper.config.model import FixedBid, KeeperConfig
from keeper.sandbox.packages import CHECKOUT, SandboxError
from keeper.sandbox.scenes.base import Ward
from keeper.sandbox.stage.operator import Operator
from keeper.sandbox.stage.process import Process
from keeper.types import Address, to_checksum

PROGRAM: Final = CHECKOUT / "scripts" / "judge"
VERDICT_TIMEOUT_S: Final = 120.0
CANNOT_JUDGE: Final = 2


class Referee:
    """The referee's process and its files. Invariant: it follows the chain until `verdict` is asked for."""

    def __init__(self, folder: Path, rpc: str, manifest: Mapping[str, Any]) -> None:
        """Write the manifest and start it."""
        self.report = folder / "report.jsonl"
        self._stop = folder / "referee.stop"
        path = folder / "manifest.json"
        path.write_text(json.dumps(manifest, indent=2) + "\n")
        command = [str(PROGRAM), "--rpc-url", rpc, "--manifest", str(path), "--report", str(self.report)]
        command += ["--follow", "--stop-file", str(self._stop), "--json"]
        self.process = Process("referee", command, folder)

    def verdict(self, report: str) -> Mapping[str, Any]:
        """Hand over what the keeper reports and wait for the verdict; `SandboxError` where it cannot judge."""
        self.report.write_text(report)
        self._stop.touch()

        code = self.process.wait(VERDICT_TIMEOUT_S)
        said = self.process.output.read_bytes()

        # A referee that broke down says nothing on standard output, whatever its exit code.
        if code == CANNOT_JUDGE or not said:
            raise SandboxError(f"the referee could not judge the run, and ended with {code}: {self.process.tail()}")

        verdict: Mapping[str, Any] = json.loads(said)
        return verdict


def manifest_of(
    config: KeeperConfig, wards: Sequence[Ward], feeds: Mapping[Address, Address], operator: Operator, run_block: int
) -> dict[str, Any]:
    """Spell what the referee is told of a run: the deployments it is about, and what all have in common.

    Bid and floor are the first strategy's. `feeds` price in dollars what no deployment does.
    """
    strategy, start_blocks = config.strategies[0], {one.name: one.start_block for one in config.deployments}

    if config.executor is None:
        raise SandboxError("there is nothing to judge without an executor")

    return {
        "chain_id": config.chain.id,
        "deployments": [
            {**ward.referee, "name": ward.name, "start_block": start_blocks.get(ward.name, 0)} for ward in wards
        ],
        "venues": [known for venue in config.venues if (known := _venue(venue)) is not None],
        "native_usd": to_checksum(config.chain.native_usd),
        "wrapped_native": to_checksum(config.chain.wrapped_native),
        "trusted": [to_checksum(token) for token in config.assets.trusted],
        "feeds": {to_checksum(token): to_checksum(feed) for token, feed in feeds.items()},
        "min_profit": str(strategy.min_profit),
        "executor": to_checksum(config.executor.address),
        "treasury": to_checksum(operator.treasury),
        "operators": [to_checksum(operator.account)],
        "tip_wei": strategy.bid.tip_wei if isinstance(strategy.bid, FixedBid) else 0,
        "run_block": run_block,
    }


def _venue(venue: Venue) -> Mapping[str, Any] | None:
    """Spell a venue for the referee; None for a kind through which it does not sell."""
    match venue:
        case UniswapV3Venue():
            return {"factory": to_checksum(venue.factory), "start_block": venue.start_block}
        case UniswapV2Venue():
            place = {"factory": to_checksum(venue.factory), "start_block": venue.start_block}
            return {"kind": venue.kind, **place, "fee_bps": venue.fee_bps}
        case Erc4626Venue():
            return {"kind": venue.kind, "vaults": [to_checksum(vault) for vault in venue.vaults]}
        case _:
            return None
