"""Everything that can be wrong before a run, looked at without changing anything: `keeper doctor`."""

from keeper.app.doctor.examine import examine
from keeper.app.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "examine"]
