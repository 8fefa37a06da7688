"""What is recorded of a request: the members of its log line, and which of its instances get a line of their own.

Nothing is written here: see telemetry.py. A feature that the manifest marks `redact` stays out of all of it.
"""

from __future__ import annotations

import os
import random
import re
import time
import traceback
from collections.abc import Callable, Mapping
from itertools import chain, repeat
from typing import Any, NamedTuple

from numpy.typing import NDArray

from ..schema import Feature, Matrix

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_NO_VALUES = frozenset({"", "healthz", "readyz"})
_dice = random.Random()  # noqa: S311 - a sample, no secret; made once, since making one costs as much as seeding it
_firsts = chain([True], repeat(object=False))


class Finished(NamedTuple):
    """A request that is over: members of its own line, members *shared* by the lines of its rows, and those of each."""

    seconds: float
    request: dict[str, Any]
    shared: dict[str, Any]
    rows: list[dict[str, Any]]


class Record:
    """One request, filled in while it is answered.

    Its time falls into parts, one after the other, in seconds:

        queue       from the call of the handler until its instances can be read: their body arrives, and a process that
                    holds no model yet waits for one. What lay before that call (the front end, the start of an
                    instance, the event loop busy with other requests) is not known in here
        parse       reading and checking the instances
        predict     the model
        render      warnings, and the answer's bytes

    A part that was not begun is not recorded, nor is a queue that nothing followed.
    """

    def __init__(
        self,
        function: str,
        model: str,
        headers: Mapping[str, str],
        *,
        most_rows: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._clock = clock
        self._began = self._since = clock()
        self._part: str | None = "queue"
        self._seconds: dict[str, float] = {}
        self._model = model
        self._most_rows = most_rows
        self._cold = False
        self._instances = 0
        self._version: int | None = None
        self._features: tuple[Feature, ...] = ()
        self._redacted: list[str] | None = None
        self._outside: Mapping[str, int] = {}
        self._rows: list[dict[str, Any]] = []
        self.function = function
        self.request_id = request_id_of(headers)
        self.protocol: str | None = None

    def serve(self, version: int, features: tuple[Feature, ...]) -> None:
        """The version of the model that answers, and its features."""
        self._version, self._features = version, features
        self._redacted = [feature.name for feature in features if feature.redact]

    def ask(self) -> None:
        """The request asks for a prediction; the first to do so in this process is a cold one."""
        self._cold = next(_firsts)

    def begin(self, part: str | None) -> None:
        """The part under way ends here, and *part* begins; None is time of no part."""
        now = self._clock()
        if self._part:
            self._seconds[self._part] = now - self._since
        self._part, self._since = part, now

    def answer(self, matrix: Matrix, predictions: NDArray[Any], outside: Mapping[str, int]) -> None:
        """The instances and their predictions, once it is certain that these are the answer.

        Args:
            matrix: Array of shape (n_instances, n_features), in the order of the manifest's features.
            predictions: Array of shape (n_instances,).
            outside: How many cells lie outside the training range, by feature.
        """
        self.begin(None)
        self._instances = len(predictions)
        self._outside = outside
        if not self._most_rows:
            return
        places = sample(len(predictions), self._most_rows, self.request_id)
        if len(places) < len(predictions):
            matrix, predictions = matrix[places], predictions[places]
        names = [feature.name for feature in self._features if not feature.redact]
        if self._redacted:
            matrix = matrix[:, [not feature.redact for feature in self._features]]
        self._rows = [
            {"row": row, "features": dict(zip(names, cells, strict=True)), "prediction": prediction}
            for row, cells, prediction in zip(places, matrix.tolist(), predictions.tolist(), strict=True)
        ]

    def finish(self, status: int) -> Finished:
        """What there is to write."""
        if self._part != "queue":
            self.begin(None)
        total = self._clock() - self._began
        shared = {
            "request_id": self.request_id,
            "function": self.function,
            "model": self._model,
            "version": self._version,
        }
        hidden = self._redacted or ()
        counts = {name: count for name, count in self._outside.items() if name not in hidden}
        members = {
            "kind": "request",
            **shared,
            "protocol": self.protocol,
            "status": status,
            "instances": self._instances,
            "captured": len(self._rows),
            "out_of_range": sum(self._outside.values()),
            **({"out_of_range_by_feature": counts} if self._outside else {}),
            "cold": self._cold,
            "latency_seconds": {
                part: int(seconds * 1e6 + 0.5) / 1e6  # microseconds, in a quarter of the time that round takes
                for part, seconds in (("total", total), *self._seconds.items())
            },
        }
        return Finished(total, members, shared, self._rows)

    def path(self, path: str, rest: str) -> str:
        """*path* as it may be logged; *rest*, its end, is what a caller put behind the function's name.

        Whatever is there may be a value, well-formed or not; and while no model is loaded, of any feature.
        """
        if rest in _NO_VALUES or not self._may_be_redacted():
            return path
        return path[: len(path) - len(rest)] + "…"

    def stack_trace(self, error: BaseException) -> str:
        """Where *error* comes from; what it says may quote a value, and is left out where one is redacted."""
        if not self._may_be_redacted():
            return "".join(traceback.format_exception(error))
        return "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__

    def _may_be_redacted(self) -> bool:
        return self._redacted is None or bool(self._redacted)


def request_id_of(headers: Mapping[str, str]) -> str:
    """What names a request: the caller's `X-Request-Id`, else the platform's execution id, else a random number.

    A header counts when it is 1 to 128 letters, digits, `.`, `_`, `:` or `-`; *headers* have names in lower case.
    """
    for name in ("x-request-id", "function-execution-id"):
        if _REQUEST_ID.fullmatch(headers.get(name, "")):
            return headers[name]
    return os.urandom(16).hex()


def sample(instances: int, most: int, request_id: str) -> list[int]:
    """At most *most* places of *instances*, in order, all equally likely; one *request_id* always gives the same."""
    if instances <= most:
        return list(range(instances))
    _dice.seed(request_id)
    return sorted(_dice.sample(range(instances), most))
