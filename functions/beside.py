"""Columns of the training table that are no features: a request that holds one is told which it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .artifact import Manifest
from .columns.naming import begun
from .problems import PayloadError, Problem, shown

_LONGEST_NAME = 40
"""Characters up to which a message holds the whole name."""


def named(error: PayloadError, manifest: Manifest) -> PayloadError:
    """*error* with the target of *manifest*, and the column that split its rows, told apart from unknown features."""
    roles = _roles(manifest.document)
    return type(error)(*(Problem(_told(problem.detail, roles), problem.pointer) for problem in error.problems))


def _told(detail: str, roles: Mapping[str, str]) -> str:
    for name, role in roles.items():
        before, unknown, _ = detail.partition(f"{begun(name)};")
        if unknown:
            return f"{before}{shown(name)} is {role}; leave it out"
    return detail


def _roles(document: Mapping[str, Any]) -> dict[str, str]:
    """What columns of the training table are, by name."""
    data, target = document.get("data"), document.get("target")
    split = data.get("split") if isinstance(data, dict) else None
    columns = [
        *(
            (split.get(by), "no feature: it split the rows for training")
            for by in ("group", "time")
            if isinstance(split, dict)
        ),
        (target.get("name") if isinstance(target, dict) else None, "the target, which the model predicts"),
    ]
    return {name: role for name, role in columns if isinstance(name, str) and len(name) <= _LONGEST_NAME}
