"""Reverts of Perp v2 (Curie) by name: the contracts say them in codes of a few letters.

Source: the require statements of Perp v2 (Curie) 2.8.4 and perp-oracle-contract 0.6.7.
"""

from typing import Final

from keeper.protocols import reverts

MEANINGS: Final = {
    "CH_EAV": "enough account value: the account is healthy",
    "CH_CLWTISO": "cannot liquidate while there are open orders",
    "CH_WLD": "wrong liquidation direction: the position changed its side",
    "CH_PSZ": "the position is zero",
    "CH_MNO": "the market is not open",
    "CH_NEFCI": "not enough free collateral for the initial margin: too little was deposited",
    "CH_NEFCM": "not enough free collateral for the maintenance margin",
    "CH_IIC": "the insurance fund cannot bear the loss",
    "CH_NEXO": "orders are not in excess: the account recovered",
    "CH_TE": "the transaction expired",
    "CH_F0S": "a swap that comes to nothing on one side",
    "CH_TLRS": "too little received when selling",
    "CH_TMRL": "too much requested when buying",
    "EX_OPLAS": "the price would move further than a market allows within 15 seconds",
    "EX_OPB": "the price would move too far from the index",
    "EX_MIP": "the market is paused by its price limit",
    "EX_BTNE": "the base token has no market",
    "EX_TKMM": "the swap and its replay ended at different ticks",
    "AB_MNE": "the taker is in too many markets",
    "V_NEFC": "not enough free collateral to withdraw",
    "V_GTSTBC": "the vault's cap on the settlement token is reached",
    "V_ZA": "a deposit of nothing",
    "V_IBA": "the settlement token moved another amount than asked for",
    "V_NL": "the collateral cannot be liquidated",
    "V_OSCT": "neither the settlement token nor a collateral",
    "OLD": "a market has too few observations for its mean prices",
    "CT_IPWCT": "the feed gave two prices for one time",
    "Pausable: paused": "the protocol is paused",
    "ReentrancyGuard: reentrant call": "called from within a call of its own",
}
"""What the contracts' codes mean in a liquidation."""


def explain(revert: bytes) -> str:
    """Name a revert; hex for what neither the protocol nor Solidity says. Its own compiler panics without a word."""
    return reverts.explain(revert, MEANINGS)
