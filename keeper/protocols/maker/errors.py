"""Reverts of Maker's contracts by name: words of their own, "Contract/what", and often none.

Source: the require statements of dss fa4f663 and 1.0.8, osm e36c874 and DssFlash 9d492aa.
"""

from typing import Final

from keeper.protocols import reverts

MEANINGS: Final = {
    "Dog/not-live": "the system is shut down",
    "Dog/not-unsafe": "the vault owes no more than it may: somebody was first, or its price rose",
    "Dog/liquidation-limit-hit": "as much is being raised as may be at a time",
    "Dog/dusty-auction-from-partial-liquidation": "there is room for less than the smallest auction",
    "Dog/null-auction": "there is room for nothing",
    "Clipper/system-locked": "another call of this Clipper is running",
    "Clipper/stopped-incorrect": "the Clipper is stopped at a level that forbids it",
    "Clipper/not-running-auction": "the auction is over",
    "Clipper/needs-reset": "the auction must be started anew first",
    "Clipper/cannot-reset": "the auction need not be started anew, or was just now",
    "Clipper/too-expensive": "the price is above the most that was to be paid: the auction was started anew",
    "Clipper/no-partial-purchase": "so little is left to raise that all of it must be bought",
    "Clipper/invalid-price": "the feed has no price",
    "Clipper/zero-top-price": "the feed's price is nothing",
    "Vat/not-allowed": "who pays has not allowed the Clipper, or DaiJoin, to take it",
    "Vat/not-live": "the system is shut down",
    "Jug/invalid-now": "a drip in the past",
    "OSM/not-passed": "the next price is not due yet",
    "OSM/is-stopped": "the feed is stopped",
    "Dai/insufficient-balance": "there is too little DAI for the purchase",
    "Dai/insufficient-allowance": "DaiJoin may not take so much DAI",
}
"""What their words mean to us."""


def explain(revert: bytes) -> str:
    """Name a revert; hex for what is no text. These contracts panic without a word."""
    if not revert:
        return "reverted without a reason (a number too large or too small, mostly)"

    return reverts.explain(revert, MEANINGS)
