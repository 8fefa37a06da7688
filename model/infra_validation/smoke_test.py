"""Calls of a running function whose answers the manifest fixes: golden instances, reference calls, a bad instance.

The expected predictions come from the manifest in the bucket, so this proves the whole way: upload, environment,
bucket, rights, code and platform.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
import requests

from functions.artifact import Manifest
from functions.columns.schema import Level, to_table
from functions.predictor import build, distance

REFERENCE = (0.5, 0.2, 0.6)
"""Instances of the reference calls to a model of one feature."""

_LONGEST_PATH = 8_000  # bytes; servers in front of a function commonly refuse an address beyond 8 kB
_TIMEOUT_SECONDS = (5.0, 30.0)
_PAUSE_SECONDS = 1.0
_MOST_SHOWN = 120
_NO_ANSWER = "no answer: "


class Answer(NamedTuple):
    """A prediction, the number or the label, and the probability of each class; None where there is none."""

    prediction: Level
    probabilities: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Call:
    """One request and the answers it must bring; *expected* is empty where a 400 must come.

    Args:
        private: Its instances hold levels that no message may show.
    """

    method: str
    path: str
    body: dict[str, Any] | None
    expected: tuple[Answer, ...]
    private: bool = False

    def __str__(self) -> str:
        if self.private:
            return f"{self.method} /{self.path.split('/')[1]}"
        sent = f" {json.dumps(self.body)}" if self.body is not None else ""
        return f"{self.method} {self.path}{sent}"[:80]


class Outcome(NamedTuple):
    """The number of right answers, and a line for each wrong one."""

    right: int
    wrong: list[str]


def ask(
    address: str,
    function: str,
    manifest: Manifest,
    *,
    token: str = "",
    by_path: bool | None = None,
    within_seconds: float = 90.0,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Send every call to *function* ("batch" or "stream") at *address*.

    The calls wait, *within_seconds* at most, until the function answers with the version of *manifest*: a new one
    has to start, and a warm one has to notice a promotion.

    Args:
        by_path: Whether to GET instances too; by default where no feature is redacted, since addresses are logged.
    """
    session = requests.Session()
    session.trust_env = False  # a .netrc must not replace the token
    if token:
        session.headers["Authorization"] = f"Bearer {token}"
    address = address.rstrip("/")
    url = f"{address}/{function}"
    problem = _until_served(session, url, manifest, within_seconds=within_seconds, clock=clock, pause=pause)
    if problem:
        return Outcome(0, [problem])
    if by_path is None:
        by_path = not any(feature.redact for feature in manifest.features)
    right, wrong = 0, []
    for call in calls(function, manifest):
        if call.method == "GET" and not by_path:
            continue
        problem = _send(session, address, call, manifest)
        if not problem:
            right += 1
            continue
        wrong.append(problem)
        if _NO_ANSWER in problem:  # each other call would wait as long
            break
    return Outcome(right, wrong)


def calls(function: str, manifest: Manifest) -> Iterator[Call]:
    """The calls of *function*: by GET and POST, in each form that an instance can have.

    GET takes as many instances as fit into an address, and is left out where not one does.
    """
    names = [feature.name for feature in manifest.features]
    golden = [entry.instance if isinstance(entry.instance, list) else [entry.instance] for entry in manifest.golden]
    expected = [Answer(entry.prediction, entry.probabilities) for entry in manifest.golden]
    private = any(feature.redact and feature.kind == "category" for feature in manifest.features)
    call = partial(Call, private=private)
    kinds = [feature.kind for feature in manifest.features]
    bad = ["a level", "too many"] if kinds == ["category"] else "bad"
    objects = [dict(zip(names, row, strict=True)) for row in golden]
    groups: list[tuple[list[Any], list[Answer]]] = [(golden, expected)]
    if kinds == ["number"] and not manifest.files:
        groups.append((list(REFERENCE), _served(manifest)))
    if function == "batch":
        for rows, answers in groups:
            fitting = _fitting(rows)
            if fitting:
                yield call("GET", f"/batch/{_spelled(rows[:fitting])}", None, tuple(answers[:fitting]))
        yield call("POST", "/batch", {"instances": golden}, tuple(expected))
        yield call("POST", "/batch", {"instances": objects}, tuple(expected))
        yield call("POST", "/batch", {"instances": [golden[0], bad]}, ())
    else:
        for row, named, answer in zip(golden, objects, expected, strict=True):
            if _fitting([row]):
                yield call("GET", f"/stream/{_spelled(row)}", None, (answer,))
            yield call("POST", "/stream", {"instance": named}, (answer,))
        for rows, answers in groups[1:]:
            yield call("GET", f"/stream/{_spelled(rows[0])}", None, (answers[0],))
        yield call("POST", "/stream", {"instances": [golden[0]]}, (expected[0],))
        yield call("POST", "/stream", {"instance": bad}, ())


