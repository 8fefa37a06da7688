"""The tables of functions/README.md say what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus

import pytest

from functions.settings import Settings, read
from tests.support.parts import ROOT

README = (ROOT / "functions" / "README.md").read_text()


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose first cell is *heading*, without it."""
    _, _, rest = README.partition(f"| {heading} |")
    lines = rest.split("\n")[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[: lines.index("")]]


class Environment(Mapping[str, str]):
    """An environment that notes the variables that are read."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        if name == "MODEL_BUCKET":
            return "models"
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_every_setting_has_its_row():
    environment = Environment()

    read(environment)

    assert {variable.strip("`") for variable, _, _ in table("variable")} == environment.read


FIELDS = {
    "MODEL_NAME": "model",
    "MODEL_ALIAS": "alias",
    "MODEL_VERSION": "version",
    "MODEL_REFRESH_SECONDS": "refresh_seconds",
    "MAX_BODY_BYTES": "max_body_bytes",
    "CAPTURE": "capture",
    "CAPTURE_ROWS": "capture_rows",
    "GOOGLE_CLOUD_PROJECT": "project",
    "LOG_EXECUTION_ID": "log_execution_id",
}


@pytest.mark.parametrize("variable", sorted(FIELDS))
def test_every_default_is_the_one_in_the_code(variable):
    (default,) = [cells[1].strip("`") for cells in table("variable") if cells[0] == f"`{variable}`"]

    environ = {"MODEL_BUCKET": "models"} | ({} if default == "not set" else {variable: default})

    assert read(environ) == read({"MODEL_BUCKET": "models"}) == Settings("models")


def test_every_status_has_its_row():
    code = (ROOT / "functions" / "handling" / "replies.py").read_text()
    statuses = {HTTPStatus[name].value for name in re.findall(r"HTTPStatus\.([A-Z_]+)", code)}
    others = {int(number) for number in re.findall(r"^_[A-Z_]+ = ([0-9]{3})$", code, re.MULTILINE)}

    assert {int(status) for status, _ in table("status")} == statuses | others
