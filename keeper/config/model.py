"""The configuration, validated: one class per table of the TOML file, frozen, in the keeper's own units.

Addresses arrive as 20 bytes, money and fees as ints, paths resolved against the file's folder. Reading the file,
finding lines and checking one table against another is `load.py`; what an adapter's table holds is `adapters.py`.
"""

from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, StrictBool, StrictInt

from keeper.config.adapters import (
    AaveV3Deployment,
    BlockNumber,
    Deployment,
    Lender,
    PresetName,
    Section,
    UniswapV2Venue,
    UniswapV3Venue,
    Venue,
)
from keeper.config.governor import GovernorConfig
from keeper.config.keys import KeyConfig, KeysConfig, LaneConfig
from keeper.config.monitor import MonitorConfig
from keeper.config.urls import PostgresUrlText, RpcUrl, RpcUrlText
from keeper.config.values import (
    AddressText,
    ConfigPath,
    HashText,
    MarginCallWad,
    Money,
    MoneyText,
    MoneyUnit,
    Name,
    WeiAmount,
)
from keeper.config.watch import AlertsConfig, ChannelConfig, WatchConfig
from keeper.margin.state import DEFAULT_MARGIN_CALL_WAD
from keeper.types import Address
from keeper.units import BPS, GWEI, USD

__all__ = [
    "AaveV3Deployment",
    "AssetsConfig",
    "Bid",
    "ChainConfig",
    "Deployment",
    "ExecutorConfig",
    "ExpectedValueBid",
    "FixedBid",
    "GovernorConfig",
    "KeeperConfig",
    "KeyConfig",
    "KeysConfig",
    "LaneConfig",
    "Lender",
    "Money",
    "MoneyUnit",
    "ProfitShareBid",
    "RpcUrl",
    "RunConfig",
    "StrategyConfig",
    "UniswapV2Venue",
    "UniswapV3Venue",
    "Venue",
]

MULTICALL3 = Address(bytes.fromhex("ca11bde05977b3631167028862be2a173976ca11"))


FeeCapWei: TypeAlias = Annotated[WeiAmount, Field(ge=1, le=1_000_000 * GWEI)]


class ChainConfig(Section):
    """`[chain]`: which chain, through which nodes."""

    preset: PresetName = None
    """A shipped description to take what is not written here from; `docs/presets.md` lists them."""
    id: Annotated[StrictInt, Field(ge=1, le=2**63 - 1)]
    """EIP-155 chain id; a node that reports another one is refused."""
    genesis: HashText | None = None
    """Hash of block 0; a node with another one is refused, whatever its id. Without it the endpoints must agree."""
    rpc: Annotated[tuple[RpcUrlText, ...], Field(min_length=1, max_length=16)]
    """Endpoints in order of preference, the first answers first: http(s), ws(s) or ipc."""
    wrapped_native: AddressText
    """The ERC-20 that wraps the native token (WETH on Ethereum)."""
    native_usd: AddressText
    """A price feed of the native token in US dollars (latestRoundData, decimals): gas is valued with it."""
    confirmations: Annotated[StrictInt, Field(ge=1, le=10_000)] = 12
    """Blocks on top of a receipt before it is final; 12 is far deeper than Ethereum's usual reorgs of one or two."""
    multicall3: AddressText = MULTICALL3
    """The Multicall3 contract reads are batched through; it has the same address on nearly every chain."""
    data_fee: Literal["none", "op_stack"] = "none"
    """What a transaction's bytes cost besides gas: nothing, or the parent chain's fee of an OP-stack rollup."""
    block_time_s: Annotated[StrictInt, Field(ge=1, le=600)] = 12
    """Seconds between blocks, used to name the timestamp of the block aimed for; 12 is Ethereum's slot."""
    sequencer_feed: AddressText | None = None
    """A rollup's sequencer uptime feed: nothing is signed while it says down, or cannot be read; none by default."""
    sequencer_grace_s: Annotated[StrictInt, Field(ge=0, le=86_400)] = 3_600
    """Seconds after the sequencer came back in which nothing is signed; an hour, as the feed's own documents advise."""


