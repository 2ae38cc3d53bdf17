"""One endpoint and what we think of it: how long it rests after faults, and how long its answers usually take."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Final

import structlog

from keeper.chain.faults import CallError
from keeper.chain.phrases import FaultKind
from keeper.chain.rpc import Rpc

log = structlog.get_logger(__name__)

_REST_S: Final = 0.5
_MAX_REST_S: Final = 30.0
_SAMPLES: Final = 64
_FEWEST_SAMPLES: Final = 16
# Below it the loop's own work decides how long an answer takes, and a second request would only add to that.
_LEAST_USUAL_S: Final = 0.05
_OUTRUNS: Final = 3


@dataclass(frozen=True, slots=True)
class EndpointStanding:
    """How one endpoint does: its name without credentials, failures in a row, and whether it is asked last for now."""

    label: str
    failures: int
    resting: bool


@dataclass(slots=True)
class Member:
    """An endpoint among others. Invariant: it rests after a fault of its own, longer each time, and never for good."""

    rpc: Rpc
    failures: int = 0
    rests_until: float = 0.0
    checked_at: float | None = None
    checked_generation: int = -1
    _outrun: int = 0
    _took: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=_SAMPLES)))

    def note_answer(self, method: str, seconds: float) -> None:
        """Hear of an answer."""
        self._took[method].append(seconds)
        self._outrun = 0

    def usual_s(self, method: str) -> float | None:
        """How long 19 of 20 answers take at most, from 0.05 s on; None while too few came to tell."""
        took = sorted(self._took[method])
        return None if len(took) < _FEWEST_SAMPLES else max(took[len(took) * 19 // 20], _LEAST_USUAL_S)

    def is_outrun(self) -> bool:
        """Note that another was asked later and answered first; True where that happened three times in a row."""
        self._outrun += 1
        return self._outrun >= _OUTRUNS

    def recover(self) -> None:
        """End its rest: it answers."""
        self.failures = 0
        self.rests_until = 0.0

    def rest(self, error: CallError, now: float) -> None:
        """Rest for a fault, unless the question was to blame."""
        if error.fault.kind in (FaultKind.TOO_WIDE, FaultKind.OVERSIZED):
            return

        self.failures += 1
        rest_s = min(_REST_S * 2 ** min(self.failures - 1, 10), _MAX_REST_S)
        if error.fault.retry_after_s is not None:
            rest_s = error.fault.retry_after_s

        self.rests_until = now + rest_s
        if error.fault.kind is not FaultKind.RATE_LIMITED:
            self.checked_at = None

        if self.failures == 1:
            log.warning("endpoint_failed", endpoint=self.rpc.label, kind=str(error.fault.kind), error=error.message)
