"""Exact local quotes of on-chain venues and the routes through them."""
