"""The OpenAPI document: it has every path, its examples work, and nothing redacted is in it."""

from __future__ import annotations

import json
import re
from urllib.parse import quote, unquote

import pytest

from functions.handling import router
from functions.protocols import kserve, open_inference
from tests.support.kinds import FEATURES, Functions, many_classes, price, punctual, sealed
from tests.support.parts import MODEL, document

MODELS = {
    "line": lambda: (document(), b""),
    "kinds": price,
    "classes": punctual,
    "labels": lambda: many_classes(None),
    "keyed": lambda: price(data={"key": "order"}),
}


def asked(functions, method, path, body=b"", **headers):
    response = functions.ask(method, path, body, **headers)
    return response.status_code, json.loads(response.body or b"null")


@pytest.fixture(params=sorted(MODELS))
def functions(request):
    return Functions(sealed(MODELS[request.param]()))


def described(functions, function="batch"):
    status, answer = asked(functions, "GET", f"/{function}/openapi.json")
    assert status == 200
    return answer


def operations(described):
    """Path, method and operation."""
    return [(path, method, each) for path, item in described["paths"].items() for method, each in item.items()]


def test_every_path_and_method_of_the_router_is_there():
    paths = {path: {*item} for path, item in described(Functions(sealed(punctual())))["paths"].items()}

    read = {"get", "head"}
    expected = {"/": {*read, "post"}, "/{values}": read, "/invocations": {"post"}}
    expected |= {f"/{path}": read for path in router._FIXED}
    for routes in (kserve.ROUTES, open_inference.ROUTES):
        for template, (_, methods) in routes.items():
            path = template.replace("{model}", MODEL).replace("{version}", "1")
            expected[f"/{path}"] = {method.lower() for method in methods}
    assert paths == expected


def test_every_type_of_a_body_is_there():
    content = described(Functions(sealed(MODELS["line"]())))["paths"]["/"]["post"]["requestBody"]["content"]

    assert content.keys() >= router.BODY_TYPES.keys() - {"text/plain"}


@pytest.mark.parametrize("function", ["batch", "stream"])
def test_every_example_is_answered_without_a_warning(functions, function):
    answers = {}
    for path, method, operation in operations(described(functions, function)):
        if method == "post":
            for media_type, media in operation["requestBody"]["content"].items():
                for name, example in media.get("examples", {}).items():
                    value = example["value"]
                    body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
                    answer = asked(functions, "POST", f"/{function}{path}", body, content_type=media_type)
                    answers[path, media_type, name] = (answer[0], "warnings" in json.dumps(answer[1]))

    assert len(answers) > 20
    assert {*answers.values()} == {(200, False)}


@pytest.mark.parametrize("function", ["batch", "stream"])
def test_every_path_that_is_read_answers(functions, function):
    statuses = {}
    for path, method, operation in operations(described(functions, function)):
        if method != "post":
            values = [each["content"]["application/json"]["example"] for each in operation.get("parameters", ())]
            spelled = quote(json.dumps(values[0])) if values else ""
            answer = functions.ask(method.upper(), f"/{function}{unquote(path.replace('{values}', spelled))}")
            types = operation["responses"]["200"].get("content", {"application/json": {}, "text/html": {}})
            statuses[path, method] = (answer.status_code, answer.headers["content-type"].partition(";")[0] in types)

    assert {*statuses.values()} == {(200, True)}


@pytest.mark.parametrize("function", ["batch", "stream"])
def test_every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own(functions, function):
    document = described(functions, function)

    text = json.dumps(document)
    names = re.findall(r'"operationId": "(\w+)"', text)
    assert document["openapi"] == "3.1.0"
    for kind in ("schemas", "responses"):
        assert {*re.findall(rf'"#/components/{kind}/(\w+)"', text)} == document["components"][kind].keys()
    assert len(names) == len({*names}) == len(operations(document))


def test_refusals_are_problems_with_their_members():
    document = described(Functions(sealed(price())))

    problem = document["components"]["schemas"]["Problem"]
    assert problem["required"] == ["type", "title", "detail", "status"]
    assert problem["properties"].keys() - problem["required"] == {"errors", "error", "errorMessage"}
    assert document["components"]["responses"]["Refused503"]["headers"].keys() == {"Retry-After"}
    assert document["paths"]["/"]["post"]["responses"].keys() == {"200", "400", "413", "415", "500", "503"}


def test_cells_are_described_by_their_kind():
    schemas = described(Functions(sealed(price())))["components"]["schemas"]

    row = schemas["Instance"]["anyOf"][1]
    names = [feature["name"] for feature in FEATURES]
    assert row["required"] == ["colour", "floor", "late", "when"]
    assert {name: schemas[cell["$ref"].rpartition("/")[2]] for name, cell in row["properties"].items()} == {
        "age": {"type": ["number", "null"], "description": "age; training from 0.0 to 50.0"},
        "colour": {"type": ["string", "null"], "description": "colour, a category", "examples": ["red", "blue"]},
        "floor": {"description": "floor, a category", "enum": [1, 2, "1", "2"]},
        "late": {"enum": [True, False, 0, 1], "description": "late"},
        "when": {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}],
            "description": "when, an ISO 8601 date or time; training from 1970-01-01 to 1970-01-02",
        },
    }
    assert [*row["properties"]] == names


def test_a_key_column_may_stand_beside_the_features():
    schemas = described(Functions(sealed(price(data={"key": "order"}))))["components"]["schemas"]

    assert "order" in schemas["Instance"]["anyOf"][1]["properties"]
    assert "order" not in schemas["Instance"]["anyOf"][1]["required"]


def test_a_level_of_a_redacted_feature_is_nowhere():
    features = [*FEATURES[:2], {**FEATURES[2], "redact": True, "levels": [1, 2]}, *FEATURES[3:]]
    features[1] = {**FEATURES[1], "redact": True}
    functions = Functions(sealed(price(features=features)))

    response = functions.ask("GET", "/batch/openapi.json")

    assert b'"red"' not in response.body
    assert b"blue" not in response.body
    assert b"example" not in response.body


def test_a_line_may_be_asked_by_a_bare_number():
    document_ = described(Functions(sealed((document(), b""))))

    assert document_["info"]["title"] == MODEL
    assert document_["components"]["schemas"]["Instance"]["anyOf"][2] == {"$ref": "#/components/schemas/Cell0"}
    assert document_["components"]["schemas"]["Cell0"]["type"] == "number"
