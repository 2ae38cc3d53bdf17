"""Maker's core and its Liquidations 2.0, on twins of our own, with collateral types and what a user does.

The twins say so in their names: no registry carries the real contracts. They have the real ones' interface.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from keeper.sandbox.artifact import Artifact
from keeper.sandbox.assets import Asset, approve, fund
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.packages import Packages
from keeper.types import Address
from keeper.units import RAD, RAY, WAD

FOLDER: Final = "twins/maker"
TOKEN_SOURCE: Final = "sandbox/SandboxToken.sol"
LIMIT_RAD: Final = 10**9 * RAD
"""What may be borrowed, of one collateral and of all."""
FROB: Final = "frob(bytes32,address,address,address,int256,int256)"
_FILE_NUMBER: Final = "file(bytes32,uint256)"
_FILE_ADDRESS: Final = "file(bytes32,address)"
_FILE_ILK_NUMBER: Final = "file(bytes32,bytes32,uint256)"
_FILE_ILK_ADDRESS: Final = "file(bytes32,bytes32,address)"


class Curve(StrEnum):
    """The curves that an auction's price may follow, by the contract's name."""

    LINEAR = "TwinLinearDecrease"
    STAIRSTEP = "TwinStairstepExponentialDecrease"
    EXPONENTIAL = "TwinExponentialDecrease"


@dataclass(frozen=True, slots=True)
class Terms:
    """What governance decides of a collateral, in the contracts' units."""

    curve: Curve
    shape: Mapping[str, int]
    """What the curve is filed with: tau, step (s), cut (ray)."""
    mat_ray: int = 3 * RAY // 2
    duty_ray: int = 1_000_000_001_547_125_957_863_212_448
    """Five per cent a year, per second."""
    dust_rad: int = 500 * RAD
    chop_wad: int = 113 * WAD // 100
    hole_rad: int = 10**7 * RAD
    buf_ray: int = 11 * RAY // 10
    tail_s: int = 600
    cusp_ray: int = RAY // 2
    tip_rad: int = 30 * RAD
    chip_wad: int = WAD // 1_000
    hop_s: int | None = None
    """How long an oracle's value is known before it counts; None where the feed is read as it is."""


@dataclass(frozen=True, slots=True)
class MakerIlk:
    """The addresses of one collateral."""

    name: str
    asset: Asset
    join: Address
    clipper: Address
    curve: Address
    source: Address
    """Where the price is set."""
    osm: Address | None
    """What delays the source; None where nothing does."""

    @property
    def key(self) -> bytes:
        """Its name as the contracts have it."""
        return word(self.name)


@dataclass(frozen=True, slots=True)
class Maker:
    """The addresses of one deployment."""

    contracts: Mapping[str, Artifact]
    vat: Address
    spotter: Address
    jug: Address
    dog: Address
    vow: Address
    dai: Address
    dai_join: Address
    ilks: Mapping[str, MakerIlk]


def word(text: str) -> bytes:
    """Spell a name as a bytes32."""
    return text.encode().ljust(32, b"\0")


def compile_maker(packages: Packages) -> Mapping[str, Artifact]:
    """Compile the twins; a few seconds the first time, then from the cache."""
    return compile_own(packages, FOLDER, TOKEN_SOURCE)


def deploy_maker(chain: LocalChain, contracts: Mapping[str, Artifact], dai: Address | None = None) -> Maker:
    """Deploy and wire everything but collaterals; over an existing token where one is given, see `teach_to_burn`."""
    vat = chain.deploy(contracts["TwinVat"])
    spotter, jug, dog, vow = (
        chain.deploy(contracts[name], vat) for name in ("TwinSpotter", "TwinJug", "TwinDog", "TwinVow")
    )
    token = dai or chain.deploy(contracts["TwinDai"])
    dai_join = chain.deploy(contracts["TwinDaiJoin"], vat, token)

    for ward in (spotter, jug, dog):
        chain.send(vat, "rely(address)", ward)

    if dai is None:
        chain.send(token, "rely(address)", dai_join)

    chain.send(vow, "rely(address)", dog)
    chain.send(jug, _FILE_ADDRESS, word("vow"), vow)
    chain.send(dog, _FILE_ADDRESS, word("vow"), vow)
    return Maker(contracts, vat, spotter, jug, dog, vow, token, dai_join, {})


