"""The arrows of the house: which module may import which, and which packages the serving side may import."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.parts import ROOT

GRAPH = {
    "__init__": set(),
    "arithmetic": {"schema", "single", "step"},
    "block": {"artifact"},
    "columns": {"schema", "step", "table"},
    "densities": {"schema", "step"},
    "forest": {"step"},
    "intervals": {"schema", "step"},
    "kernels": {"step"},
    "load": {"artifact", "block", "operators", "problems", "step", "table"},
    "masks": {"forest", "step"},
    "matrices": {"step", "table"},
    "neighbours": {"kernels", "problems", "step"},
    "operators": {
        *("arithmetic", "columns", "densities", "intervals", "kernels", "matrices", "neighbours", "powers"),
        *("step", "trees", "votes"),
    },
    "powers": {"step"},
    "reach": {"forest", "masks", "step", "walk"},
    "single": {"step"},
    "step": {"artifact"},
    "trees": {"forest", "reach", "step"},
    "votes": {"step"},
    "walk": {"forest", "step"},
}
"""Which modules each module of functions/runtimes/graph may import: its siblings by their own names."""

SERVING = {
    "problems": set(),
    "feature": set(),
    "arrays": set(),
    "rows": {"feature"},
    "table": {"arrays", "problems"},
    "times": {"arrays", "feature", "table"},
    "naming": {"feature", "problems"},
    "text_cells": {"feature"},
    "csv_text": {"text_cells"},
    "csv_body": {"csv_text", "problems"},
    "cells": {"arrays", "feature", "problems", "table", "times"},
    "places": {"arrays", "feature", "table"},
    "schema": {"arrays", "rows", "cells", "feature", "naming", "places", "problems", "table"},
    "entries": {"feature", "problems"},
    "artifact": {"entries", "feature", "problems"},
    "predictor": {"arrays", "artifact", "feature", "rows", "runtimes", "schema", "table", "times"},
    "exchange": {"rows", "schema", "table"},
    "flags": {"arrays", "rows", "exchange", "feature", "places", "schema", "times"},
    "strict_json": {"schema"},
    "tensors": {"binary_tensors", "exchange", "packed_texts", "problems", "schema"},
    "binary_tensors": {"exchange", "problems"},
    "packed_texts": {"problems"},
    "number_tensors": {"exchange", "feature", "table", "tensors"},
    "outputs": {"problems", "schema"},
    "leading": {"problems", "schema"},
    "metadata": {"artifact", "feature", "times"},
    "runtimes.__init__": {"entries"},
    "runtimes.linear": {"arrays", "rows", "entries", "problems", "table"},
    "leniency": {"exchange", "flags", "predictor", "problems", "schema"},
    "coding": {"problems"},
    "cores": set(),
    "forked": set(),
    "divided": {"artifact", "forked", "predictor", "problems", "runtimes", "table"},
    "asked": {"body", "exchange", "prediction", "predictor", "replies", "router", "telemetry.record"},
    "large": {
        *("asked", "coding", "cores", "divided", "exchange", "forked", "predictor", "replies", "response"),
        "telemetry.log",
    },
    "bounds": {"arrays", "exchange", "leading", "problems", "schema"},
    "questions": {"exchange", "keys", "rows", "schema"},
    "path_values": {"bounds", "schema", "strict_json"},
    "row_names": {"arrays", "exchange", "schema", "strict_json"},
    "openapi.document": {"artifact", "openapi.answers", "openapi.bodies", "openapi.columns", "openapi.paths"},
    "openapi.answers": {"artifact", "openapi.columns"},
    "openapi.bodies": {"artifact", "feature", "openapi.columns", "tensors"},
    "openapi.columns": {"feature", "times"},
    "openapi.examples": {"artifact", "feature", "openapi.bodies", "openapi.columns"},
    "openapi.paths": {"artifact", "openapi.answers", "openapi.bodies", "openapi.columns", "openapi.examples"},
    "cors": set(),
    "keys": {"problems"},
    "repeats": {"problems", "strict_json"},
    "protocols.delimited": {
        "leading",
        *("bounds", "csv_body", "csv_text", "exchange", "naming", "problems", "protocols.instances", "questions"),
        *("schema", "text_cells"),
    },
    "protocols.json_lines": {
        *("bounds", "exchange", "leading", "problems", "protocols.instances", "questions", "repeats", "schema"),
        *("strict_json", "text_cells"),
    },
    "protocols.npy": {"bounds", "exchange", "problems", "protocols.instances", "questions", "schema"},
    "protocols.bigquery": {
        *("bounds", "exchange", "leniency", "problems", "questions", "repeats", "schema", "strict_json"),
    },
    "protocols.frames": {
        *("keys", "leading"),
        *("bounds", "exchange", "naming", "problems", "protocols.instances", "questions", "repeats", "schema"),
        "strict_json",
    },
    "protocols.instances": {
        *("arrays", "bounds", "exchange", "keys", "leading", "path_values", "questions", "row_names", "schema"),
        *("naming", "strict_json"),
    },
    "protocols.kserve": {"exchange", "protocols.frames", "protocols.instances", "schema"},
    "protocols.open_inference": {
        "keys",
        *("bounds", "exchange", "problems", "protocols.frames", "questions", "repeats", "schema", "strict_json"),
        *("tensors", "outputs", "binary_tensors", "number_tensors"),
    },
    "router": {"exchange", "problems"},
    "settings": {"artifact"},
    "storage.values": set(),
    "storage.answer": {"storage.values"},
    "storage.token": {"storage.answer", "storage.values"},
    "storage.plain": {"storage.answer", "storage.token", "storage.values"},
    "storage.client": {"storage.values"},
    "bucket": {"artifact", "storage.client", "storage.plain", "storage.token", "storage.values"},
    "long_addresses": set(),
    "loader": {"artifact", "bucket", "predictor"},
    "telemetry.trace": set(),
    "telemetry.log": {"telemetry.trace"},
    "telemetry.rows": {"rows", "feature", "leading", "table", "times"},
    "telemetry.record": {"feature", "rows", "schema", "table", "telemetry.rows"},
    "replies": {"exchange", "router", "schema"},
    "body": {"coding", "replies", "schema"},
    "response": {"coding", "cors", "exchange", "replies"},
    "resources": {"exchange", "metadata", "openapi.document", "page.page", "replies", "router"},
    "page.page": {"artifact", "entries", "exchange", "feature", "metadata", "times"},
    "prediction": {
        *("exchange", "flags", "leniency", "predictor", "router", "runtimes", "schema", "telemetry.record"),
    },
    "answering": {
        *("asked", "large"),
        *("body", "exchange", "loader", "prediction", "predictor", "replies", "resources", "response", "router"),
        *("schema", "settings", "telemetry.log", "telemetry.record"),
    },
    "main": {"answering", "bucket", "loader", "long_addresses", "settings", "telemetry.log"},
}
"""Which siblings each module of functions/ may import."""

SERVING |= {
    f"runtimes.graph.{module}": {
        name if name in {"artifact", "problems", "schema", "table"} else f"runtimes.graph.{name}" for name in names
    }
    for module, names in GRAPH.items()
}

ROOMS = {"data", "training", "evaluation", "infra_validation", "registry", "monitoring", "reports"}
"""Rooms of model/: they import their own modules, config.py, errors.py and formatting.py, and none of the other rooms."""

ACROSS = {
    ("monitoring", "data.drift"),
    ("monitoring", "data.cells"),
    ("monitoring", "data.findings"),
    ("monitoring", "data.formats"),
    ("monitoring", "data.quotes"),
    ("monitoring", "data.hashing"),
    ("monitoring", "data.sources"),
    ("monitoring", "data.statistics"),
}
"""The exceptions: a room, and the module of another room that it may import."""

SHARED = {
    f"functions.{module}"
    for module in (
        *("schema", "table", "times", "artifact", "predictor", "runtimes", "storage.client"),
        *("csv_text", "text_cells"),
    )
}
"""Modules of functions/ that model/ may import."""


@cache
def imported(path: Path) -> set[str]:
    """Every module that a file imports, by its full name from the root; names are added to `from package import name`."""
    place = path.relative_to(ROOT).with_suffix("").parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = [*place[: -node.level], *([node.module] if node.module else [])] if node.level else [node.module]
            base = ".".join(start)
            inside = {f"{base}.{alias.name}" for alias in node.names}
            modules = {name for name in inside if (ROOT / name.replace(".", "/")).with_suffix(".py").exists()}
            found |= modules or {base}
    return found


def modules(folder: str) -> list[str]:
    """Dotted names of all modules below *folder*, without it."""
    return sorted(
        ".".join(path.relative_to(ROOT / folder).with_suffix("").parts) for path in (ROOT / folder).rglob("*.py")
    )


def file_of(folder: str, module: str) -> Path:
    return (ROOT / folder / module.replace(".", "/")).with_suffix(".py")


def siblings(folder: str, module: str) -> set[str]:
    return {
        name.removeprefix(f"{folder}.") for name in imported(file_of(folder, module)) if name.startswith(f"{folder}.")
    }


@cache
def installed() -> Mapping[str, list[str]]:
    """The distributions of each package."""
    return packages_distributions()


def test_every_module_of_the_serving_side_has_its_place():
    assert modules("functions") == sorted(SERVING)


@pytest.mark.parametrize("module", sorted(SERVING))
def test_arrows_of_the_serving_side_go_one_way(module):
    assert siblings("functions", module) <= SERVING[module]


@pytest.mark.parametrize("module", sorted(SERVING))
def test_the_serving_side_imports_its_own_modules_by_relative_imports(module):
    absolute = [
        node
        for node in ast.walk(ast.parse(file_of("functions", module).read_text()))
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] == "functions"
    ]

    assert absolute == []


@pytest.mark.parametrize("module", sorted(SERVING))
def test_the_serving_side_imports_only_what_its_requirements_install(module):
    pinned = re.findall(r"^([a-z0-9-]+)==", (ROOT / "functions" / "requirements.txt").read_text(), re.MULTILINE)
    packages = {name.split(".")[0] for name in imported(file_of("functions", module))} - {"functions"}
    third_party = packages - sys.stdlib_module_names

    distributions = {
        distribution.lower().replace("_", "-")
        for package in third_party - {"google"}
        for distribution in installed()[package]
    }

    assert distributions <= set(pinned)
    assert "google" not in third_party or {"google-cloud-storage", "google-auth", "google-api-core"} <= set(pinned)


@pytest.mark.parametrize("module", sorted(SERVING))
def test_nothing_that_executes_what_it_loads_is_in_the_serving_side(module):
    text = file_of("functions", module).read_text()

    assert not re.search(r"\b(pickle|joblib|skops|marshal|shelve|eval|exec)\b", text)


@pytest.mark.parametrize("module", modules("model"))
def test_the_model_side_imports_only_the_shared_part_of_the_serving_side(module):
    used = {name for name in imported(file_of("model", module)) if name.split(".")[0] == "functions"}

    assert {name for name in used if not name.startswith(tuple(SHARED))} == set()


def allowed(module: str) -> set[str]:
    """Prefixes of the modules of model/ that *module* may import: main → cli → workflows → rooms."""
    room, _, _ = module.partition(".")
    base = {"config", "errors", "formatting"}
    if module == "__main__":
        return {"cli."}
    if module == "__init__":
        return {"workflows."}
    if room == "cli":
        return base | {"cli.", "workflows."} | {f"{name}." for name in ROOMS}
    if room == "workflows":
        return base | {"workflows."} | {f"{name}." for name in ROOMS}
    if room in ROOMS:
        return base | {f"{room}."} | {name for of, name in ACROSS if of == room}
    return base - {module} if module in {"config", "formatting"} else set()


@pytest.mark.parametrize("module", modules("model"))
def test_arrows_of_the_model_side_go_one_way(module):
    wrong = {name for name in siblings("model", module) if not name.startswith(tuple(allowed(module)))}

    assert wrong == set()


@pytest.mark.parametrize("folder", ["functions", "model"])
def test_no_modules_import_each_other_in_a_circle(folder):
    arrows = {module: siblings(folder, module) for module in modules(folder)}
    while leaves := {module for module, targets in arrows.items() if not targets & arrows.keys()}:
        arrows = {module: targets for module, targets in arrows.items() if module not in leaves}

    assert arrows == {}
