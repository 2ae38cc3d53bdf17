"""What a `[[deployment]]` and a `[[venue]]` table may hold, per adapter and per venue kind.

One class per adapter or kind; a new one joins by being named in the union at the end of its section. The addresses
are the operator's: nothing here knows a particular chain.
"""

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from keeper.config.values import AddressText, HashText, MarginCallWad, Name

BlockNumber: TypeAlias = Annotated[StrictInt, Field(ge=0, le=10**12)]


class Section(BaseModel):
    """A table of the configuration: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # an error must not print a secret that sits under the wrong key
        use_attribute_docstrings=True,
        validate_by_alias=True,
        validate_by_name=True,
    )


PresetName: TypeAlias = Name | None


# Deployments -------------------------------------------------------------------------------------------------------


class DeploymentSection(Section):
    """What every `[[deployment]]` may hold."""

    preset: PresetName = None
    """A shipped description to take what is not written here from; `docs/presets.md` lists them."""
    name: Name
    """Yours to choose; strategies, logs and reports use it. The preset's name when one is given."""
    start_block: BlockNumber = 0
    """First block logs are read from: the one its contracts were deployed in. 0 is always right and may be slow."""
    margin_call_health_wad: Annotated[MarginCallWad | None, Field(alias="margin_call_health")] = None
    """Health below which its positions are watched; what its strategies or `[watch]` say when left out."""


class AaveV3Deployment(DeploymentSection):
    """An Aave V3 market, or a fork that kept its contracts; the rule version is read from the chain."""

    identified_by: ClassVar[str] = "addresses_provider"
    adapter: Literal["aave_v3"]
    """Which adapter reads it."""
    addresses_provider: AddressText
    """The market's PoolAddressesProvider; pool, oracle and data provider are asked of it."""


class AaveV2Deployment(DeploymentSection):
    """An Aave V2 market, or a fork that kept its contracts; what its prices are quoted in is read from the chain."""

    identified_by: ClassVar[str] = "addresses_provider"
    adapter: Literal["aave_v2"]
    """Which adapter reads it."""
    addresses_provider: AddressText
    """The market's LendingPoolAddressesProvider; pool and oracle are asked of it."""


class MorphoBlueDeployment(DeploymentSection):
    """One Morpho Blue contract with all its markets; those whose tokens are trusted, or another deployment's, count."""

    identified_by: ClassVar[str] = "morpho"
    adapter: Literal["morpho_blue"]
    """Which adapter reads it."""
    morpho: AddressText
    """The Morpho contract; its markets are found in its logs."""
    pre_liquidation_factory: AddressText | None = None
    """The factory of pre-liquidation contracts, which take a part early from borrowers who opted in; none are looked
    for when left out."""


class CompoundV2Deployment(DeploymentSection):
    """A Compound V2 market, or a fork that kept its cTokens: Venus's core pool, Benqi, Moonwell."""

    identified_by: ClassVar[str] = "comptroller"
    adapter: Literal["compound_v2"]
    """Which adapter reads it."""
    comptroller: AddressText
    """The Comptroller (its proxy, the Unitroller); markets, oracle and rules are asked of it."""
    wrapped_native: AddressText | None = None
    """The token that stands for the native asset. A market of that asset itself (cETH, vBNB) is set aside without."""


class CompoundV3Deployment(DeploymentSection):
    """One market of Compound V3 (Comet), with one base token."""

    identified_by: ClassVar[str] = "comet"
    adapter: Literal["compound_v3"]
    """Which adapter reads it."""
    comet: AddressText
    """The market (its proxy); base token, collateral assets and price feeds are asked of it."""
    price_token: AddressText | None = None
    """What its price feeds are quoted in where that is not US dollars: the wrapped native token, for one."""


class DydxPerpetualDeployment(DeploymentSection):
    """A perpetual market of dYdX V1, whose positions an account of the operator's takes over and keeps."""

    identified_by: ClassVar[str] = "perpetual"
    adapter: Literal["dydx_perpetual"]
    """Which adapter reads it."""
    perpetual: AddressText
    """PerpetualV1 (its proxy); oracle, funder and settlement token are asked of it."""
    liquidator_proxy: AddressText
    """The market's P1LiquidatorProxy, through which outsiders liquidate."""
    account: AddressText
    """The margin account that takes positions over: it has margin there, and let the executor act for it
    (`setLocalOperator`)."""
    account_collateral_bps: Annotated[StrictInt, Field(ge=10_000, le=1_000_000)] = 12_000
    """What that account must have over what it owes after a takeover, in basis points: more than the market's own
    minimum, or it is the next to be liquidated."""
    exit_cost_bps: Annotated[StrictInt, Field(ge=0, le=2_000)] = 100
    """Share of a position taken on, in basis points, that stays in the account for leaving it again: no contract buys
    it, and its price moves."""
    settlement_is_usd: StrictBool = False
    """Whether its margin counts as US dollars (USDC). Where it does not, another deployment must price it."""


class PerpCurieDeployment(DeploymentSection):
    """Perp v2 (Curie): perpetuals whose positions are taken over and left again in one transaction."""

    identified_by: ClassVar[str] = "clearing_house"
    adapter: Literal["perp_curie"]
    """Which adapter reads it."""
    clearing_house: AddressText
    """The ClearingHouse (its proxy); every other contract is asked of it."""


