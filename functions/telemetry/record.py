"""The record of a request: the members of its log line, and a sample of its rows.

Lines are written by log.py. No value of a feature that the manifest marks `redact` gets into a record.
"""

from __future__ import annotations

import os
import random
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, repeat
from operator import floordiv, sub, truediv
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..columns.feature import traits
from ..columns.schema import MOST_PROBLEMS, Feature, Level, Problem
from .rows import as_json, keys_as_json, probabilities_as_json, rows_as_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..columns.rows import Rows
    from ..columns.table import Table

NOTHING: Mapping[str, int] = MappingProxyType({})

_ID_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-")
_MOST_ID_CHARACTERS = 128
_PATHS_WITHOUT_VALUES = frozenset({"", "healthz", "readyz", "ping", "invocations", "openapi.json"})
_FILLED_IN = (
    *("_marks", "_instances", "_outside", "_unknown", "_missing", "_rows", "_refused", "_reasons"),
    *("_stack_trace", "request_id", "protocol"),
)
_THOUSAND, _MILLION = repeat(1000), repeat(1e6)
_dice = random.Random()  # noqa: S311 - draws samples, no secrets; made once, since making one costs as much as seeding
_firsts = chain([True], repeat(object=False))


class Finished(NamedTuple):
    """A finished request: the members of its own line, the members *shared* by its rows' lines, and each row's own."""

    seconds: float
    request: dict[str, Any]
    shared: dict[str, Any]
    rows: Sequence[dict[str, Any]]


