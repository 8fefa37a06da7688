"""One line of the gate's table, and how a figure meets its bound. A figure that could not be computed fails."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from model.evaluation.resampling import ROUNDING


@dataclass(frozen=True)
class Check:
    """One line of the gate's table; *value* and *threshold* are in the unit of the checked figure.

    Args:
        note: Says what a number cannot; "" where there is nothing to say.
    """

    check: str
    passed: bool
    value: float | None
    threshold: float
    note: str = ""

    def document(self) -> dict[str, Any]:
        """The line as the manifest records it; a note only where there is one."""
        line = asdict(self)
        return line if self.note else {name: value for name, value in line.items() if name != "note"}


def at_least(check: str, value: float | None, threshold: float, note: str = "") -> Check:
    return Check(check, _or(value, -math.inf) >= threshold, _shown(value), threshold, note)


def at_most(check: str, value: float | None, threshold: float, note: str = "") -> Check:
    return Check(check, _or(value, math.inf) <= threshold, _shown(value), threshold, note)


def below(check: str, value: float | None, threshold: float, note: str = "") -> Check:
    """Whether *value* is below *threshold* by more than rounding: the constant's own error is not below itself."""
    return Check(check, _or(value, math.inf) < threshold - ROUNDING * abs(threshold), _shown(value), threshold, note)


def believable(check: str, value: float | None, most: float, *, key: str, bounds: Sequence[float]) -> Check:
    """Whether a fit is no better than outside a laboratory; else a note names the line that allows it.

    Args:
        key: The bound in the configuration, for which the note proposes the next of *bounds*, or 1.
    """
    line = at_most(check, value, most)
    if line.passed or line.value is None:
        return line
    bound = next((bound for bound in bounds if line.value <= bound), 1.0)
    note = (
        "nearly always a feature was made from the target, or is known only after it: look at the most important ones; "
        f"if none was, `{key} = {bound:g}` in [gate] of the configuration allows it"
    )
    return replace(line, note=note)


def _or(value: float | None, failing: float) -> float:
    """*value*, or *failing* where there is no value or an infinite one."""
    return failing if value is None or not math.isfinite(value) else value


def _shown(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