def _served(manifest: Manifest) -> list[Answer]:
    """The answers to the reference calls."""
    served = build(manifest).predict(to_table(REFERENCE, manifest.features))
    if served.probabilities is None:
        return [*map(Answer, served.values.tolist())]
    return [*map(Answer, served.values.tolist(), map(tuple, served.probabilities.tolist()))]


def _fitting(rows: Sequence[object]) -> int:
    """How many of the first *rows* fit into one address."""
    number = 0
    while number < len(rows) and len(_spelled(rows[: number + 1])) <= _LONGEST_PATH:
        number += 1
    return number


def _spelled(value: object) -> str:
    return quote(json.dumps(value, separators=(",", ":")), safe="[],.-+:")


def _until_served(
    session: requests.Session,
    url: str,
    manifest: Manifest,
    *,
    within_seconds: float,
    clock: Callable[[], float],
    pause: Callable[[float], None],
) -> str:
    """Wait until *url* serves the manifest's version; returns the last reason why it does not, or ""."""
    end = clock() + within_seconds
    while True:
        try:
            answer = session.get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
            version = answer.headers.get("X-Model-Version", "none")
            if answer.status_code == requests.codes.ok and version == str(manifest.version):
                return ""
            reason = f"expected 200 from model version {manifest.version}, got {_brief(answer)} from version {version}"
            if answer.status_code in {requests.codes.unauthorized, requests.codes.forbidden}:
                reason += "; this account may not call it: ./deploy.sh grant MEMBER"
        except requests.RequestException as error:
            reason = f"no answer: {type(error).__name__}"
        if clock() >= end:
            return f"GET {url}: {reason}"
        pause(_PAUSE_SECONDS)


def _send(session: requests.Session, address: str, call: Call, manifest: Manifest) -> str:
    """The problem with the answer to *call*, or ""."""
    try:
        answer = session.request(
            call.method, address + call.path, json=call.body, timeout=_TIMEOUT_SECONDS, allow_redirects=False
        )
    except requests.RequestException as error:
        return f"{call}: {_NO_ANSWER}{type(error).__name__}"
    if not call.expected:
        return _unrefused(call, answer)
    try:
        body = answer.json()
        predictions = body.get("predictions", [body.get("prediction")])
        probabilities = body.get("probabilities") if "predictions" in body else [body.get("probabilities")]
        model, classes = body.get("model"), body.get("classes", [])
    except (ValueError, AttributeError):
        return f"{call}: expected predictions, got {_brief(answer)}"
    served_by = {"name": manifest.model, "version": manifest.version}
    if answer.status_code != requests.codes.ok or model != served_by:
        return f"{call}: expected 200 from {served_by}, got {_brief(answer)}"
    labels = [one.prediction for one in call.expected]
    shares = [list(one.probabilities) for one in call.expected if one.probabilities is not None]
    same_labels = _equal(predictions, labels) if manifest.classes else _close(predictions, labels)
    for name, right, expected, got in (
        ("classes", _equal(classes, manifest.classes), list(manifest.classes), classes),
        ("", same_labels, labels, predictions),
        ("probabilities", not shares or _all_close(probabilities, shares), shares, probabilities),
    ):
        if not right:
            told = f"{name} {str(expected)[:_MOST_SHOWN]}".strip()
            return f"{call}: expected {told}, got {str(got)[:_MOST_SHOWN]}"
    return ""


def _unrefused(call: Call, answer: requests.Response) -> str:
    """The problem with the refusal of a bad instance, or ""."""
    described = answer.headers.get("Content-Type", "") == "application/problem+json"
    if answer.status_code == requests.codes.bad_request and described:
        return ""
    return f"{call}: expected 400 with application/problem+json, got {_brief(answer)}"


def _close(numbers: object, expected: Sequence[Any]) -> bool:
    if not isinstance(numbers, list) or not all(type(value) in {int, float} for value in numbers):
        return False
    if len(numbers) != len(expected):
        return False
    return bool((distance(np.array(numbers, dtype=np.float64), np.array(expected, np.float64)) <= 1).all())


def _all_close(rows: object, expected: Sequence[Any]) -> bool:
    return isinstance(rows, list) and len(rows) == len(expected) and all(map(_close, rows, expected))


def _equal(labels: object, expected: Sequence[Level]) -> bool:
    """Whether labels are the same, with their types: 1, 1.0 and true are three."""
    typed = [(type(label), label) for label in expected]
    return isinstance(labels, list) and [(type(label), label) for label in labels] == typed


def _brief(answer: requests.Response) -> str:
    text = " ".join(answer.text[:_MOST_SHOWN].split())
    return f"{answer.status_code} {text}".strip()
