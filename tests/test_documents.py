"""The documents: links lead somewhere, tables say the same as the code, words are plain."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from model import errors
from model.data import remedies
from tests.support.parts import ROOT

DOCUMENTS = sorted(path for path in ROOT.rglob("*.md") if not {".venv", ".local"} & set(path.relative_to(ROOT).parts))
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


def prose(path: Path) -> str:
    """The text without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """Addresses of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table(path: Path, heading: str) -> list[list[str]]:
    """Cells of the rows of the first table whose first cell is *heading*, which is left out."""
    _, _, rest = path.read_text().partition(f"\n| {heading} |")
    lines = rest.split("\n")[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines[: lines.index("")]]


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_link_leads_to_a_file_and_a_heading(document):
    links = [link.partition("#") for link in re.findall(r"\]\(([^)]+)\)", prose(document)) if "://" not in link]
    targets = [((document.parent / path).resolve() if path else document, anchor) for path, _, anchor in links]

    assert [path for path, _ in targets if not path.exists()] == []
    assert [(path.name, anchor) for path, anchor in targets if anchor and anchor not in anchors(path)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_no_document_names_a_path_of_one_machine(document):
    assert re.findall(r"(?<![\w.])/(?:tmp|home|root|work|Users)/\S*", document.read_text()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_sentences_begin_with_their_subject(document):
    assert re.findall(r"(?:^|[.!?:;]\s+|\n\s*\n|\|\s*)((?:Of|What|Whoever)\b.{0,40})", prose(document)) == []


def test_the_first_page_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) < 250


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_file_that_is_named_exists(document):
    named = re.findall(r"`((?:functions|model|deploy|tests)/[\w/.-]+)`", (ROOT / document).read_text())

    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_exit_code_is_the_one_of_its_class():
    classes = {"`OperatorError`": 1, "`UsageError`": 2, "`RefusedError`": 3}
    codes = {name: getattr(errors, name.strip("`")).exit_code for name in classes}

    rows = table(ROOT / "model" / "README.md", "exit code")

    assert {error: int(code) for code, _, error in rows if error} == codes == classes


@pytest.mark.process
def test_every_verb_has_its_row():
    command = [sys.executable, "-m", "model", "--help"]
    help_text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    verbs = re.findall(r"^    ([a-z]+)  ", help_text, re.MULTILINE)

    cells = [cells[0] for cells in table(ROOT / "model" / "README.md", "verb")]

    assert sorted({verb for cell in cells for verb in re.findall(r"`([a-z]+)", cell)}) == sorted(verbs)


def deployment_settings() -> dict[str, str]:
    """Default of each setting of a deployment, empty where there is none."""
    script = 'source deploy/settings.sh; settings | while read -r name default _; do echo "$name=${default#-}"; done'
    printed = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in printed.splitlines())


@pytest.mark.process
def test_every_setting_of_a_deployment_has_its_row_and_default():
    documented = {}
    for names, defaults, _ in table(ROOT / "deploy" / "README.md", "variable"):
        variables = re.findall(r"`([A-Z_]+)`", names)
        values = [value.strip("` ") for value in defaults.split(",")]
        documented |= dict(zip(variables, values * (len(variables) if len(values) == 1 else 1), strict=True))
    code = deployment_settings()
    derived = {name for name, default in documented.items() if "PROJECT_ID" in default or "gcloud" in default}

    assert sorted(documented) == sorted(code)
    assert {name: documented[name] for name in code if name not in derived} == {
        name: default for name, default in code.items() if name not in derived
    }
    assert {name: code[name] for name in derived} == dict.fromkeys(derived, "")


def test_every_finding_of_validation_has_its_row_and_severity():
    documented = {}
    for codes, severity, _ in table(ROOT / "model" / "README.md", "finding"):
        documented |= dict.fromkeys(re.findall(r"`([a-z-]+)`", codes), severity)

    assert documented == {code: "warning" if code in remedies.WARNINGS else "error" for code in remedies.REMEDIES}


@pytest.mark.parametrize(
    ("room", "pattern", "heading"),
    [
        pytest.param("deploy", "*.sh", "file", id="deploy"),
        pytest.param("model/monitoring", "*.py", "module", id="monitoring"),
    ],
)
def test_every_file_of_the_room_has_its_question(room, pattern, heading):
    files = {path.name for path in (ROOT / room).glob(pattern)}

    named = {
        name for cell, _ in table(ROOT / room / "README.md", heading) for name in re.findall(r"`([a-z_.]+)`", cell)
    }

    assert files <= named | {f"{name}.py" for name in named}


def test_every_room_of_the_model_side_has_its_question():
    rooms = {path.parent.name for path in (ROOT / "model").glob("*/*.py")}

    assert {room.strip("`/") for room, _ in table(ROOT / "model" / "README.md", "room")} == rooms
