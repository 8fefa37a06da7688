"""The values that pass between `prediction` and a protocol: a Request becomes a Question, its Answer becomes a Content.

A protocol is a module of protocols/ with three public functions that know no status and no bucket (see WireFormat); one
with paths of its own has two members more:

    ROUTES      Resource and methods by path, in which {model} and {version} stand for a part without slash and colon
    describe    (path, manifest, function) → Content, for a *path* of ROUTES that is no prediction; the manifest is None
                for HEALTH alone

An Answer holds its Question, and with it all that a protocol keeps of a
request until it writes the answer.

They are named tuples here and elsewhere on the way of a request: the class of a frozen dataclass takes a millisecond
to make, eight times as long, and every cold start makes it.

Errors, by who must act:
    PayloadError          the caller: see schema.py
     └─ TooLargeError     the caller, who must send less at a time
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

from .columns.schema import Feature, Level, PayloadError, Problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .columns.rows import Rows
    from .columns.table import Table

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
MOST_PREDICTION_BYTES = 25
"""Bytes of a float64 as JSON with its comma: -1.7976931348623157e+308 has 24 characters."""

READ = ("GET", "HEAD")
"""The methods of a resource that is only read."""

HEADERS = {
    name.encode(): name
    for name in (
        *("accept", "accept-encoding", "access-control-request-method", "content-encoding", "content-length"),
        *("content-type", "function-execution-id", "inference-header-content-length", "origin", "traceparent"),
        *("user-agent", "x-cloud-trace-context", "x-forwarded-for", "x-function-address", "x-request-id"),
    )
}
"""The headers that are read, as they arrive; all others, some twenty on the platform, stay undecoded."""


class Resource(Enum):
    """The resources of a function."""

    HEALTH = auto()
    READINESS = auto()
    METADATA = auto()
    OPENAPI = auto()
    PAGE = auto()
    PREDICTION = auto()


class Request(NamedTuple):
    """One HTTP request as a protocol reads it.

    Attributes:
        path: The part behind the function's name, percent-decoded; empty for the function itself.
        headers: Names in lower case.
        body: Empty unless the method is POST.
        few_cells: Up to so many complete numbers may become Rows; a protocol may make a Table of them all the same.
        missing: Texts that stand for a missing cell in CSV and JSON Lines, as they do in training files.
        key: The column that is no feature and comes back beside each prediction; empty where there is none.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    few_cells: int = 0
    missing: Sequence[str] = ()
    key: str = ""


class Question(NamedTuple):
    """The instances that a request asks about.

    Attributes:
        instances: As the caller sent them.
        table: The same by columns, one a feature; few complete rows of numbers by rows.
        root: JSON Pointer to *instances* in the body; to the one instance where the question is *single*.
        single: One instance is asked about, and one prediction is answered instead of a list.
        top: How many of the most probable classes are asked for; None for all, in the model's own order.
        kept: Whatever the protocol wants back when it writes the answer.
        place: Gives the JSON Pointer into a body that holds the instances otherwise than in a list of rows.
        rows: The places of *instances* among those that were sent, where a row that cannot be answered is left out;
            None where it is refused with all others.
        refused: A problem of each row that was left out.
        request_id: The id that the body gives the request.
        keys: What the caller wants back beside each prediction; None for nothing. Of a column it may be None for a row.
        needs: The JSON Pointer to what asks for probabilities; empty where nothing does.
    """

    instances: Sequence[Any]
    table: Table | Rows
    root: str
    single: bool
    top: int | None = None
    kept: Any = None
    place: Callable[[str], str] | None = None
    rows: Sequence[int] | None = None
    refused: tuple[Problem, ...] = ()
    request_id: str | None = None
    keys: Sequence[Any] | None = None
    needs: str = ""

    def pointer(self, relative: str) -> str:
        """The JSON Pointer into the body for *relative*, a pointer that starts at the list of instances."""
        if self.place:
            return self.place(relative)
        if self.rows is not None:
            row, slash, rest = relative[1:].partition("/")
            relative = f"/{self.rows[int(row)]}{slash}{rest}"
        return self.root + (relative.removeprefix("/0") if self.single else relative)


class Answer(NamedTuple):
    """The predictions for a question, in the order of its instances.

    Attributes:
        predictions: Array of shape (n_instances,): finite numbers, or labels in their own type. A list for Rows.
        warnings: The flagged values, the first ones only where there are many.
        flagged: How many values are flagged in all.
        classes: The labels of a classifier; empty for a regression.
        probabilities: Array of shape (n_instances, n_classes), all finite; None where the model gives none.
    """

    question: Question
    predictions: NDArray[Any] | list[float]
    model: str
    version: int
    warnings: Sequence[Problem] = ()
    flagged: int = 0
    classes: Sequence[Level] = ()
    probabilities: NDArray[np.float64] | None = None

    def listed(self) -> list[Any]:
        """The predictions as JSON holds them."""
        listed: list[Any] = self.predictions if isinstance(self.predictions, list) else self.predictions.tolist()
        return listed


class Content(NamedTuple):
    """The body of a response, its media type, and what headers it needs beside that."""

    media_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class WireFormat(Protocol):
    """The three functions of every module of protocols/."""

    @staticmethod
    def read(
        request: Request,
        features: Sequence[Feature],
        *,
        one: bool,
        most_bytes: int,
        classes: Sequence[Level] = (),
    ) -> Question:
        """Read the instances of *request*; exactly one where *one* instance is served.

        Raises:
            TooLargeError: The predictions alone could take more than *most_bytes*.
            PayloadError: The request cannot be read, or its instances do not fit *features*.
        """

    @staticmethod
    def render(answer: Answer) -> Content:
        """Write *answer* in this format."""

    @staticmethod
    def problem(document: Mapping[str, Any]) -> Content:
        """Write an RFC 9457 problem document, to which the format may add an error member of its own."""


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The HEADERS among those of a request, by name; of a name that came twice, the last one."""
    return {HEADERS[name]: value.decode("latin-1") for name, value in raw if name in HEADERS}


class TooLargeError(PayloadError):
    """The request holds more instances than one answer can hold predictions for."""


def problem_json(document: Mapping[str, Any]) -> Content:
    """An RFC 9457 problem document as it is."""
    return Content(PROBLEM_JSON, orjson.dumps(document))
