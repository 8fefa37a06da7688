"""Pages of other origins call where CORS_ORIGINS lists them, and nowhere else."""

from __future__ import annotations

import pytest

from functions.settings import read
from tests.support.kinds import Functions, sealed
from tests.support.parts import MODEL, document

HERE, ELSEWHERE = "https://example.org", "https://example.net"
BODY = b'{"instances": [0.5]}'


@pytest.fixture(scope="module")
def listed():
    return Functions(sealed((document(), b"")), cors_origins=(HERE, "http://localhost:3000"))


def allowed(response):
    return {name: value for name, value in response.headers.items() if name.startswith("access-control")}


@pytest.mark.parametrize("path", ["/batch", "/batch/healthz", "/batch/[0.5]", f"/batch/v1/models/{MODEL}:predict"])
def test_a_preflight_is_answered_on_every_path(listed, path):
    answer = listed.ask("OPTIONS", path, origin=HERE, access_control_request_method="POST")

    assert (answer.status_code, answer.body, answer.headers["vary"]) == (204, b"", "Origin")
    assert allowed(answer) == {
        "access-control-allow-origin": HERE,
        "access-control-allow-methods": "GET, HEAD, POST",
        "access-control-allow-headers": (
            "Accept, Authorization, Content-Encoding, Content-Type, Inference-Header-Content-Length, Traceparent,"
            " X-Request-Id"
        ),
        "access-control-max-age": "3600",
    }


@pytest.mark.parametrize("origin", [ELSEWHERE, "null", f"{HERE}.evil.org", HERE.upper(), ""])
def test_a_preflight_of_another_origin_is_refused_and_allows_nothing(listed, origin):
    answer = listed.ask("OPTIONS", "/batch", origin=origin, access_control_request_method="POST")

    assert (answer.status_code, allowed(answer), answer.headers["vary"]) == (405, {}, "Origin")


def test_options_that_are_no_preflight_are_a_wrong_method(listed):
    assert listed.ask("OPTIONS", "/batch", origin=HERE).status_code == 405


def test_answers_and_refusals_may_be_seen_by_a_page_that_is_listed(listed):
    answers = [listed.ask("POST", "/batch", body, origin=HERE) for body in (BODY, b"x")]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert [allowed(answer) for answer in answers] == 2 * [
        {
            "access-control-allow-origin": HERE,
            "access-control-expose-headers": "Inference-Header-Content-Length, Retry-After, X-Model-Version, X-Prediction-Warnings",
        }
    ]


def test_another_page_gets_an_answer_that_its_browser_keeps_from_it(listed):
    answer = listed.ask("POST", "/batch", BODY, origin=ELSEWHERE)

    assert (answer.status_code, allowed(answer), answer.headers["vary"]) == (200, {}, "Origin")


def test_an_answer_to_nobody_in_particular_varies_by_origin_too(listed):
    answers = [listed.ask("GET", path) for path in ("/batch/[0.5]", "/batch/healthz", "/batch/nothing")]

    assert [(answer.status_code, allowed(answer), answer.headers["vary"]) for answer in answers] == [
        (status, {}, "Origin") for status in (200, 200, 404)
    ]


def test_a_compressed_answer_varies_by_both(listed):
    rows = b'{"instances": [' + b",".join([b"0.123456789"] * 2000) + b"]}"

    answer = listed.ask("POST", "/batch", rows, origin=HERE, accept_encoding="gzip")

    assert answer.headers["vary"] == "Accept-Encoding, Origin"


def test_a_star_lists_all():
    functions = Functions(sealed((document(), b"")), cors_origins=("*",))

    answer = functions.ask("POST", "/batch", BODY, origin=ELSEWHERE)

    assert (answer.headers["access-control-allow-origin"], "vary" in answer.headers) == ("*", False)


def test_without_the_setting_nothing_is_allowed():
    functions = Functions(sealed((document(), b"")))

    preflight = functions.ask("OPTIONS", "/batch", origin=HERE, access_control_request_method="POST")

    assert (preflight.status_code, allowed(preflight)) == (405, {})
    assert allowed(functions.ask("POST", "/batch", BODY, origin=HERE)) == {}


def test_origins_are_separated_by_commas():
    settings = read({"MODEL_BUCKET": "models", "CORS_ORIGINS": f" {HERE}, http://localhost:3000,"})

    assert settings.cors_origins == (HERE, "http://localhost:3000")
