"""Moving an alias to another version: promotion and rollback."""

from __future__ import annotations

from dataclasses import dataclass

from model.errors import UsageError
from model.registry.registry import Moved, Registry


@dataclass(frozen=True)
class Mover:
    """The alias to move, and the words for its history: who moves it, and the reason."""

    alias: str
    by: str
    reason: str = ""


def promote(store: Registry, version: int | None, mover: Mover, *, force: bool = False) -> Moved:
    """Point the alias at *version*, or at the newest.

    Raises:
        UsageError: *force* is given without a reason.
    """
    if force and not mover.reason.strip():
        raise UsageError("--force needs --reason TEXT: why a version that the gate refused is put there")
    number = version or store.newest()
    return store.promote(number, alias=mover.alias, by=mover.by, reason=mover.reason, force=force)


def rollback(store: Registry, version: int | None, mover: Mover) -> Moved:
    """Point the alias back at *version*, or at the one that it held before."""
    return store.rollback(alias=mover.alias, to=version, by=mover.by, reason=mover.reason)