class RunConfig(Section):
    """`[run]`: how this process behaves."""

    live: StrictBool = False
    """Allow sending; `--live` is needed as well. False, because a first start should cost nothing."""
    journal: ConfigPath = Field(default=Path("keeper.db"), validate_default=True)
    """SQLite file that plans, declines and transactions are written to; a dry run writes `keeper.dry.db` beside it."""
    postgres: PostgresUrlText | None = None
    """A PostgreSQL database to keep the journal in instead, so that a standby can take over: `postgresql://...`."""
    lease_s: Annotated[StrictInt, Field(ge=3, le=600)] = 15
    """Seconds after which a keeper that fell silent may be replaced; only with `postgres`. 15 outlast a slow block."""
    recording: ConfigPath | None = None
    """File the answers of each pass are kept in, for `keeper replay`; none by default: it grows with every block."""
    audit_every_blocks: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 100
    """Blocks between rereads of a sample of positions against our state; 100 is 20 minutes on Ethereum; 0 is off."""


class ExecutorConfig(Section):
    """`[executor]`: the contract every liquidation runs through."""

    address: AddressText
    """Where `keeper executor deploy` put it."""
    code_hash: HashText | None = None
    """Keccak-256 of its runtime code; compared at every start when given."""
    start_block: BlockNumber = 0
    """First block its events are read from, by `keeper executor verify`; 0 is always right and may be slow."""


class AssetsConfig(Section):
    """`[assets]`: what counts as money."""

    trusted: Annotated[tuple[AddressText, ...], Field(min_length=1, max_length=256)]
    """Tokens profit may be taken in; profit in any other token counts as nothing."""
    max_price_age_s: Annotated[StrictInt, Field(ge=1, le=30 * 86_400)] = 90_000
    """Seconds after which a price is stale; 90,000 is the longest usual feed heartbeat (a day) and an hour of grace."""


NO_ASSETS: Final = AssetsConfig.model_construct(trusted=(), max_price_age_s=90_000)
"""What is trusted where nothing is earned; never written in a file, where at least one token must be named."""


class FixedBid(Section):
    """Bid the same priority fee for everything."""

    kind: Literal["fixed"] = "fixed"
    """This form of bid."""
    tip_wei: Annotated[WeiAmount, Field(ge=0, le=1_000_000 * GWEI)] = GWEI
    """Priority fee per gas in wei; 1 gwei is enough for the next block when nobody competes."""
    max_fee_per_gas_wei: FeeCapWei = 500 * GWEI
    """Never pay more per gas than this, in wei; 500 gwei is far above a quiet day, and a slip cannot empty the key."""


class ProfitShareBid(Section):
    """Bid a share of the profit left after the base fee."""

    kind: Literal["profit_share"]
    """This form of bid."""
    share_bps: Annotated[StrictInt, Field(ge=0, le=BPS)] = 5_000
    """Share of the net profit given to the block's producer, in basis points; half, until outcomes say otherwise."""
    max_fee_per_gas_wei: FeeCapWei = 500 * GWEI
    """Never pay more per gas than this, in wei; 500 gwei is far above a quiet day, and a slip cannot empty the key."""


class ExpectedValueBid(Section):
    """Bid what pays most on average, by what past winners on the deployment offered and what losing has cost."""

    kind: Literal["expected_value"]
    """This form of bid."""
    start_share_bps: Annotated[StrictInt, Field(ge=0, le=BPS)] = 5_000
    """Share of what a plan can offer that is bid until eight winners were seen, in basis points; half, for a start."""
    max_share_bps: Annotated[StrictInt, Field(ge=0, le=BPS)] = 9_500
    """Never offer more than this share, in basis points; the rest pays for what the model does not know."""
    max_fee_per_gas_wei: FeeCapWei = 500 * GWEI
    """Never pay more per gas than this, in wei; 500 gwei is far above a quiet day, and a slip cannot empty the key."""


Bid: TypeAlias = Annotated[FixedBid | ProfitShareBid | ExpectedValueBid, Field(discriminator="kind")]