def teach_to_burn(chain: LocalChain, contracts: Mapping[str, Artifact], token: Asset) -> None:
    """Give one of the sandbox's tokens the function a DaiJoin needs of its own; balances stay."""
    listing = token.listing
    taught = chain.deploy(contracts["TwinSandboxDai"], listing.symbol, listing.symbol, listing.decimals)
    chain.set_code(token.token, chain.code(taught))


def place_ilk(chain: LocalChain, maker: Maker, name: str, asset: Asset, terms: Terms) -> Maker:
    """Deploy a collateral's contracts and give them their rights; `list_ilk` opens it."""
    contracts = maker.contracts
    join = "TwinGemJoin" if asset.listing.decimals == 18 else "TwinGemJoin5"
    gem_join = chain.deploy(contracts[join], maker.vat, word(name), asset.token)
    clipper = chain.deploy(contracts["TwinClipper"], maker.vat, maker.spotter, maker.dog, word(name))
    curve = chain.deploy(contracts[terms.curve])
    source = chain.deploy(contracts["TwinPip"])
    osm = None if terms.hop_s is None else chain.deploy(contracts["TwinOsm"], source)

    for place, ward in ((maker.vat, gem_join), (maker.vat, clipper), (maker.dog, clipper), (clipper, maker.dog)):
        chain.send(place, "rely(address)", ward)

    if osm is not None:
        chain.send(osm, "step(uint16)", terms.hop_s)

        for reader in (maker.spotter, clipper):
            chain.send(osm, "kiss(address)", reader)

    ilk = MakerIlk(name, asset, gem_join, clipper, curve, source, osm)
    return replace(maker, ilks={**maker.ilks, name: ilk})


def list_ilk(chain: LocalChain, maker: Maker, ilk: MakerIlk, terms: Terms) -> None:
    """Open a collateral at its listed price, with its limits and its auctions' rules."""
    pip = ilk.osm or ilk.source
    chain.send(maker.vat, "init(bytes32)", ilk.key)
    # In one block: a fee can be set only at the instant of the last drip, here that of the opening.
    chain.execute_many(
        [
            chain.transaction(maker.jug, "init(bytes32)", ilk.key),
            chain.transaction(maker.jug, _FILE_ILK_NUMBER, ilk.key, word("duty"), terms.duty_ray),
        ]
    )
    numbers = (
        (maker.vat, "line", LIMIT_RAD),
        (maker.vat, "dust", terms.dust_rad),
        (maker.spotter, "mat", terms.mat_ray),
        (maker.dog, "chop", terms.chop_wad),
        (maker.dog, "hole", terms.hole_rad),
    )
    own = {
        "buf": terms.buf_ray,
        "tail": terms.tail_s,
        "cusp": terms.cusp_ray,
        "tip": terms.tip_rad,
        "chip": terms.chip_wad,
    }
    chain.execute_many(
        [
            chain.transaction(maker.vat, _FILE_NUMBER, word("Line"), LIMIT_RAD),
            chain.transaction(maker.dog, _FILE_NUMBER, word("Hole"), LIMIT_RAD),
            *(chain.transaction(at, _FILE_ILK_NUMBER, ilk.key, word(what), value) for at, what, value in numbers),
            chain.transaction(maker.spotter, _FILE_ILK_ADDRESS, ilk.key, word("pip"), pip),
            chain.transaction(maker.dog, _FILE_ILK_ADDRESS, ilk.key, word("clip"), ilk.clipper),
            *(chain.transaction(ilk.clipper, _FILE_NUMBER, word(what), value) for what, value in own.items()),
            chain.transaction(ilk.clipper, _FILE_ADDRESS, word("vow"), maker.vow),
            chain.transaction(ilk.clipper, _FILE_ADDRESS, word("calc"), ilk.curve),
            *(chain.transaction(ilk.curve, _FILE_NUMBER, word(what), value) for what, value in terms.shape.items()),
            chain.transaction(ilk.clipper, "upchost()"),
        ]
    )
    bring_price(chain, maker, ilk, ilk.asset.listing.price, terms.hop_s)


