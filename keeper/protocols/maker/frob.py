"""Changing a vault: what the Vat allows an owner, and what it does. Source: Vat.frob of dss 1.0.8."""

from dataclasses import dataclass

from keeper.protocols.maker.checked import add, mul, mul_signed, require


@dataclass(frozen=True, slots=True)
class Books:
    """What a change of one vault touches: ink, art, Art and gem_v in wad, debt and dai_w in rad."""

    ink: int
    art: int
    Art: int
    debt: int
    gem_v: int
    dai_w: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What the Vat changes vaults by: rate and spot in ray, line, Line and dust in rad."""

    live: int
    rate: int
    spot: int
    line: int
    Line: int
    dust: int


@dataclass(frozen=True, slots=True)
class Consents:
    """Whether the caller may act for the vault's owner, for who gives collateral and for who pays DAI."""

    u: bool = True
    v: bool = True
    w: bool = True


def frob(books: Books, terms: Terms, dink: int, dart: int, consents: Consents) -> Books:
    """Add `dink` and `dart` (signed wad) to a vault; `RevertedError` where the Vat would, in its order."""
    require(terms.live == 1, "Vat/not-live")
    require(terms.rate, "Vat/ilk-not-init")
    ink, art, all_art = add(books.ink, dink), add(books.art, dart), add(books.Art, dart)
    moved, tab = mul_signed(terms.rate, dart), mul(terms.rate, art)
    debt = add(books.debt, moved)
    # Every product is worked out, also where the other side of an "or" holds: any of them may not fit.
    owed, allowed = mul(all_art, terms.rate), mul(ink, terms.spot)
    is_safer = dart <= 0 <= dink
    require(dart <= 0 or (owed <= terms.line and debt <= terms.Line), "Vat/ceiling-exceeded")
    require(is_safer or tab <= allowed, "Vat/not-safe")
    require(is_safer or consents.u, "Vat/not-allowed-u")
    require(dink <= 0 or consents.v, "Vat/not-allowed-v")
    require(dart >= 0 or consents.w, "Vat/not-allowed-w")
    require(art == 0 or tab >= terms.dust, "Vat/dust")
    return Books(ink, art, all_art, debt, add(books.gem_v, -dink), add(books.dai_w, moved))
