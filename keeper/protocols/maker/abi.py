"""The functions and events of Maker's contracts this adapter speaks, as signatures we wrote. See `notes` for LogNote.

Sources: dss fa4f663 (Dog, Clipper, Abaci), dss 1.0.8 (Vat, Spotter, Jug), osm e36c874, and the joins of that era.
"""

from typing import Final

from keeper.protocols.words import topic

# Vat
VAT_ILKS: Final = "ilks(bytes32)"
"""Art, rate, spot, line, dust."""
URNS: Final = "urns(bytes32,address)"
HOPE: Final = "hope(address)"
NOPE: Final = "nope(address)"
FROB: Final = "frob(bytes32,address,address,address,int256,int256)"
FORK: Final = "fork(bytes32,address,address,int256,int256)"
GRAB: Final = "grab(bytes32,address,address,address,int256,int256)"
FOLD: Final = "fold(bytes32,address,int256)"
FILE_ILK: Final = "file(bytes32,bytes32,uint256)"
FLUX: Final = "flux(bytes32,address,address,uint256)"

# Spotter, Jug, feeds
SPOTTER_ILKS: Final = "ilks(bytes32)"
"""pip, mat."""
PAR: Final = "par()"
POKE_ILK: Final = "poke(bytes32)"
JUG_ILKS: Final = "ilks(bytes32)"
"""duty, rho."""
BASE: Final = "base()"
DRIP: Final = "drip(bytes32)"
PEEK: Final = "peek()"
PEEP: Final = "peep()"
HOP: Final = "hop()"
ZZZ: Final = "zzz()"
STOPPED: Final = "stopped()"
POKE: Final = "poke()"
LOG_VALUE: Final = topic("LogValue(bytes32)")

# Dog
VAT: Final = "vat()"
VOW: Final = "vow()"
LIVE: Final = "live()"
DOG_ILKS: Final = "ilks(bytes32)"
"""clip, chop, hole, dirt."""
DOG_HOLE: Final = "Hole()"
DOG_DIRT: Final = "Dirt()"
BARK: Final = "bark(bytes32,address,address)"
BARKED: Final = topic("Bark(bytes32,address,uint256,uint256,uint256,address,uint256)")
DIGS: Final = topic("Digs(bytes32,uint256)")
FILED_OF_ILK: Final = topic("File(bytes32,bytes32,uint256)")
FILED: Final = topic("File(bytes32,uint256)")

# Clipper and its calculator
SPOTTER: Final = "spotter()"
CALC: Final = "calc()"
BUF: Final = "buf()"
TAIL: Final = "tail()"
CUSP: Final = "cusp()"
CHIP: Final = "chip()"
TIP: Final = "tip()"
CHOST: Final = "chost()"
KICKS: Final = "kicks()"
LIST: Final = "list()"
SALES: Final = "sales(uint256)"
"""pos, tab, lot, usr, tic, top; Clippers of the staking engine answer with more."""
TAU: Final = "tau()"
STEP: Final = "step()"
CUT: Final = "cut()"
PRICE: Final = "price(uint256,uint256)"
TAKE: Final = "take(uint256,uint256,uint256,address,bytes)"
CLIPPER_CALL: Final = "clipperCall(address,uint256,uint256,bytes)"
REDO: Final = "redo(uint256,address)"
KICKED: Final = topic("Kick(uint256,uint256,uint256,uint256,address,address,uint256)")
TAKEN: Final = topic("Take(uint256,uint256,uint256,uint256,uint256,uint256,address)")
REDONE: Final = topic("Redo(uint256,uint256,uint256,uint256,address,address,uint256)")
YANKED: Final = topic("Yank(uint256)")

# Joins and tokens
ILK: Final = "ilk()"
GEM: Final = "gem()"
DEC: Final = "dec()"
DAI: Final = "dai()"
JOIN: Final = "join(address,uint256)"
EXIT: Final = "exit(address,uint256)"
APPROVE: Final = "approve(address,uint256)"
TRANSFERRED: Final = topic("Transfer(address,address,uint256)")
