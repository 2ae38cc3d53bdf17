"""What the project promises in figures, measured: each beside a named peer or a floor, as a ratio from one run.

`figure.py` is what a measurement says, `timing.py` how time is taken, `peers.py` where peers are installed; every
other module measures one group of figures.
"""
