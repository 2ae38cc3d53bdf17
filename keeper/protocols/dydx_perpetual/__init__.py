"""dYdX Perpetual V1: positions that fall below their maintenance margin, taken over by an account with margin of its own.

Start with `math`, then `trade`: one liquidation as the contracts carry it out.
"""
