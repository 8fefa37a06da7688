"""The OpenAPI document: its references lead somewhere, its example works, and nothing redacted is in it."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.kinds import FEATURES, Functions, price, punctual, sealed
from tests.support.parts import MODEL, document

MODELS = {"line": lambda: (document(), b""), "kinds": price, "classes": punctual}


def asked(functions, method, path, body=None):
    response = functions.ask(method, path, b"" if body is None else json.dumps(body).encode())
    return response.status_code, json.loads(response.body)


@pytest.fixture(params=sorted(MODELS))
def functions(request):
    return Functions(sealed(MODELS[request.param]()))


@pytest.mark.parametrize("function", ["batch", "stream"])
def test_the_example_works_without_a_warning(functions, function):
    described = asked(functions, "GET", f"/{function}/openapi.json")[1]
    posts = [path for path, item in described["paths"].items() if "post" in item]
    example = described["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]["example"]

    answers = [asked(functions, "POST", f"/{function}{path}", example) for path in posts]

    assert [status for status, _ in answers] == [200, 200]
    allowed = described["components"]["schemas"]["Answer"]["properties"].keys() - {"warnings"}
    assert all(answer.keys() <= allowed for _, answer in answers)


@pytest.mark.parametrize("function", ["batch", "stream"])
def test_every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own(functions, function):
    status, described = asked(functions, "GET", f"/{function}/openapi.json")

    text = json.dumps(described)
    names = re.findall(r'"operationId": "(\w+)"', text)
    assert (status, described["openapi"]) == (200, "3.1.0")
    assert {*re.findall(r'"#/components/schemas/(\w+)"', text)} == described["components"]["schemas"].keys()
    assert len(names) == len({*names}) == 5


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
def test_every_path_that_is_read_answers(functions, path):
    described = asked(functions, "GET", "/batch/openapi.json")[1]

    assert path in described["paths"]
    assert asked(functions, "GET", f"/batch{path}")[0] == 200


def test_cells_are_described_by_their_kind():
    described = asked(Functions(sealed(price())), "GET", "/batch/openapi.json")[1]

    row = described["components"]["schemas"]["Instance"]["anyOf"][1]
    assert row["required"] == ["colour", "floor", "late", "when"]
    assert row["properties"] == {
        "age": {"type": ["number", "null"], "description": "age; training from 0.0 to 50.0"},
        "colour": {
            "type": ["string", "null"],
            "description": "colour, a category",
            "examples": ["red", "blue"],
        },
        "floor": {"description": "floor, a category", "enum": [1, 2]},
        "late": {"type": "boolean", "description": "late"},
        "when": {
            "type": "string",
            "description": "when, an ISO 8601 date or time; training from 1970-01-01 to 1970-01-02",
        },
    }


def test_a_level_of_a_redacted_feature_is_nowhere():
    features = [*FEATURES[:2], {**FEATURES[2], "redact": True, "levels": [1, 2]}, *FEATURES[3:]]
    features[1] = {**FEATURES[1], "redact": True}
    functions = Functions(sealed(price(features=features)))

    response = functions.ask("GET", "/batch/openapi.json")

    assert b'"red"' not in response.body
    assert b"blue" not in response.body
    assert b"example" not in response.body


def test_a_line_may_be_asked_by_a_bare_number():
    described = asked(Functions(sealed((document(), b""))), "GET", "/batch/openapi.json")[1]

    assert described["info"]["title"] == MODEL
    assert described["components"]["schemas"]["Instance"]["anyOf"][2]["type"] == "number"
