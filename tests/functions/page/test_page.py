"""The page as it is sent: to whom, with which headers, and with the model's names as data alone."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys

import pytest

from functions.page.page import SCRIPTS
from tests.functions.page.conftest import CLASSES, LEVELS, hostile, renamed, spread
from tests.support.kinds import FEATURES, Functions, price, punctual, sealed
from tests.support.pages import HOSTILE, Page
from tests.support.parts import ROOT, document

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


class Unloaded:
    """A loader without a model."""

    retry_after_seconds = 2

    def fresh(self):
        return None

    async def model(self):
        return None


@pytest.fixture(scope="module")
def line():
    return Functions(sealed((document(prediction=spread()), b"")))


def model_of(page: bytes):
    """The description of the model that stands in a page."""
    _, _, rest = page.partition(b'<script type="application/json" id="model">')
    return json.loads(rest.partition(b"</script>")[0])


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        pytest.param(BROWSER, "text/html; charset=utf-8", id="browser"),
        pytest.param("text/html", "text/html; charset=utf-8", id="html"),
        pytest.param("TEXT/HTML, application/json;q=0.9", "text/html; charset=utf-8", id="upper-case"),
        pytest.param("text/*, application/json; q=0.5", "text/html; charset=utf-8", id="any-text"),
        pytest.param("application/json;q=0, text/html;q=0.001", "text/html; charset=utf-8", id="least"),
        pytest.param("*/*", "application/json", id="curl"),
        pytest.param("", "application/json", id="empty"),
        pytest.param("application/json, text/plain, */*", "application/json", id="axios"),
        pytest.param("text/html, application/json", "application/json", id="tie"),
        pytest.param("text/html;q=0.8, application/json", "application/json", id="rather-json"),
        pytest.param("text/html;q=0.8, */*", "application/json", id="rather-anything"),
        pytest.param("text/html;q=0", "application/json", id="no-html"),
        pytest.param("text/html;q=high", "application/json", id="no-quality"),
        pytest.param("text/csv", "application/json", id="another-text"),
    ],
)
@pytest.mark.parametrize("function", ["batch", "stream"])
def test_who_rather_takes_html_gets_the_page_and_all_others_get_json(line, function, accept, kind):
    answer = line.ask("GET", f"/{function}", accept=accept)

    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["vary"] == "Accept"


def test_a_client_that_accepts_nothing_in_particular_gets_json(line):
    assert json.loads(line.ask("GET", "/batch").body)["model"] == {"name": "linear-regression", "version": 1}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/batch/docs", "/stream/docs"])
def test_docs_is_the_page_for_everybody(line, method, path):
    answer = line.ask(method, path, accept="application/json")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_docs_is_read_and_not_posted_to(line):
    answer = line.ask("POST", "/batch/docs", b"{}")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_the_page_is_sent_with_a_policy_that_allows_its_own_script_and_style_alone(line):
    answer = line.ask("GET", "/batch/docs")

    page = answer.body
    style = page.partition(b"<style>")[2].partition(b"</style>")[0]
    script = page.rpartition(b"<script>")[2].partition(b"</script>")[0]
    digests = [base64.b64encode(hashlib.sha256(each).digest()).decode() for each in (script, style)]
    assert {
        name: answer.headers[name] for name in answer.headers if name not in {"content-length", "x-model-version"}
    } == {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": (
            f"default-src 'none'; script-src 'sha256-{digests[0]}'; style-src 'sha256-{digests[1]}'; img-src data:;"
            " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
            " require-trusted-types-for 'script'; trusted-types 'none'"
        ),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "vary": "Accept",
    }


def test_a_compressed_page_varies_by_both_headers(line):
    answer = line.ask("GET", "/batch", accept=BROWSER, accept_encoding="gzip")

    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept, Accept-Encoding")


@pytest.mark.parametrize(("path", "accept"), [("/batch", BROWSER), ("/stream/docs", "*/*")])
def test_a_browser_that_comes_before_the_model_is_told_so_and_comes_again(path, accept):
    functions = Functions(sealed((document(), b"")))
    for endpoint in functions._endpoints.values():
        endpoint._loader = Unloaded()

    answer = functions.ask("GET", path, accept=accept)

    assert answer.status_code == 503
    assert "<p>no model is loaded yet; try again in 2 s. This page loads again by itself.</p>" in answer.body.decode()
    assert {name: answer.headers[name] for name in answer.headers if name != "content-length"} == {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "refresh": "3",
        "retry-after": "2",
    }


def test_a_client_of_json_that_comes_before_the_model_gets_json():
    functions = Functions(sealed((document(), b"")))
    functions._endpoints["batch"]._loader = Unloaded()

    answer = functions.ask("GET", "/batch", accept="*/*")

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_holds_text_that_ends_or_changes_its_element(name):
    text = (ROOT / "functions" / "page" / name).read_text().lower()

    assert [each for each in ("</script", "<!--", "{{") if each in text] == []


def test_the_page_asks_for_nothing_elsewhere(line):
    page = Page(line.ask("GET", "/batch/docs").body.decode())

    assert [value for name, value in page.attributes if name in {"src", "href"}] == ["data:,"]
    assert [name for name, _ in page.attributes if name.startswith("on") or name == "style"] == []
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize(
    "made",
    [pytest.param(hostile(), id="columns-and-levels"), pytest.param(renamed(punctual(), CLASSES), id="classes")],
)
def test_names_cannot_leave_the_data_that_they_are(made):
    page = Functions(sealed(made)).ask("GET", "/batch/docs").body

    assert [each for each in (b"<img", b"<!--", b"<b>", b"\xe2\x80\xa8<") if each in page] == []
    assert page.count(b"</script>") == 2
    assert HOSTILE in json.dumps(model_of(page), ensure_ascii=False).replace('\\"', '"')


def test_the_description_holds_columns_with_examples_and_the_spread_of_predictions():
    page = Functions(sealed(price(prediction=spread()))).ask("GET", "/batch/docs").body

    model = model_of(page)

    assert {feature["name"]: feature.get("example") for feature in model["features"]} == {
        "age": 25.0,
        "colour": None,
        "floor": None,
        "late": False,
        "when": "1970-01-01",
    }
    assert model["spread"] == {"deciles": [10.0 * step for step in range(11)], "parts": spread()["fiftieths"]}
    assert (model["task"], model["one"], model["rows"]) == ("regression", False, [10, 2])
    assert model["metrics"] == {"r2": {"value": 0.5, "low": 0.4, "high": 0.6}}


def test_an_example_is_the_median_in_few_digits_and_whole_where_the_column_is():
    numbers = [
        {"name": "measured", "minimum": 0.0, "maximum": 1.0, "quantiles": [0.0, *([0.123456] * 9), 1.0]},
        {"name": "counted", "minimum": 0.0, "maximum": 9.0, "quantiles": [float(step) for step in [*range(10), 9]]},
        {"name": "narrow", "minimum": 0.12344, "maximum": 0.12346, "quantiles": [0.12344, *([0.123451] * 9), 0.12346]},
        {"name": "without", "minimum": -3.0, "maximum": 1.0},
    ]
    line = {"coefficients": [1.0] * 4, "intercept": 0.0}
    made = document(linear=line, features=numbers, golden=[{"instance": [0.0] * 4, "prediction": 0.0}])

    model = model_of(Functions(sealed((made, b""))).ask("GET", "/batch/docs").body)

    assert [feature["example"] for feature in model["features"]] == [0.1235, 5, 0.123451, -1.0]


def test_a_redacted_column_shows_no_level_and_nothing_of_its_distribution():
    redacted = [{**entry, "redact": True} for entry in FEATURES]
    redacted[0] |= {"quantiles": [float(step) for step in range(11)]}
    made, block = renamed(price(features=redacted, prediction=spread()), LEVELS)

    page = Functions(sealed((made, block))).ask("GET", "/batch/docs").body

    model = model_of(page)
    assert [feature.get("levels") for feature in model["features"]] == [None] * 5
    assert (model["features"][0]["example"], model["spread"]) == (25.0, None)
    assert b"onerror" not in page


def test_levels_that_a_browser_s_number_does_not_hold_are_texts():
    levels = [1, 2, 2**53 + 1, 0.5]
    features = [*FEATURES[:2], {**FEATURES[2], "levels": levels}, *FEATURES[3:]]

    model = model_of(Functions(sealed(price(features=features))).ask("GET", "/batch/docs").body)

    assert model["features"][2]["levels"] == [1, 2, "9007199254740993", 0.5]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        pytest.param("https://europe-west1-p.cloudfunctions.net/batch", True, id="function"),
        pytest.param("http://[::1]:8080/batch", True, id="address"),
        pytest.param("javascript:alert(1)", False, id="script"),
        pytest.param("https://host/'$(x)", False, id="shell"),
        pytest.param("https://host/batch?x", False, id="query"),
    ],
)
def test_a_proxy_tells_the_address_of_the_function_that_it_stands_before(line, sent, shown):
    page = line.ask("GET", "/batch/docs", x_function_address=sent).body

    assert model_of(page)["address"] == (sent if shown else "")


def test_a_manifest_that_tells_little_has_a_page_all_the_same():
    made = document(metrics=None, data=None, target=None, training=None, prediction={"quantiles": [1.0]})

    model = model_of(Functions(sealed((made, b""))).ask("GET", "/batch/docs").body)

    assert (model["metrics"], model["rows"], model["spread"], model["target"]) == ({}, None, None, None)


@pytest.mark.process
def test_the_page_is_imported_and_read_when_it_is_first_asked_for():
    code = """
import sys
from tests.support.kinds import Functions, sealed
from tests.support.parts import document
functions = Functions(sealed((document(), b"")))
functions.ask("GET", "/batch", accept="*/*")
functions.ask("POST", "/batch", b'{"instances": [0.5]}')
before = "functions.page.page" in sys.modules
functions.ask("GET", "/batch", accept="text/html")
print(before, "functions.page.page" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines()[-1] == "False True"
