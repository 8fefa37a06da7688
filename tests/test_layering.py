"""The arrows of the house: which module may import which, and what the serving side may import at all."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from parts import ROOT

SERVING = {
    "schema": set(),
    "artifact": {"schema"},
    "predictor": {"artifact", "schema"},
    "payload": {"schema"},
    "settings": {"artifact"},
    "capture": {"schema"},
    "telemetry": set(),
    "loader": {"artifact", "predictor"},
    "main": {"capture", "loader", "payload", "settings", "telemetry"},
}
"""What each module of functions/ may import of its siblings."""

COMPOSING = {
    "inputs": {"config", "data", "registry", "validation"},
    "judging": {"data", "evaluation", "gate", "inputs", "rehearsal", "replay"},
    "pipeline": {"config", "data", "inputs", "judging", "training", "validation"},
    "cards": {"data", "inputs", "judging", "plots", "registry", "report"},
    "watching": {
        *("config", "divergence", "evaluation", "inputs", "labels", "lines", "monitoring", "plots", "registry"),
        *("report", "traffic", "windows"),
    },
    "data": {"divergence"},
    "monitoring": {"divergence"},
    "traffic": {"lines", "records", "windows"},
    "deciding": {"config", "data", "evaluation", "inputs", "registry", "retraining", "validation"},
}
"""What the modules of model/ that put others together may import of their siblings; the others import none."""

SHARED = {"functions.schema", "functions.artifact", "functions.predictor", "functions"}
"""What model/ may import of functions/."""


def imports(path: Path) -> list[tuple[int, str, list[str]]]:
    """Every import of a file: (level, module, names)."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(0, alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or "", [alias.name for alias in node.names]))
    return found


def siblings(path: Path) -> set[str]:
    """What a file imports by relative imports."""
    return {
        sibling
        for level, module, names in imports(path)
        if level
        for sibling in ([module.split(".")[0]] if module else names)
    }


def modules(folder: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / folder).glob("*.py"))


def test_every_module_of_the_serving_side_has_its_place():
    assert modules("functions") == sorted(SERVING)


@pytest.mark.parametrize("module", sorted(SERVING))
def test_arrows_of_the_serving_side_go_one_way(module):
    assert siblings(ROOT / "functions" / f"{module}.py") <= SERVING[module]


@pytest.mark.parametrize("module", sorted(SERVING))
def test_the_serving_side_imports_only_what_its_requirements_install(module):
    pinned = re.findall(r"^([a-z0-9-]+)==", (ROOT / "functions" / "requirements.txt").read_text(), re.MULTILINE)
    absolute = {name.split(".")[0] for level, name, _ in imports(ROOT / "functions" / f"{module}.py") if not level}
    third_party = absolute - sys.stdlib_module_names

    distributions = {
        distribution.lower().replace("_", "-")
        for package in third_party - {"google"}
        for distribution in packages_distributions()[package]
    }

    assert distributions <= set(pinned)
    assert "google" not in third_party or {"google-cloud-storage", "google-auth", "google-api-core"} <= set(pinned)


@pytest.mark.parametrize("module", sorted(SERVING))
def test_nothing_that_executes_what_it_loads_is_in_the_serving_side(module):
    text = (ROOT / "functions" / f"{module}.py").read_text()

    assert not re.search(r"\b(pickle|joblib|skops|marshal|shelve|eval|exec)\b", text)


@pytest.mark.parametrize("module", modules("model"))
def test_of_the_serving_side_the_model_side_imports_what_is_shared(module):
    used = {
        name if name != "functions" else f"functions.{imported}"
        for level, name, names in imports(ROOT / "model" / f"{module}.py")
        if not level and name.split(".")[0] == "functions"
        for imported in names
    }

    assert used <= SHARED


@pytest.mark.parametrize("module", sorted(set(modules("model")) - {"__main__"}))
def test_arrows_of_the_model_side_go_one_way(module):
    path = ROOT / "model" / f"{module}.py"

    assert siblings(path) <= COMPOSING.get(module, set())
    assert not any(name.split(".")[0] == "model" for _, name, _ in imports(path))
