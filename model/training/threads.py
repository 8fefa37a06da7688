"""One thread for small tables: several wait for each other longer than they work, above all beside other processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

FEW_ROWS = 20_000
"""Rows up to which one thread boosts trees as fast as two on an idle machine. Where other processes use both of its
processors, a fit to 600 rows takes 13 s with two threads and 0.8 s with one (2026-11-26)."""


@contextmanager
def threads_for(rows: int) -> Iterator[None]:
    """Within it scikit-learn uses one OpenMP thread where there are few *rows*."""
    with threadpool_limits(1 if rows <= FEW_ROWS else None, user_api="openmp"):
        yield