def price_update(chain: LocalChain, ilk: MakerIlk, price: int) -> Transaction:
    """Write down the transaction that sets a source's value, US dollars with 8 decimals."""
    val = price * WAD // 10**8
    return chain.transaction(ilk.source, "poke(bytes32)", val.to_bytes(32, "big"), gas=100_000)


def set_price(chain: LocalChain, ilk: MakerIlk, price: int) -> None:
    """Set a source's value, US dollars with 8 decimals; nothing counts by it before it is poked."""
    chain.execute(price_update(chain, ilk, price))


def stop(chain: LocalChain, ilk: MakerIlk, level: int, ward: Address) -> Transaction:
    """Write down that auctions are stopped: at 1 none begins, at 2 none anew either, at 3 nobody buys; 0 for none."""
    return chain.transaction(ilk.clipper, _FILE_NUMBER, word("stopped"), level, sender=ward, gas=100_000)


# What users do --------------------------------------------------------------------------------------------------------


def open_vault(chain: LocalChain, maker: Maker, ilk: MakerIlk, owner: Address, vault: tuple[int, int]) -> None:
    """Lock collateral, in token units, and draw DAI, in wad, which the owner gets as tokens; the owner is the urn."""
    units, dai_wad = vault
    fund(chain, ilk.asset, owner, units)
    approve(chain, ilk.asset, owner, ilk.join)
    chain.send(ilk.join, "join(address,uint256)", owner, units, sender=owner)
    ink = units * 10 ** (18 - ilk.asset.listing.decimals)
    art, rate = art_of(chain, maker, ilk, dai_wad)
    chain.send(maker.vat, FROB, ilk.key, owner, owner, owner, ink, art, sender=owner)
    chain.send(maker.vat, "hope(address)", maker.dai_join, sender=owner)
    chain.send(maker.dai_join, "exit(address,uint256)", owner, art * rate // RAY, sender=owner)  # down: what there is


def art_of(chain: LocalChain, maker: Maker, ilk: MakerIlk, dai_wad: int) -> tuple[int, int]:
    """Read how much normalised debt draws so much DAI: wad, rounded down, and the rate, ray."""
    rate = int(chain.call(maker.vat, "ilks(bytes32)(uint256,uint256,uint256,uint256,uint256)", ilk.key)[1])
    return dai_wad * RAY // rate, rate


def urn(chain: LocalChain, maker: Maker, ilk: MakerIlk, owner: Address) -> tuple[int, int]:
    """Read a vault: collateral and normalised debt, wad."""
    ink, art = chain.call(maker.vat, "urns(bytes32,address)(uint256,uint256)", ilk.key, owner)
    return int(ink), int(art)


# What anybody does ----------------------------------------------------------------------------------------------------


def bring_price(chain: LocalChain, maker: Maker, ilk: MakerIlk, price: int, hop_s: int | None) -> None:
    """Set a source's value, US dollars with 8 decimals, and poke until the Vat goes by it, whatever time that takes."""
    set_price(chain, ilk, price)

    if ilk.osm is not None:
        for _ in range(2):  # one poke to fetch the value, one to let it count
            chain.mine(interval_s=hop_s or 0)
            chain.send(ilk.osm, "poke()")

    chain.send(maker.spotter, "poke(bytes32)", ilk.key)


def bark(chain: LocalChain, maker: Maker, ilk: MakerIlk, owner: Address) -> int:
    """Put a vault up for auction, for no reward; the auction's id."""
    before = int(chain.call(ilk.clipper, "kicks()(uint256)"))
    chain.send(maker.dog, "bark(bytes32,address,address)", ilk.key, owner, chain.account)
    return before + 1


def osm_poke(chain: LocalChain, ilk: MakerIlk) -> Transaction | None:
    """Write down the poke of an oracle's delay that has been due since the last block; None where it has not."""
    if ilk.osm is None:
        return None

    zzz, hop = chain.call_many([(ilk.osm, "zzz()(uint64)"), (ilk.osm, "hop()(uint16)")])
    return chain.transaction(ilk.osm, "poke()", gas=150_000) if zzz + hop <= chain.timestamp() else None
