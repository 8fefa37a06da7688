"""The process that serves: its settings at start, its threads before the fork, its imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.parts import ROOT


def test_the_process_that_forks_has_started_no_thread(production, serve):
    production()

    server = serve("batch")

    assert len(list(Path(f"/proc/{server.process.pid}/task").iterdir())) == 1


@pytest.mark.process
@pytest.mark.parametrize(
    ("environ", "message"),
    [
        pytest.param(
            {"MODEL_BUCKET": ""}, "MODEL_BUCKET must name the bucket that holds the model, it is not set", id="bucket"
        ),
        pytest.param(
            {"MODEL_REFRESH_SECONDS": "soon"},
            "MODEL_REFRESH_SECONDS must be a number of seconds from 0 (0 = never), got 'soon'",
            id="refresh",
        ),
    ],
)
def test_a_wrong_setting_ends_the_process_with_one_line(monkeypatch, environ, message):
    for name, value in {"MODEL_BUCKET": "any", **environ}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "functions_framework", "--source", "functions/main.py", "--target", "batch"]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stderr) == (1, f"{message}\n")


FRAMEWORKS = {"aiohttp", "bottle", "django", "falcon", "fastapi", "httpx", "quart", "sanic", "tornado"}


def test_a_serving_process_imports_nothing_heavy_and_no_second_framework(production, serve):
    production()
    server = serve("batch", PYTHONPROFILEIMPORTTIME="1")

    server.post({"instances": [0.5, None]})
    server.get("/[0.5,7]")

    lines = (line for line in server.log().splitlines() if line.startswith("import time:"))
    imported = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines}
    assert {"orjson", "starlette"} <= imported
    assert imported & {"sklearn", "scipy", "pandas", "pyarrow", "joblib", "pickle5", *FRAMEWORKS} == set()
    assert imported & {"numpy", "requests"} == set()  # a line, an emulator and few instances need neither
