"""How many processors this process may use at once: those it may run on, within the quota of its container."""

from __future__ import annotations

import math
import os
from pathlib import Path

_QUOTAS = (
    ("/sys/fs/cgroup/cpu.max", None),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)
"""Files of a quota and of its period, which stands behind the quota in cgroup 2."""


def cores() -> int:
    """At least 1; a quota of one and a half processors counts as one."""
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(usable, *(_share(*files) for files in _QUOTAS)))


def _share(quota: str, period: str | None) -> int:
    try:
        words = Path(quota).read_text().split()
        words += Path(period).read_text().split() if period else []
        microseconds, of = map(int, words)
    except (OSError, ValueError):  # no such file, or "max"
        return 1 << 30
    return math.floor(microseconds / of) if microseconds > 0 and of > 0 else 1 << 30
