"""A rehearsal: an operator's own chain, forked, with prices that fall while their configuration is at work live.

Nothing of it reaches the chain: the keeper is led to the fork, with a key and an executor made for it.
"""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from keeper.config.load import load_config
from keeper.config.model import AaveV3Deployment, KeeperConfig
from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.packages import SandboxError, find_packages
from keeper.sandbox.scenes.aave_past import Market, market_of
from keeper.sandbox.scenes.aave_v3 import ward_of
from keeper.sandbox.scenes.past import read_at
from keeper.sandbox.stage.clock import Clock
from keeper.sandbox.stage.conclusion import conclude
from keeper.sandbox.stage.fork import Ground, follow, publish, take_over
from keeper.sandbox.stage.operator import move_in
from keeper.sandbox.stage.options import Options, console_of
from keeper.sandbox.stage.play import AfterBlock
from keeper.sandbox.stage.trial import Trial, Valuer, run_trial
from keeper.telemetry.plurals import counted
from keeper.types import Address

FALLS_BPS: Final = ((9_600, True), (9_000, True), (8_200, False), (7_000, True), (7_700, True))
"""What is left of every price that falls, step by step, and whether the pools follow at once or at the next step."""
BLOCKS_PER_FALL: Final = 5
FIRST_START_S: Final = 6 * 3_600.0
"""A market of years has millions of logs, and a rehearsal reads them all: its journal is new."""


def rehearse(url: str, config: Path, options: Options) -> int:
    """Fork the chain behind `url` and try the configuration on it; 0 only where books and referee agree, else 1."""
    console, started = console_of(), time.monotonic()

    with ExitStack() as held:
        folder = options.keep or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="keeper-rehearsal-")))
        folder.mkdir(parents=True, exist_ok=True)
        packages = find_packages()
        anvil = held.enter_context(Anvil(packages, AnvilOptions(fork_url=url)))
        chain = held.enter_context(closing(LocalChain(anvil.url)))
        operator = move_in(chain, config, folder, anvil.ws_url)
        settings = load_config(operator.config, operator.environ).config
        deployment = judged(settings)
        market = market_of(chain, deployment.addresses_provider)
        ground = take_over(chain, packages, settings, market)
        console.print(
            f"forked chain {settings.chain.id} at {anvil.url}: our feeds are {len(ground.priced)}, "
            f"followed by {counted(len(ground.pools), 'pool')}"
        )
        ward = ward_of(deployment.name, market, deployment.addresses_provider)
        trial = Trial(
            chain,
            settings,
            operator,
            options.pace_s,
            _moves(chain, ground),
            (ward,),
            _dollars_by_oracle(market),
            ready_within_s=FIRST_START_S,
        )
        before = {"fork": time.monotonic() - started}
        result = run_trial(trial, console.print)
        return conclude(trial, result, console, before=before, as_json=options.as_json)


def judged(config: KeeperConfig) -> AaveV3Deployment:
    """Return the deployment a rehearsal is about: the first Aave V3 market of a configuration."""
    for deployment in config.deployments:
        if isinstance(deployment, AaveV3Deployment):
            return deployment

    raise SandboxError("nothing to try: prices are moved on, and the referee judges, Aave V3 markets only")


def _dollars_by_oracle(market: Market) -> Valuer:
    """Value amounts by the market's own prices."""

    def dollars(chain: LocalChain, token: Address, amount: int, block: int) -> int | None:
        price, decimals = read_at(
            chain, block, [(market.oracle, "getAssetPrice(address)(uint256)", token), (token, "decimals()(uint8)")]
        )
        return None if price is None else int(amount * price // 10**decimals)  # down

    return dollars


def _moves(chain: LocalChain, ground: Ground) -> Callable[[Clock, AfterBlock], None]:
    def play(clock: Clock, after_block: AfterBlock) -> None:
        for left_bps, at_once in FALLS_BPS:
            moves = publish(chain, ground, left_bps)
            block = clock.tick([*moves, *(follow(chain, ground, left_bps) if at_once else ())])
            after_block(block, f"block {block}: {left_bps // 100} % is left of every price that is not a dollar")

            for _ in range(BLOCKS_PER_FALL - 1):
                after_block(clock.tick(), None)

    return play