class StrategyConfig(Section):
    """`[[strategy]]`: a policy by name; where several allow an opportunity the first one takes it."""

    name: Name
    """Yours to choose; logs and reports use it."""
    deployments: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Names of the deployments it works on."""
    min_profit: MoneyText = Money(5 * USD, MoneyUnit.USD)
    """Least profit after gas, as text with a unit: "5 USD" or "0.004 native"; 5 USD pays for a failed attempt."""
    funding: Annotated[tuple[Literal["callback", "swap", "flash_loan", "inventory"], ...], Field(min_length=1)] = (
        "callback",
        "swap",
        "flash_loan",
    )
    """Where the money to repay may come from; the cheapest wins. Without "inventory" no capital is ever at stake."""
    routes: tuple[Name, ...] = ()
    """Venues collateral may be sold on, by name or kind; every venue when empty."""
    max_hops: Annotated[StrictInt, Field(ge=1, le=4)] = 2
    """Pools one route may cross; 2 reaches everything paired with the wrapped native token, each more costs time."""
    max_plans_per_block: Annotated[StrictInt, Field(ge=1, le=1_000)] = 10
    """Transactions planned for one block; 10 bounds what a wrong belief can cost before it shows."""
    floor_bps: Annotated[StrictInt, Field(ge=1, le=BPS)] = 9_000
    """Share of the expected profit, in basis points, that the executor insists on; the rest absorbs small moves."""
    bid: Bid = FixedBid()
    """How much is offered to the block's producer."""
    submit: Annotated[tuple[Literal["public"], ...], Field(min_length=1)] = ("public",)
    """Channels a transaction is given to, in order of preference."""
    margin_call_health_wad: Annotated[MarginCallWad, Field(alias="margin_call_health")] = DEFAULT_MARGIN_CALL_WAD
    """Health below which a position is watched, as text: "1.05" is 5 % above liquidation, a usual warning distance."""
    take_bad_debt: StrictBool = False
    """Also take positions that leave debt behind; they pay like others, but some operators abstain."""
    batch: StrictBool = False
    """Let small liquidations share a transaction where the gas saved outweighs the risk; one that fails is skipped."""


class KeeperConfig(Section):
    """The whole file. Plural attributes are read from the TOML's singular tables (`[[deployment]]`)."""

    chain: ChainConfig
    """Which chain, through which nodes."""
    run: RunConfig = Field(default_factory=RunConfig)
    """How this process behaves."""
    keys: KeysConfig | None = None
    """The operator key; needed to go live, and for `executor` verbs that send."""
    lanes: Annotated[tuple[LaneConfig, ...], Field(max_length=32, alias="lane")] = ()
    """More operator keys, each an operator of the executor: what is stuck on one key holds up nothing on another."""
    governor: GovernorConfig = Field(default_factory=GovernorConfig)
    """What may be spent and lost before the keeper stops; each limit has a default."""
    monitor: MonitorConfig | None = None
    """Metrics and health over HTTP; nothing listens without it."""
    executor: ExecutorConfig | None = None
    """The contract liquidations run through; needed to go live."""
    assets: AssetsConfig = NO_ASSETS
    """What counts as money; needed where there is a strategy."""
    watch: WatchConfig | None = None
    """Positions that are watched without being worked on; with it a run needs no strategy."""
    alerts: AlertsConfig = Field(default_factory=AlertsConfig)
    """How often people are told."""
    channels: Annotated[tuple[ChannelConfig, ...], Field(max_length=16, alias="channel")] = ()
    """Where alerts go; without any they are only written down."""
    deployments: Annotated[tuple[Deployment, ...], Field(min_length=1, alias="deployment")]
    """The lending deployments to work on."""
    lenders: Annotated[tuple[Lender, ...], Field(alias="lender")] = ()
    """Sources of money beside the deployments, which lend what they have without being named here."""
    venues: Annotated[tuple[Venue, ...], Field(alias="venue")] = ()
    """Where collateral can be sold; without any, only collateral that is the debt token itself pays."""
    strategies: Annotated[tuple[StrategyConfig, ...], Field(min_length=1, alias="strategy")] = ()
    """Policies, in order of preference; a run that only watches has a `[watch]` table and none."""
