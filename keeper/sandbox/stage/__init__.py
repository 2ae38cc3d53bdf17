"""The stage a keeper is tried on: a chain with a clock, an operator's files and executor, price moves, a judge.

Everything here acts on the keeper from outside, as its surroundings do in production: the keeper is a process of its
own, and all it gets is the configuration file.
"""
