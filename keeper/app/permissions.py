"""What the executor's allow-list must hold for a configuration: asked of the adapters, without reading any history."""

from keeper.app.wiring import build_adapter
from keeper.chain.live import LiveChain
from keeper.config.model import KeeperConfig, Lender, UniswapV3Venue, Venue
from keeper.execution.allowlist import UNISWAP_V3_INIT_CODE_HASH, Allowlist, Factory, Listing, Rule
from keeper.execution.deploy import head_of
from keeper.execution.exits import REDEEM, UNWRAP_WSTETH, V2_SWAP, V4_CALLS
from keeper.mind import Pace
from keeper.planning.sources import BORROW, PULLS_BACK
from keeper.protocols.words import selector


async def wanted_allowlist(config: KeeperConfig, chain: LiveChain) -> Allowlist:
    """Collect every entry the configured deployments, venues and trusted tokens need, each once."""
    head = await head_of(chain)
    target = Pace(config.chain.block_time_s).target(head)
    found = Allowlist(
        listings=tuple(Listing(token) for token in (config.chain.wrapped_native, *config.assets.trusted)),
        rules=tuple(rule for venue in config.venues for rule in venue_rules(venue)),
        factories=tuple(_factory(venue) for venue in config.venues if venue.kind == "uniswap_v3"),
    )
    for each in config.deployments:
        adapter = build_adapter(each)
        await chain.reads(adapter.sync.bootstrap(head), head)
        market = await chain.reads(adapter.sync.observe(head, target), head)
        found = Allowlist.from_permissions(adapter.encoder.permissions(market)) + found

    # `+` drops doubles: a trusted token is usually one that a deployment names too.
    return found + Allowlist(rules=tuple(map(_loan, config.lenders)))


def _factory(venue: UniswapV3Venue) -> Factory:
    return Factory(venue.factory, venue.init_code_hash or UNISWAP_V3_INIT_CODE_HASH)


def venue_rules(venue: Venue) -> tuple[Rule, ...]:
    """What a program calls on a venue, other than V3 pools, which are recognised by their factory."""
    match venue.kind:
        case "uniswap_v2":
            return (Rule(venue.router, selector(V2_SWAP), spender=venue.router),)
        case "uniswap_v4":
            return tuple(Rule(venue.manager, selector(call)) for call in V4_CALLS)
        case "erc4626":
            return tuple(Rule(vault, selector(REDEEM)) for vault in venue.vaults)
        case "wsteth":
            return (Rule(venue.wrapper, selector(UNWRAP_WSTETH)),)
        case _:
            return ()


def _loan(lender: Lender) -> Rule:
    """What a program calls to borrow; a lender that pulls its money back is the one that may."""
    return Rule(lender.address, BORROW[lender.kind], spender=lender.address if lender.kind in PULLS_BACK else None)
