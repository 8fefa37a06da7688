"""How the answers of a server differ from the estimator's own, for each kind of rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tests.bench.serving import Server, ask, running
from tests.bench.tables import Model

NEAR = 1e-9


def verdicts(server: Server, model: Model) -> Mapping[str, str]:
    """By kind of rows, the largest relative difference, or how it fails.

    Raises:
        RuntimeError: It did not start.
    """
    with running(server, model.sent(model.kinds["whole rows"].head(1))) as port:
        return {kind: _verdict(server, port, model, rows) for kind, rows in model.kinds.items()}


def _verdict(server: Server, port: int, model: Model, rows: pd.DataFrame) -> str:
    """All in one request, and where that is refused, one by one."""
    sent, expected = model.sent(rows), model.estimator.predict(rows)
    status, body = ask(server, port, sent)
    if status == 200:
        return difference(server.answers(json.loads(body)), expected)
    alone = [ask(server, port, [row]) for row in sent]
    words = sorted({_word(status) for status, _ in alone if status != 200})
    if not words:
        answers = [server.answers(json.loads(body))[0] for _, body in alone]
        return f"one by one: {difference(answers, expected)}"
    failed = sum(status != 200 for status, _ in alone)
    return f"{' and '.join(words)}: {failed} of {len(sent)}"


def _word(status: int) -> str:
    return f"refuses ({status})" if 400 <= status < 500 else str(status or "no answer")


def difference(answers: Sequence[Any], expected: np.ndarray) -> str:
    """The largest one relative to *expected*; `wrong` before it where it is more than 1e-9."""
    found = np.array([np.nan if answer is None else answer for answer in answers], dtype=float).ravel()
    if found.shape != expected.shape:
        return f"wrong: {len(found)} answers for {len(expected)} rows"
    largest = float(np.max(np.abs(found - expected) / np.abs(expected)))
    return f"{largest:.1g}" if largest <= NEAR else f"wrong: {largest:.1g}"
