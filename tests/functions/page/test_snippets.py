"""The calls that the page gives to paste: run as they stand, they get the function's own answer."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.functions.page.conftest import LEVELS, NAMES
from tests.support.pages import HOSTILE

CELLS = [2.5, LEVELS["blue"], 2, False, "1970-01-01T03:00:00Z"]
PREDICTION = 2.5 + 2 + 20 + 3


@pytest.fixture(scope="module")
def node():
    found = shutil.which("node")
    if not found:
        pytest.skip("Node.js, node, is not on this machine")
    return found


@pytest.fixture
def filled_in(visit):
    """The page of the hostile model with CELLS in its form."""

    def filled_in(function="batch", **options):
        tab = visit("hostile", function, **options)
        for place, value in enumerate(["2.5", "1", "1", "false", CELLS[4]]):
            tab.fill(f"#column-{place}", value)
        return tab

    return filled_in


def snippet(tab, name: str) -> str:
    tab.evaluate(f"[...document.querySelectorAll('[role=tab]')].find(tab => tab.textContent === '{name}').click()")
    return tab.evaluate("document.querySelector('#snippet').textContent")


def ran(folder, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir() if path.name == "pwned"] == []
    return done.stdout


@pytest.mark.parametrize("function", ["batch", "stream"])
def test_curl_gets_the_function_s_answer(filled_in, pages, tmp_path, function):
    text = snippet(filled_in(function), "curl")

    answer = json.loads(ran(tmp_path, "bash", "-c", text.replace("curl ", "curl -s ", 1)))

    assert answer == pages("hostile", function).predicted(CELLS)
    assert PREDICTION in {answer.get("prediction"), *answer.get("predictions", [])}


@pytest.mark.parametrize("function", ["batch", "stream"])
def test_python_gets_the_function_s_answer(filled_in, pages, tmp_path, function):
    (tmp_path / "call.py").write_text(snippet(filled_in(function), "Python"))

    answer = ran(tmp_path, sys.executable, "call.py")

    assert answer == f"{pages('hostile', function).predicted(CELLS)}\n"


@pytest.mark.parametrize("function", ["batch", "stream"])
def test_pandas_gets_the_function_s_answer_beside_the_row(filled_in, tmp_path, function):
    text = snippet(filled_in(function), "pandas")
    show = 'print(rows.assign(prediction=answer.json()["predictions"]))'
    (tmp_path / "call.py").write_text(
        f"{text.replace(show, '')}\nprint(rows.columns.tolist(), answer.json()['predictions'])"
    )

    assert show in text
    assert ran(tmp_path, sys.executable, "call.py") == f"{[*NAMES.values()]} [{PREDICTION}]\n"


@pytest.mark.parametrize("function", ["batch", "stream"])
def test_javascript_gets_the_function_s_answer(filled_in, pages, tmp_path, node, function):
    text = snippet(filled_in(function), "JavaScript")
    (tmp_path / "call.mjs").write_text(
        text.replace("console.log(await answer.json())", "console.log(await answer.text())")
    )

    assert json.loads(ran(tmp_path, node, "call.mjs")) == pages("hostile", function).predicted(CELLS)
    assert [each for each in ("</script", "<script", "<!--") if each in text.lower()] == []


@pytest.mark.parametrize("name", ["curl", "Python", "pandas", "JavaScript"])
def test_a_missing_cell_is_sent_as_one(filled_in, tmp_path, name, request):
    tab = filled_in()
    tab.fill("#column-0", "")
    tab.fill("#column-1", "missing")
    text = snippet(tab, name)
    command = {"curl": ["bash"], "JavaScript": [name == "JavaScript" and request.getfixturevalue("node")]}.get(
        name, [sys.executable]
    )
    (tmp_path / "call.mjs").write_text(text)

    assert str(0 + 7 + 20 + 3) in ran(tmp_path, *command, "call.mjs")


def test_gcloud_sends_the_same_body(filled_in):
    words = shlex.split(snippet(filled_in(), "gcloud").replace("\\\n", ""))

    assert words[:-1] == ["gcloud", "functions", "call", "batch", "--gen2", "--region=REGION"]
    assert json.loads(words[-1].removeprefix("--data=")) == {
        "instances": [dict(zip(NAMES.values(), CELLS, strict=True))]
    }


def test_gcloud_names_the_function_and_the_region_of_its_address(filled_in):
    tab = filled_in()
    addresses = {
        "https://europe-west1-my-project.cloudfunctions.net/houses-batch": "houses-batch europe-west1",
        "https://houses-batch-1234567.northamerica-northeast1.run.app/batch": "houses-batch northamerica-northeast1",
        "https://houses-batch-abc123-ew.a.run.app": "batch REGION",
        "nonsense": "batch REGION",
    }

    named = {}
    for address in addresses:
        tab.fill("#address", address)
        words = shlex.split(snippet(tab, "gcloud").replace("\\\n", ""))
        named[address] = f"{words[3]} {words[5].removeprefix('--region=')}"

    assert named == addresses


def test_sql_has_the_types_of_the_function_that_bigquery_has(visit):
    tab = visit("price")

    assert snippet(tab, "SQL") == (
        "SELECT `DATASET`.`price`(`age`, `colour`, `floor`, `late`, `when`) AS prediction\n"
        'FROM (SELECT\n  25 AS `age`,\n  "red" AS `colour`,\n  1 AS `floor`,\n  FALSE AS `late`,\n'
        '  TIMESTAMP "1970-01-01" AS `when`\n)\n'
    )
    tab.fill("#column-0", "")
    tab.fill("#column-1", "missing")
    assert "CAST(NULL AS FLOAT64) AS `age`,\n  CAST(NULL AS STRING) AS `colour`" in snippet(tab, "SQL")


def test_sql_names_arguments_as_the_function_of_bigquery_does_and_escapes_texts(filled_in):
    text = snippet(filled_in(), "SQL")

    names = [
        "`__script__img_src_x_onerror_alert_1_______7_7___x_`",
        "`__proto__`",
        "`a_b_c_d_e___touch_pwned___s__x___groe_`",
        "`_____script_`",
        "`_________DROP_TABLE_x____`",
    ]
    assert re.findall("AS (`[^`]*`)", text) == names
    assert text.count("`") == 4 + 4 * len(names)
    assert '"b\'l\\"u\\\\e\\n</script>" AS `__proto__`' in text


@pytest.mark.parametrize("name", ["curl", "Python", "pandas", "JavaScript"])
def test_a_call_of_a_private_function_carries_a_token(filled_in, tmp_path, name, request):
    """The token's way from gcloud to the function, which gets to see it in its header."""
    tab = filled_in()
    tab.click("#token")
    text = snippet(tab, name)

    assert (
        "Authorization: Bearer" in text
        or '"Authorization": f"Bearer {token}"' in text
        or "Authorization: `Bearer" in text
    )
    (tmp_path / "gcloud").write_text("#!/bin/sh\necho a-token\n")
    (tmp_path / "gcloud").chmod(0o755)
    (tmp_path / "call.mjs").write_text(text)
    command = {"curl": "bash", "JavaScript": name == "JavaScript" and request.getfixturevalue("node")}.get(
        name, sys.executable
    )
    path = f"PATH={tmp_path}:/usr/bin:/bin"

    assert str(PREDICTION) in ran(tmp_path, "env", path, "TOKEN=a-token", command, "call.mjs")


def test_the_calls_follow_the_form_and_the_address(filled_in):
    tab = filled_in()
    tab.fill("#column-0", "3.25e1")
    tab.fill("#address", "https://host/it's")

    text = snippet(tab, "curl")

    assert text.startswith("curl 'https://host/it'\\''s' \\\n")
    assert "3.25e1" in text


def test_a_copy_is_the_call_as_it_stands(browser, filled_in):
    tab = filled_in()
    browser.command("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    text = snippet(tab, "Python")

    tab.click("#copy")
    tab.until("document.querySelector('#copied').textContent")

    assert tab.text("#copied") == "Copied."
    assert tab.evaluate("navigator.clipboard.readText()") == text
    assert HOSTILE in text.replace('\\"', '"')
    assert tab.complaints() == []
