"""The short way of what a line is asked most: a few complete numbers within their ranges, in the functions' own JSON.

It gives the bytes and the record that `prediction` gives, or nothing: all that is to be refused, flagged, or
written otherwise goes there. It leaves out what such a request has no use for, a sixth of the handler's work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from ..columns.feature import Feature, traits
from ..columns.rows import FEW_CELLS, Rows, to_rows
from ..exchange import JSON, Content
from ..predictor import Predictor
from ..telemetry.record import NOTHING, Record


class _Plan(NamedTuple):
    """What holds for all answers of a model: features, their names, the most instances, and the end of an answer."""

    features: tuple[Feature, ...]
    names: tuple[str, ...]
    most: int
    end: bytes


_last: tuple[Predictor | None, _Plan | None] = None, None


def answered(
    text: bytes | str, source: str, model: Predictor, record: Record, *, one: bool, most: int
) -> Content | None:
    """The answer of *model* to *text*; None where `prediction` has to give it.

    Args:
        text: A body, or a value in the path.
        source: `json` or `path`, as the log names it.
        record: Filled in where there is an answer.
        one: Exactly one instance is taken.
        most: The most instances of a request.
    """
    plan = _last[1] if _last[0] is model else _planned(model)
    if plan is None:
        return None
    features, names, few, end = plan
    record.begin("parse")
    rows, single = _read(text, source, names, one=one, most=min(most, few))
    if rows is None or rows.outside(features):
        return None
    record.begin("predict")
    values = model.runtime.predict(rows).values
    if not all(map(math.isfinite, values)):
        return None
    record.begin("render")
    shown = b'{"prediction":' + orjson.dumps(values[0]) if single else b'{"predictions":' + orjson.dumps(values)
    record.protocol = source
    record.answer(rows, values, NOTHING)
    return Content(JSON, shown + end)


def _read(text: Any, source: str, names: Sequence[str], *, one: bool, most: int) -> tuple[Rows | None, bool]:
    """The rows that *text* holds, None where it holds anything else; and whether it holds a single instance."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None, one
    single = one
    if source == "json":
        if type(found) is not dict or len(found) != 1:
            return None, one
        single = one and "instance" in found
        found = found.get("instance" if single else "instances")
        quotes = text.count(b'"') - 2
    else:
        quotes = text.count('"')
    instances = [found] if single else found
    if type(instances) is not list or not 0 < len(instances) <= most:
        return None, single
    if quotes and quotes != 2 * sum(len(instance) for instance in instances if type(instance) is dict):
        return None, single  # a name came twice, or has a quote in it
    return to_rows(instances, names), single


def _planned(model: Predictor) -> _Plan | None:
    """The plan of *model*, remembered; None where it is no line over complete numbers, or has a key column.

    No other model is held here, where it would stay in memory when another one is served.
    """
    global _last  # noqa: PLW0603 - one pair, replaced whole
    manifest = model.manifest
    if manifest.document.get("runtime") != "linear" or manifest.key or manifest.classes:
        return None
    known = traits(manifest.features)
    if not known.plain:
        return None
    end = orjson.dumps({"model": {"name": manifest.model, "version": manifest.version}})
    plan = _Plan(manifest.features, known.names, FEW_CELLS // len(known.names), b"," + end[1:])
    _last = model, plan
    return plan
