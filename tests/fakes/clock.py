"""Time that passes when a test says so."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class FakeClock:
    """`clock` and `sleep` to hand in; sleepers wake when `advance` passes their time, or at once with `rushes`."""

    now: float = 1_000.0
    rushes: bool = False
    slept: list[float] = field(default_factory=list)
    _sleepers: list = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.rushes:
            self.now += seconds
            await asyncio.sleep(0)
            return

        wake = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, wake))
        await wake

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for due, wake in self._sleepers:
            if due <= self.now and not wake.done():
                wake.set_result(None)

        self._sleepers = [(due, wake) for due, wake in self._sleepers if due > self.now]
