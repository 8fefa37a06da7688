"""The seam between `answering` and a protocol, tried with a format that is not JSON and has an error member of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import orjson
import pytest
from starlette.requests import Request as Incoming

from functions import artifact
from functions.columns.schema import PayloadError, Problem
from functions.columns.table import Table
from functions.exchange import Content, Question
from functions.handling import router
from functions.handling.answering import Endpoint
from functions.predictor import load
from functions.settings import Settings
from tests.support.parts import MODEL, document


class Lines:
    """A format of one number a line."""

    @staticmethod
    def read(request, *_, **__):
        try:
            numbers = [float(line) for line in request.body.split()]
        except ValueError:
            raise PayloadError(Problem("a line must be a number", "")) from None
        return Question(numbers, Table(np.array(numbers).reshape(-1, 1)), "", single=False)

    @staticmethod
    def render(answer):
        return Content("text/plain", "\n".join(map(str, answer.predictions)).encode())

    @staticmethod
    def problem(document):
        return Content("application/problem+json", orjson.dumps({**document, "error": document["detail"]}))


class Loaded:
    """A loader that holds one model."""

    retry_after_seconds = 1

    def __init__(self) -> None:
        sealed = artifact.seal({**document(), "model": MODEL, "version": 1, "created": "now"})
        self._model = load(artifact.parse_manifest(sealed, MODEL, 1))

    def fresh(self):
        return self._model


@pytest.fixture
def post(monkeypatch, capfd):
    """POST a body of lines to `batch`; gives the response."""
    monkeypatch.setattr(router, "protocol_of", lambda *_: Lines)
    endpoint = Endpoint("batch", one=False, loader=Loaded(), settings=Settings("models", max_body_bytes=100))

    def post(body: bytes, **headers: str) -> Any:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/batch",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        return asyncio.run(endpoint.respond(Incoming(scope, receive)))

    return post


def test_a_format_that_is_not_json_is_read_and_rendered(post):
    response = post(b"0.5\n-1\n")

    assert (response.status_code, response.headers["content-type"], response.body) == (200, "text/plain", b"2.0\n-1.0")
    assert response.headers["x-model-version"] == "1"


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        pytest.param(b"x", 400, "a line must be a number", id="bad-line"),
        pytest.param(b"1e308", 400, "row 0: the prediction for this instance is beyond float64", id="prediction"),
        pytest.param(b"1\n" * 60, 413, "the body must hold at most 100 bytes, got more; send it in parts", id="size"),
    ],
)
def test_a_refusal_has_the_error_member_of_the_format(post, body, status, detail):
    response = post(body)

    problem = json.loads(response.body)
    assert (response.status_code, problem["status"], problem["detail"], problem["error"]) == (
        status,
        status,
        detail,
        detail,
    )


def test_an_error_of_the_function_has_the_error_member_of_the_format(post, monkeypatch, capfd):
    monkeypatch.setattr(Lines, "render", staticmethod(lambda _: 1 / 0))

    response = post(b"0.5")

    problem = json.loads(response.body)
    detail = "an error of the function, not of the request"
    assert (response.status_code, problem["detail"], problem["error"]) == (500, detail, detail)
    assert "ZeroDivisionError" in json.loads(capfd.readouterr().out)["stack_trace"]
