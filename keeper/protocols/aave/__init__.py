"""What both releases of Aave share, and no adapter of its own: `aave_v2` and `aave_v3` say what each does differently.

`math` has the arithmetic of both, `accounts` keeps what logs tell; `pair`, `offer`, `encode` carry an offer to bytes.
"""
