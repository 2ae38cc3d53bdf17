"""Maker markets built from numbers, without a chain: what unit, property and parity tests decide on."""

from dataclasses import replace

from keeper.protocols.ledger import Ledger
from keeper.protocols.maker.auction import Rules, Sale
from keeper.protocols.maker.bark import Limits, Start
from keeper.protocols.maker.ilk import Auction, Feed, Ilk, Listing
from keeper.protocols.maker.market import Contracts, MakerMarket
from keeper.protocols.maker.math import Stairstep
from keeper.protocols.maker.urn import Urn, auction_key, urn_key
from keeper.types import Address, BlockHead, BlockTarget, Log
from keeper.units import RAD, RAY, WAD

NOW = 1_700_000_000
OWNER, CLIP, PIP, JOIN, GEM = (Address(bytes([n]) * 20) for n in range(0x11, 0x16))
CONTRACTS = Contracts(*(Address(bytes([n]) * 20) for n in range(0x21, 0x28)))
ILK = b"ETH-A".ljust(32, b"\0")
KEY = urn_key(ILK, OWNER)
AUCTION = auction_key(ILK, 7, OWNER)
PAR = RAY


def head(number=100, timestamp=NOW):
    return BlockHead(number, number.to_bytes(32, "big"), bytes(32), timestamp, 10**9, 0, 30_000_000, Address(bytes(20)))


def target(timestamp=NOW, number=101):
    return BlockTarget(number, timestamp, 10**9, timestamp)


def listing(place=0, name=b"ETH-A", decimals=18):
    return Listing(place, name.ljust(32, b"\0"), JOIN, GEM, decimals)


def sale(**changes):
    """110 ether for 200,000 DAI, from 2,200 DAI each, begun a minute ago."""
    plain = Sale(tab=200_000 * RAD, lot=110 * WAD, tic=NOW - 60, top=2_200 * RAY)
    return replace(plain, **changes)


def ilk(of=None, *, sales=None, **changes):
    """Ether at 2,000 DAI of which two thirds may be owed; 7,500 DAI of dust, plenty of room, no fee for owing."""
    plain = Ilk(
        listing=of or listing(),
        clip=CLIP,
        rate=RAY,
        spot=2_000 * RAY * 2 // 3,
        dust=7_500 * RAD,
        fee=RAY,
        rho=NOW - 3_600,
        mat=3 * RAY // 2,
        feed=Feed(PIP, 2_000 * WAD),
        limits=Limits(1, 10**8 * RAD, 0, 10**7 * RAD, 0, 113 * WAD // 100),
        start=Start(2_000 * WAD, PAR, 11 * RAY // 10, 250 * RAD, WAD // 1_000, 0, 7),
        rules=Rules(Stairstep(90, 99 * RAY // 100), 3_600, 4 * RAY // 10, 8_475 * RAD, 0),
        auctions={number: Auction(one, OWNER) for number, one in (sales or {}).items()},
    )
    return replace(plain, **changes)


def market(ilks=None, urns=None, **changes):
    """A deployment of these collateral types, projected to the target."""
    ilks = ilks or [ilk()]
    plain = MakerMarket(
        deployment="maker",
        head=head(),
        target=target(),
        contracts=CONTRACTS,
        par=PAR,
        ilks={one.listing.ilk: one for one in ilks},
        ledger=Ledger(urns or {}),
    )
    found = replace(plain, **changes)
    return found.at(found.target)


def unsafe(ink=105 * WAD, art=141_000 * WAD):
    """A vault that owes 141,000 DAI and may owe 140,000."""
    return Urn(ink, art)


def note(selector, *words, vat=CONTRACTS.vat, block=100, index=0):
    """A note of the Vat: a call of these words, signed where negative."""
    encoded = [w.rjust(32, b"\0") if isinstance(w, bytes) else (w % 2**256).to_bytes(32, "big") for w in words]
    topics = (selector.ljust(32, b"\0"), *(encoded + [bytes(32)] * 3)[:3])
    called = (selector + b"".join(encoded))[:224].ljust(224, b"\0")
    data = (0x20).to_bytes(32, "big") + (224).to_bytes(32, "big") + called
    return Log(vat, topics, data, block, block.to_bytes(32, "big"), bytes(32), index)


def event(emitter, topic, indexed=(), words=(), block=100, index=0):
    """An event with indexed arguments and words of data."""
    spelled = [w.rjust(32, b"\0") if isinstance(w, bytes) else w.to_bytes(32, "big") for w in (*indexed, *words)]
    topics, data = (topic, *spelled[: len(indexed)]), b"".join(spelled[len(indexed) :])
    return Log(emitter, topics, data, block, block.to_bytes(32, "big"), bytes(32), index)
