"""A seeded market on the sandbox's Aave: who borrows what, how the prices move, and how both get onto a chain.

What the tokens, pools and lending contracts are is `world.py`, one level up.
"""
