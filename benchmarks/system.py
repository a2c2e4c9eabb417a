"""What the system tells of running processes: processor time and memory. Linux only; None elsewhere.

Knows nothing of what they do.
"""

import os
import platform
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import Took

MIB = 1 << 20
# A process writes this to its clear_refs to have its peak begin anew (Linux, proc(5)).
_RESET_PEAK = "5"


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a process, MiB.

    Attributes:
        resident: what it has in memory now.
        peak: the most that it had since its peak was reset.
    """

    resident: float
    peak: float


def cpu_s(pid: int) -> float | None:
    """Processor time that a process has used so far, seconds, all threads together."""
    if sys.platform != "linux":
        return None
    # The number of another process's clock: clock_getcpuclockid(3), as the GNU C library makes it.
    with suppress(OSError):
        return time.clock_gettime((~pid << 3) | 2)
    return None


def took(work: Callable[[], object], pid: int) -> Took:
    """What a piece of work takes that this process asks another one for."""
    before, start = cpu_s(pid), time.perf_counter()
    work()
    seconds, after = time.perf_counter() - start, cpu_s(pid)
    return Took(seconds, None if before is None or after is None else after - before)


def memory(pid: int) -> Memory | None:
    """What a process has in memory; None where the system doesn't tell."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        told = {name: value for name, _, value in (line.partition(":") for line in lines)}
        resident, peak = (int(told[name].removesuffix("kB")) / 1024 for name in ("VmRSS", "VmHWM"))
        return Memory(resident, peak)
    return None


def reset_peak(pid: int) -> None:
    """Have a process's peak begin at what it has now."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)


def described() -> dict[str, object]:
    """The machine, and the versions of what the program stands on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "transformers", "textual", "numpy")},
    }


def _processor() -> str:
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return platform.processor()