class Record:
    """One request, filled in while it is answered.

    Its seconds are divided into consecutive parts:

        queue       from the call of the handler until the instances can be read: the body arrives, and a process
                    without a model waits for one. Time before that call (front end, start of an instance, an event
                    loop busy with other requests) cannot be seen from here
        parse       reading and checking the instances
        predict     the model
        render      warnings, and the answer's bytes

    A part that was not begun is not recorded, and neither is a queue that no other part followed.
    """

    # Defaults of the class cost a request nothing.
    version: int | None = None
    protocol: str | None = None
    _cold = False
    _instances = 0
    _features: tuple[Feature, ...] = ()
    _classes: tuple[Level, ...] = ()
    _outside: Mapping[str, int] = NOTHING
    _unknown: Mapping[str, int] = NOTHING
    _missing: Mapping[str, int] = NOTHING
    _rows: Sequence[dict[str, Any]] = ()
    _refused = 0
    _reasons: Sequence[str] = ()
    _stack_trace = ""

    def __init__(
        self,
        function: str,
        model: str,
        headers: Mapping[str, str],
        *,
        most_rows: int,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._clock = clock  # nanoseconds
        self._marks = {"queue": clock()}
        self._model = model
        self._most_rows = most_rows
        self.function = function
        self.request_id = request_id_of(headers)
        self._named = headers.get("x-request-id")

    def serve(self, version: int, features: tuple[Feature, ...], classes: tuple[Level, ...] = ()) -> None:
        """Note the version that answers, its features, and its classes."""
        self.version, self._features, self._classes = version, features, classes

    def ask(self) -> None:
        """Note that the request asks for a prediction; the first such request of a process is recorded as cold."""
        self._cold = next(_firsts)

    def identify(self, request_id: str) -> None:
        """Take the id that the body gives the request, if the caller's header gives none."""
        if self._named != self.request_id and _is_id(request_id):
            self.request_id = request_id

    def refuse(self, problems: Sequence[Problem]) -> None:
        """Note the rows that are left out of the answer, and why, unless a message may quote a redacted feature."""
        self._refused = len(problems)
        self._reasons = [] if self._may_be_redacted() else [each.detail for each in problems[:MOST_PROBLEMS]]

    def fail(self, error: BaseException) -> None:
        """Note the stack of *error*; its message may quote a value, and is left out if a feature may be redacted."""
        if self._may_be_redacted():
            self._stack_trace = "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
        else:
            self._stack_trace = "".join(traceback.format_exception(error))

    def begin(self, part: str) -> None:
        """End the present part and begin *part*, unless it has begun before; an empty one is time of no part."""
        self._marks.setdefault(part, self._clock())

    def answer(
        self,
        table: Table | Rows,
        predictions: NDArray[Any] | list[float],
        outside: Mapping[str, int],
        unknown: Mapping[str, int] = NOTHING,
        missing: Mapping[str, int] = NOTHING,
        *,
        probabilities: NDArray[Any] | None = None,
        places: Sequence[int] | None = None,
        keys: Sequence[Any] | None = None,
    ) -> None:
        """Note the instances and their predictions, once they are certain to be the answer.

        Args:
            table: The instances; one column a feature of the manifest.
            predictions: Array of shape (n_instances,).
            outside, unknown, missing: Numbers of cells outside the training range, of levels that training never saw,
                and of missing cells, by feature.
            probabilities: Array of shape (n_instances, n_classes), where the model gives any.
            places: The places of the instances in the request, where some were left out.
            keys: The cells of the model's key column, where the request has some.
        """
        self.begin("")
        self._instances = len(predictions)
        self._outside, self._unknown, self._missing = outside, unknown, missing
        if not self._most_rows:
            return
        numbers: Sequence[int] = range(len(predictions))
        if len(predictions) > self._most_rows:
            numbers = sample(len(predictions), self._most_rows, self.request_id)
            table = table[numbers]
            if isinstance(predictions, list):
                predictions = [predictions[number] for number in numbers]
            else:
                predictions = predictions[numbers]
            probabilities = None if probabilities is None else probabilities[numbers]
        if keys is not None:
            keys = keys_as_json([keys[number] for number in numbers])
        if places is not None:
            numbers = [places[number] for number in numbers]
        features = self._features
        known = traits(features)
        if known.redacted:
            table = table.pick([place for place, feature in enumerate(features) if not feature.redact])
            features = tuple(feature for feature in features if not feature.redact)
            known = traits(features)
        names, answers = known.names, predictions if isinstance(predictions, list) else as_json(predictions)
        self._rows = [
            {"row": row, "features": dict(zip(names, cells, strict=True)), "prediction": answer}
            for row, cells, answer in zip(numbers, rows_as_json(table, features), answers, strict=True)
        ]
        if keys is not None:
            self._rows = [{**line, "key": key} for line, key in zip(self._rows, keys, strict=True)]
        if probabilities is not None:
            chances = probabilities_as_json(probabilities, self._classes)
            self._rows = [{**line, **members} for line, members in zip(self._rows, chances, strict=True)]

    def told(self) -> dict[str, Any]:
        """What was filled in, as JSON: another process can take it."""
        found = {name: getattr(self, name) for name in _FILLED_IN}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in found.items()}

    def take(self, told: Mapping[str, Any]) -> None:
        """Be as the record of the same request that was filled in by a process forked from this one."""
        for name in _FILLED_IN:
            setattr(self, name, told[name])

    def finish(self, status: int) -> Finished:
        """End the last part and give the members to log."""
        latency = self._latency(self._clock())
        shared = {
            "request_id": self.request_id,
            "function": self.function,
            "model": self._model,
            "version": self.version,
        }
        members: dict[str, Any] = {
            "kind": "request",
            **shared,
            "protocol": self.protocol,
            "status": status,
            "instances": self._instances,
            "captured": len(self._rows),
            "out_of_range": sum(self._outside.values()) if self._outside else 0,
        }
        if self._outside:
            members["out_of_range_by_feature"] = self._shown(self._outside)
        if self._unknown:
            members["unknown_levels"] = self._shown(self._unknown)
        if self._missing:
            members["missing"] = self._shown(self._missing)
        if self._refused:
            members["refused"], members["refused_because"] = self._refused, self._reasons
        members["cold"] = self._cold
        members["latency_seconds"] = latency
        if self._stack_trace:
            members["stack_trace"] = self._stack_trace
        return Finished(latency["total"], members, shared, self._rows)

    def _latency(self, now: int) -> dict[str, float]:
        """Seconds in all and of each part, to the microsecond."""
        times = [*self._marks.values(), now]
        latency = {"total": (now - times[0]) // 1000 / 1e6}
        if len(self._marks) > 1:
            spans = map(floordiv, map(sub, times[1:], times), _THOUSAND)
            latency |= zip(self._marks, map(truediv, spans, _MILLION), strict=True)
            latency.pop("", None)
        return latency

    def _shown(self, counts: Mapping[str, int]) -> dict[str, int]:
        hidden = traits(self._features).redacted
        return {name: count for name, count in counts.items() if name not in hidden}

    def path(self, path: str, rest: str) -> str:
        """*path* as it may be logged; *rest*, its end, is the part behind the function's name.

        That part may be a value, well-formed or not, of a redacted feature; while no model is loaded, of any feature.
        """
        if rest in _PATHS_WITHOUT_VALUES or not self._may_be_redacted():
            return path
        return path[: len(path) - len(rest)] + "…"

    def _may_be_redacted(self) -> bool:
        return not self._features or bool(traits(self._features).redacted)


def request_id_of(headers: Mapping[str, str]) -> str:
    """The request's id: the caller's `X-Request-Id`, else the platform's execution id, else a random one.

    A header counts if it is 1 to 128 letters, digits, `.`, `_`, `:` or `-`. Names in *headers* are in lower case.
    """
    given = headers.get("x-request-id")
    if given and _is_id(given):
        return given
    given = headers.get("function-execution-id")
    return given if given and _is_id(given) else os.urandom(16).hex()


def _is_id(text: str) -> bool:
    return 0 < len(text) <= _MOST_ID_CHARACTERS and _ID_CHARACTERS.issuperset(text)


def sample(instances: int, most: int, request_id: str) -> list[int]:
    """At most *most* row numbers below *instances*, ascending, all equally likely; equal for equal *request_id*."""
    if instances <= most:
        return list(range(instances))
    _dice.seed(request_id)
    return sorted(_dice.sample(range(instances), most))
