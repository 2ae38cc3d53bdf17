"""Where a life of the keeper ends: at a named point, at a line, inside a statement of the journal, or by the clock."""

import inspect
import os
import signal
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import keeper

CODE = tuple(str(Path(keeper.__file__).parent / part) for part in ("execution", "journal"))
STEPS = ("adopt", "record_plans", "intend", "record_signed", "move", "book", "orphan", "record_verdict")
"""What the journal is told, each in one commit."""
POINTS = tuple(f"{when} {step}" for step in (*STEPS, "sign", "submit") for when in ("before", "after"))
"""Every named crash point: around each commit, around the signature, around the bytes leaving."""


class Kind(StrEnum):
    NONE = "none"
    POINT = "point"
    LINE = "line"
    STATEMENT = "statement"
    CLOCK = "clock"


@dataclass(frozen=True)
class Death:
    """How a life ends: passing a point (or a line, or 20 steps of SQLite's machine) for the `count`-th time.

    By the clock, `count` is in milliseconds, and whoever started the life sees to it.
    """

    kind: Kind
    count: int = 0
    point: str = ""


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


class Fuse:
    def __init__(self, count):
        self._left = count

    def burn(self):
        self._left -= 1
        if self._left < 0:
            die()

        return 0


def lay(death, office):
    """Arrange for the death of this process."""
    fuse = Fuse(death.count)
    if death.kind is Kind.POINT:
        owners = [(office.journal, step) for step in STEPS]
        for lane in office.lanes:
            owners += [(lane.outbox._signer, "sign"), (lane.outbox._channel, "submit")]

        when, name = death.point.split()
        for owner, step in owners:
            if step == name:
                _surround(owner, step, **{when: fuse.burn})

    if death.kind is Kind.LINE:
        sys.settrace(_tracer(fuse))

    if death.kind is Kind.STATEMENT:
        office.journal._database._connection.set_progress_handler(fuse.burn, 20)


def _surround(owner, name, before=lambda: None, after=lambda: None):
    inner = getattr(owner, name)
    if inspect.iscoroutinefunction(inner):

        async def outer(*values, **named):
            before()
            found = await inner(*values, **named)
            after()
            return found
    else:

        def outer(*values, **named):
            before()
            found = inner(*values, **named)
            after()
            return found

    # Slots leave no room on the instance: another class of the same layout has it.
    owner.__class__ = type(owner.__class__.__name__, (owner.__class__,), {name: staticmethod(outer), "__slots__": ()})


def _tracer(fuse):
    def local(_frame, event, _argument):
        if event == "line":
            fuse.burn()

        return local

    def enter(frame, _event, _argument):
        return local if frame.f_code.co_filename.startswith(CODE) else None

    return enter