class MakerDeployment(DeploymentSection):
    """MakerDAO's Liquidations 2.0: vaults are barked at, auctions started anew and bought from."""

    identified_by: ClassVar[str] = "dog"
    adapter: Literal["maker"]
    """Which adapter reads it."""
    dog: AddressText
    """The Dog (MCD_DOG); Vat, Clippers and feeds are asked of it."""
    jug: AddressText
    """The Jug (MCD_JUG), which makes debts grow."""
    dai_join: AddressText
    """DaiJoin (MCD_JOIN_DAI), where DAI goes into the Vat and out of it."""
    gem_joins: Annotated[tuple[AddressText, ...], Field(min_length=1)]
    """The join (MCD_JOIN_...) of every collateral type to work on; the others are left alone. Each type is asked of its
    join."""


Deployment: TypeAlias = Annotated[
    AaveV3Deployment
    | AaveV2Deployment
    | MorphoBlueDeployment
    | CompoundV2Deployment
    | CompoundV3Deployment
    | PerpCurieDeployment
    | DydxPerpetualDeployment
    | MakerDeployment,
    Field(discriminator="adapter"),
]
"""Every adapter's table; `identified_by` names the field that tells one market from another."""


# Venues ----------------------------------------------------------------------------------------------------------


class VenueSection(Section):
    """What every `[[venue]]` may hold."""

    preset: PresetName = None
    """A shipped description to take what is not written here from; `docs/presets.md` lists them."""
    name: Name
    """Yours to choose; `routes`, logs and reports use it. The preset's name when one is given."""
    start_block: BlockNumber = 0
    """First block logs are read from: the one its factory was deployed in. 0 is always right and may be slow."""


class UniswapV3Venue(VenueSection):
    """Uniswap V3, or a fork that kept its contracts: where collateral is sold."""

    kind: Literal["uniswap_v3"]
    """Which mathematics its pools follow."""
    factory: AddressText
    """The factory; pools are found in its logs."""
    init_code_hash: HashText | None = None
    """Keccak-256 of the pools' creation code, which their addresses are made of; Uniswap's own when left out."""


class UniswapV2Venue(VenueSection):
    """Uniswap V2, or a fork that changed only the fee: its router makes the swaps."""

    kind: Literal["uniswap_v2"]
    """Which mathematics its pairs follow."""
    factory: AddressText
    """The factory; pairs are found in its logs."""
    router: AddressText
    """The factory's router; that it takes this fee is checked at every start."""
    fee_bps: Annotated[StrictInt, Field(ge=0, le=1_000)] = 30
    """What stays in the pair of every input, in basis points; 30 is Uniswap's own."""
    init_code_hash: HashText | None = None
    """Keccak-256 of the pairs' creation code, which their addresses are made of; Uniswap's own when left out."""


class UniswapV4Venue(VenueSection):
    """Uniswap V4: its pools of two tokens without hooks."""

    kind: Literal["uniswap_v4"]
    """Which mathematics its pools follow."""
    manager: AddressText
    """The PoolManager; pools are found in its logs."""


class Erc4626Venue(VenueSection):
    """Vaults whose shares are collateral somewhere: an exit that is no swap."""

    kind: Literal["erc4626"]
    """Shares are redeemed at the vault's own rate, as far as it can pay at once."""
    vaults: Annotated[tuple[AddressText, ...], Field(min_length=1)]
    """The vaults; one whose previews follow no known formula is left alone."""


class WstethVenue(VenueSection):
    """wstETH as stETH, without a swap."""

    kind: Literal["wsteth"]
    """The wrapper is taken off at stETH's own rate."""
    wrapper: AddressText
    """The wstETH contract; which stETH it wraps is asked of it."""


class WrappedNativeVenue(VenueSection):
    """The wrapped native token as the native one, for debts that are owed in it."""

    kind: Literal["wrapped_native"]
    """One for one; the token is the chain's `wrapped_native`."""


Venue: TypeAlias = Annotated[
    UniswapV3Venue | UniswapV2Venue | UniswapV4Venue | Erc4626Venue | WstethVenue | WrappedNativeVenue,
    Field(discriminator="kind"),
]
"""Every kind's table."""


# Lenders -----------------------------------------------------------------------------------------------------------


class LenderSection(Section):
    """A source of money that is no lending deployment; deployments lend without being named here."""

    name: Name
    """Yours to choose."""
    address: AddressText
    """The contract that is asked for the money."""


class VaultLender(LenderSection):
    """The operator's own capital, in the vault contract that lends to the executor alone."""

    kind: Literal["vault"]
    """Which kind of lender it is; it lends only to strategies whose `funding` has "inventory"."""


class BalancerV2Lender(LenderSection):
    """The vault of Balancer V2, which lends whatever its pools hold."""

    kind: Literal["balancer_v2"]
    """Which kind of lender it is."""


class Erc3156Lender(LenderSection):
    """A flash lender of the ERC-3156 standard, such as Sky's flash mint."""

    kind: Literal["erc3156"]
    """Which kind of lender it is."""


Lender: TypeAlias = Annotated[VaultLender | BalancerV2Lender | Erc3156Lender, Field(discriminator="kind")]
