"""Paths, methods and media types lead to a resource and a protocol, or to an error that says what is possible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from functions.handling import router
from functions.handling.router import MediaTypeError, MethodError, NoResourceError, Resource, Route
from functions.protocols import instances
from tests.support.parts import ROOT


@pytest.mark.parametrize(
    ("path", "below"),
    [
        pytest.param("/batch", "", id="function"),
        pytest.param("/batch/", "", id="function-and-slash"),
        pytest.param("/", "", id="root"),
        pytest.param("/batch/[0.5]", "[0.5]", id="run-app"),
        pytest.param("/[0.5]", "[0.5]", id="own-host"),
        pytest.param("/batch/batch/1", "batch/1", id="the-name-twice"),
        pytest.param("/stream/0.5", "stream/0.5", id="another-function"),
        pytest.param("/batches", "batches", id="a-longer-name"),
    ],
)
def test_the_function_s_name_is_taken_off_the_path_once(path, below):
    assert router.below(path, "batch") == below


@pytest.mark.parametrize(
    ("path", "method", "route"),
    [
        pytest.param("", "GET", Route(Resource.METADATA), id="metadata"),
        pytest.param("", "HEAD", Route(Resource.METADATA), id="metadata-head"),
        pytest.param("", "POST", Route(Resource.PREDICTION, "json"), id="body"),
        pytest.param("healthz", "GET", Route(Resource.HEALTH), id="health"),
        pytest.param("readyz", "HEAD", Route(Resource.READINESS), id="readiness"),
        pytest.param("[0.5,0.2]", "GET", Route(Resource.PREDICTION, "path"), id="array"),
        pytest.param('{"bmi":1}', "GET", Route(Resource.PREDICTION, "path"), id="object"),
        pytest.param("-.5", "HEAD", Route(Resource.PREDICTION, "path"), id="number"),
        pytest.param(" 1", "GET", Route(Resource.PREDICTION, "path"), id="blank"),
        pytest.param("NaN", "GET", Route(Resource.PREDICTION, "path"), id="word-that-json-does-not-have"),
    ],
)
def test_a_path_and_a_method_lead_to_a_resource(path, method, route):
    assert router.route(path, method) == route


@pytest.mark.parametrize("path", ["nothing", "batch", "stream/0.5", "v3/models", "\ud800", "١"])
def test_nothing_is_at_another_path(path):
    with pytest.raises(NoResourceError):
        router.route(path, "GET")


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        pytest.param("", "PUT", "GET, HEAD, POST", id="root"),
        pytest.param("[1]", "POST", "GET, HEAD", id="value"),
        pytest.param("healthz", "POST", "GET, HEAD", id="health"),
        pytest.param("readyz", "DELETE", "GET, HEAD", id="readiness"),
    ],
)
def test_another_method_is_refused_with_those_that_are_allowed(path, method, allowed):
    with pytest.raises(MethodError) as caught:
        router.route(path, method)

    assert caught.value.allowed == allowed
    assert str(caught.value) == f"the method must be one of {allowed} here, got {method}"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="silent"),
        pytest.param({"content-type": "application/json"}, id="json"),
        pytest.param({"content-type": 'Application/JSON ; charset="UTF-8"'}, id="spelled-otherwise"),
        pytest.param({"content-type": "application/json", "accept": "text/html"}, id="accept-is-not-looked-at"),
    ],
)
def test_a_json_body_is_read_by_the_functions_own_protocol(headers):
    assert router.protocol_of(router.route("", "POST"), headers) is instances


def test_a_path_is_read_by_the_functions_own_protocol_whatever_its_content_type():
    assert router.protocol_of(router.route("1", "GET"), {"content-type": "text/csv"}) is instances


@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        pytest.param("text/html", "text/html", id="html"),
        pytest.param("application/json; charset=latin-1", "application/json; charset=latin-1", id="charset"),
        pytest.param("\xff\n", "%C3%BF%0A", id="bytes-that-no-header-may-hold"),
        pytest.param("x" * 100, "x" * 80, id="long"),
    ],
)
def test_another_media_type_is_refused_with_those_that_are_read(content_type, shown):
    with pytest.raises(MediaTypeError) as caught:
        router.protocol_of(router.route("", "POST"), {"content-type": content_type})

    accepted = ", ".join(router.BODY_TYPES)
    assert caught.value.accepted == accepted
    assert str(caught.value) == f"Content-Type must be one of {accepted} in UTF-8, got {shown}"


@pytest.mark.process
def test_a_protocol_is_imported_when_it_is_first_used():
    script = (
        "import sys; from functions.handling import router; name = 'functions.protocols.instances';"
        " before = name in sys.modules; router.protocol_of(router.route('1', 'GET'), {});"
        " print(before, name in sys.modules)"
    )

    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert ran.stdout == "False True\n"


PROTOCOLS = sorted(path.stem for path in Path(ROOT / "functions" / "protocols").glob("*.py"))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_has_the_same_three_functions_and_one_with_paths_a_fourth(name):
    module = router._protocol(name)

    own = {key for key, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__}

    assert own >= {"read", "render", "problem"}
    assert ("describe" in own) == hasattr(module, "ROUTES") == (name in router._DOORS.values())


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_protocol_knows_a_status_or_the_bucket(name):
    text = (ROOT / "functions" / "protocols" / f"{name}.py").read_text()

    assert not {word for word in ("HTTPStatus", "starlette", "storage", "bucket") if word in text}


def test_every_media_type_that_is_accepted_has_its_protocol():
    assert set(router.BODY_TYPES.values()) <= set(PROTOCOLS)
