"""A sandbox that stays: a local chain in the background that a keeper in another terminal works on.

Its folder holds the operator's files and `sandbox.json`, which says where the chain is. Blocks come by themselves,
12 s apart by the chain's clock; the base fee is the chain's own and falls while little happens.
"""

import os
import shutil
import signal
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from keeper.sandbox.anvil import STOP_TIMEOUT_S, Anvil, AnvilOptions
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.feeds import price
from keeper.sandbox.market.moves import arbitrage, publish
from keeper.sandbox.node import Node
from keeper.sandbox.packages import SandboxError, find_packages
from keeper.sandbox.saved import saved_world
from keeper.sandbox.scenes import aave_v3
from keeper.sandbox.stage.clock import urgent
from keeper.sandbox.stage.opened import open_scenes
from keeper.sandbox.stage.operator import settle_in
from keeper.sandbox.world import World
from keeper.units import BPS

STATE: Final = "sandbox.json"
KEEPERS: Final = ("keeper.*", "passes.rec", "watchlist*")
"""What a keeper that runs there leaves beside its configuration."""
WALL_S_PER_BLOCK: Final = 2
RECEIPT_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a sandbox is, as its folder remembers it."""

    pid: int
    scratch: Path
    url: str
    ws_url: str
    seed: int
    accounts: int
    world: World
    files: tuple[str, ...] = ()

    def is_running(self) -> bool:
        """Ask whether its chain still answers under its process id."""
        try:
            os.kill(self.pid, 0)
            with closing(Node(self.url)) as node:
                node.rpc("eth_chainId")
        except OSError:
            return False

        return True


def default_folder() -> Path:
    """Return where a sandbox lives unless told otherwise: in the checkout's cache, which git ignores."""
    return find_packages().cache.parent / "sandbox"


def up(folder: Path, *, seed: int, port: int = 0) -> Standing:
    """Start a sandbox in the background with an operator's files in `folder`, which is made anew.

    `SandboxError` where one is running there already, or where the folder holds anything else.
    """
    known = find(folder)

    if known is not None and known.is_running():
        raise SandboxError(f'a sandbox runs already in {folder}: end it first with "keeper sandbox down"')

    if folder.exists() and known is None and any(folder.iterdir()):
        raise SandboxError(f"{folder} is not empty and not a sandbox's: name another folder")

    if known is not None:
        _clear(folder, known)

    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    packages = find_packages()
    saved = saved_world(packages)
    anvil = saved.start(packages, AnvilOptions(port=port), detached=True)
    started = False

    try:
        played = open_scenes(anvil.url, packages, saved.world, seed, (aave_v3.SCENE,))

        with closing(LocalChain(anvil.url)) as chain:
            settle_in(chain, saved.world, folder, anvil.ws_url, [one.table for one in played])
            chain.node.rpc("evm_setIntervalMining", WALL_S_PER_BLOCK)

        accounts = sum(len(one.opened.names) for one in played)
        files = tuple(path.name for path in folder.iterdir())
        standing = Standing(anvil.pid, anvil.scratch, anvil.url, anvil.ws_url, seed, accounts, saved.world, files)
        (folder / STATE).write_bytes(msgspec.json.encode(standing, enc_hook=str))
        started = True
        return standing
    finally:
        _stop_unless(anvil, keep=started)


def crash(folder: Path, *, drop_bps: int, symbols: tuple[str, ...] = ()) -> dict[str, int]:
    """Let prices fall, the pools following in the same block; returns the new prices, 8 decimals, by symbol.

    Without symbols everything falls that is no stablecoin.
    """
    standing = running(folder)
    assets = standing.world.assets
    unknown = set(symbols) - set(assets)

    if unknown:
        raise SandboxError(f"no asset {', '.join(sorted(unknown))} in the sandbox: it has {', '.join(assets)}")

    falling = symbols or tuple(symbol for symbol, asset in assets.items() if not asset.listing.stable)

    with closing(LocalChain(standing.url)) as chain:
        before = {symbol: price(chain, asset.feed) for symbol, asset in assets.items()}
        after = {symbol: old * (BPS - drop_bps) // BPS if symbol in falling else old for symbol, old in before.items()}
        moves = publish(chain, standing.world, after, before) + arbitrage(chain, standing.world, after)
        hashes = [chain.node.rpc("eth_sendTransaction", urgent(move)) for move in moves]
        _wait_for(chain, hashes)

    return {symbol: after[symbol] for symbol in falling}


def down(folder: Path) -> bool:
    """End the sandbox of a folder and remove its files and the keeper's; False where there was none.

    Whatever else lies in the folder stays, and so does the folder then.
    """
    standing = find(folder)

    if standing is None:
        return False

    _end(standing)
    shutil.rmtree(standing.scratch, ignore_errors=True)
    _clear(folder, standing)
    return True


def _clear(folder: Path, standing: Standing) -> None:
    """Remove what `up` wrote and what a keeper writes beside its configuration, and the folder if that was all."""
    own = [*(folder / name for name in standing.files), folder / STATE]
    for path in {*own, *(found for pattern in KEEPERS for found in folder.glob(pattern))}:
        path.unlink(missing_ok=True)

    if not any(folder.iterdir()):
        folder.rmdir()


def find(folder: Path) -> Standing | None:
    """Read what a folder remembers of its sandbox; None where it has none."""
    try:
        content = (folder / STATE).read_bytes()
    except OSError:
        return None

    return msgspec.json.decode(content, type=Standing, dec_hook=lambda _kind, text: Path(text))


def running(folder: Path) -> Standing:
    """Read where the running sandbox of a folder is; `SandboxError` where there is none."""
    standing = find(folder)

    if standing is None or not standing.is_running():
        raise SandboxError(f'no sandbox runs in {folder}: start one with "keeper sandbox up"')

    return standing


def _end(standing: Standing) -> None:
    """Ask the chain to end, and make it where it does not."""
    if not standing.is_running():
        return

    os.kill(standing.pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_TIMEOUT_S

    while time.monotonic() < deadline:
        time.sleep(0.05)

        if not standing.is_running():
            return

    with suppress(ProcessLookupError):
        os.kill(standing.pid, signal.SIGKILL)


def _stop_unless(anvil: Anvil, *, keep: bool) -> None:
    if not keep:
        anvil.stop()


def _wait_for(chain: LocalChain, hashes: list[str]) -> None:
    deadline = time.monotonic() + RECEIPT_TIMEOUT_S

    while time.monotonic() < deadline:
        receipts = chain.node.rpc_many(("eth_getTransactionReceipt", (name,)) for name in hashes)

        if all(receipt is not None for receipt in receipts):
            return

        time.sleep(0.1)

    raise SandboxError(f"the price moves were not mined within {RECEIPT_TIMEOUT_S:.0f} s")
