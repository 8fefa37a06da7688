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
    "columns.__init__": set(),
    "handling.__init__": set(),
    "processes.__init__": set(),
    "protocols.parts.__init__": set(),
    "problems": set(),
    "columns.feature": set(),
    "columns.arrays": set(),
    "columns.rows": {"columns.feature"},
    "columns.table": {"columns.arrays", "problems"},
    "columns.times": {"columns.arrays", "columns.feature", "columns.table"},
    "columns.naming": {"columns.feature", "problems"},
    "columns.text_cells": {"columns.feature"},
    "columns.csv_text": {"columns.text_cells"},
    "protocols.parts.csv_body": {"columns.csv_text", "problems"},
    "columns.cells": {"columns.arrays", "columns.feature", "problems", "columns.table", "columns.times"},
    "columns.places": {"columns.arrays", "columns.feature", "columns.table"},
    "columns.schema": {
        "columns.arrays",
        "columns.rows",
        "columns.cells",
        "columns.feature",
        "columns.naming",
        "columns.places",
        "problems",
        "columns.table",
    },
    "entries": {"columns.feature", "problems"},
    "artifact": {"entries", "columns.feature", "problems"},
    "predictor": {
        "columns.arrays",
        "artifact",
        "columns.feature",
        "columns.rows",
        "runtimes",
        "columns.schema",
        "columns.table",
        "columns.times",
    },
    "exchange": {"columns.rows", "columns.schema", "columns.table"},
    "flags": {
        "columns.arrays",
        "columns.rows",
        "exchange",
        "columns.feature",
        "columns.places",
        "columns.schema",
        "columns.times",
    },
    "protocols.parts.strict_json": {"columns.schema"},
    "protocols.parts.tensors": {
        "protocols.parts.binary_tensors",
        "exchange",
        "protocols.parts.packed_texts",
        "problems",
        "columns.schema",
    },
    "protocols.parts.binary_tensors": {"exchange", "problems"},
    "protocols.parts.packed_texts": {"problems"},
    "protocols.parts.misdirected": {"columns.schema", "exchange", "problems", "protocols.parts.strict_json"},
    "protocols.parts.gaps": {"columns.schema", "problems"},
    "protocols.parts.number_tensors": {
        *("columns.arrays", "exchange", "columns.feature", "columns.table", "protocols.parts.tensors"),
    },
    "protocols.parts.outputs": {"problems", "columns.schema"},
    "protocols.parts.leading": {"problems", "columns.schema"},
    "handling.metadata": {"artifact", "columns.feature", "columns.times"},
    "runtimes.__init__": {"entries"},
    "runtimes.linear": {"columns.arrays", "columns.rows", "entries", "problems", "columns.table"},
    "beside": {"artifact", "columns.naming", "problems"},
    "leniency": {"exchange", "flags", "predictor", "problems", "columns.schema"},
    "handling.coding": {"problems"},
    "processes.cores": set(),
    "processes.forked": set(),
    "processes.divided": {"artifact", "processes.forked", "predictor", "problems", "runtimes", "columns.table"},
    "handling.asked": {
        "handling.body",
        "exchange",
        "handling.prediction",
        "predictor",
        "handling.replies",
        "handling.router",
        "telemetry.record",
    },
    "handling.large": {
        *(
            "handling.asked",
            "handling.coding",
            "processes.cores",
            "processes.divided",
            "exchange",
            "processes.forked",
            "predictor",
            "handling.replies",
            "handling.response",
        ),
        "telemetry.log",
    },
    "protocols.parts.bounds": {"columns.arrays", "exchange", "protocols.parts.leading", "problems", "columns.schema"},
    "protocols.parts.questions": {"exchange", "protocols.parts.keys", "columns.rows", "columns.schema"},
    "protocols.parts.path_values": {"protocols.parts.bounds", "columns.schema", "protocols.parts.strict_json"},
    "protocols.parts.row_names": {"columns.arrays", "exchange", "columns.schema", "protocols.parts.strict_json"},
    "openapi.document": {"artifact", "openapi.answers", "openapi.bodies", "openapi.columns", "openapi.paths"},
    "openapi.answers": {"artifact", "openapi.columns"},
    "openapi.bodies": {"artifact", "columns.feature", "openapi.columns", "protocols.parts.tensors"},
    "openapi.columns": {"columns.feature", "columns.times"},
    "openapi.examples": {"artifact", "columns.feature", "openapi.bodies", "openapi.columns"},
    "openapi.paths": {"artifact", "openapi.answers", "openapi.bodies", "openapi.columns", "openapi.examples"},
    "handling.cors": set(),
    "protocols.parts.keys": {"problems"},
    "protocols.parts.repeats": {"columns.arrays", "problems", "protocols.parts.strict_json"},
    "protocols.delimited": {
        *("protocols.parts.gaps", "protocols.parts.leading", "protocols.parts.misdirected"),
        *(
            "protocols.parts.bounds",
            "protocols.parts.csv_body",
            "columns.csv_text",
            "exchange",
            "columns.naming",
            "problems",
            "protocols.instances",
            "protocols.parts.questions",
        ),
        *("columns.schema", "columns.text_cells"),
    },
    "protocols.json_lines": {
        *("protocols.parts.gaps", "protocols.parts.misdirected"),
        *(
            "protocols.parts.bounds",
            "exchange",
            "protocols.parts.leading",
            "problems",
            "protocols.instances",
            "protocols.parts.questions",
            "protocols.parts.repeats",
            "columns.schema",
        ),
        *("protocols.parts.strict_json", "columns.text_cells"),
    },
    "protocols.npy": {
        "protocols.parts.number_tensors",
        "protocols.parts.bounds",
        "protocols.parts.gaps",
        "protocols.parts.keys",
        "exchange",
        "problems",
        "protocols.instances",
        "protocols.parts.questions",
        "columns.schema",
    },
    "protocols.bigquery": {
        "protocols.parts.keys",
        *(
            "protocols.parts.bounds",
            "exchange",
            "leniency",
            "problems",
            "protocols.parts.questions",
            "protocols.parts.repeats",
            "columns.schema",
            "protocols.parts.strict_json",
        ),
    },
    "protocols.frames": {
        *("protocols.parts.keys", "protocols.parts.leading", "protocols.parts.misdirected"),
        *(
            "protocols.parts.bounds",
            "exchange",
            "columns.naming",
            "problems",
            "protocols.instances",
            "protocols.parts.questions",
            "protocols.parts.repeats",
            "columns.schema",
        ),
        "protocols.parts.strict_json",
    },
    "protocols.instances": {
        *(
            "columns.arrays",
            "protocols.parts.bounds",
            "exchange",
            "protocols.parts.keys",
            "protocols.parts.leading",
            "protocols.parts.path_values",
            "protocols.parts.questions",
            "protocols.parts.row_names",
            "columns.schema",
        ),
        *("columns.naming", "protocols.parts.strict_json"),
    },
    "protocols.kserve": {"exchange", "protocols.frames", "protocols.instances", "columns.schema"},
    "protocols.open_inference": {
        *("protocols.parts.gaps", "protocols.parts.keys", "protocols.parts.misdirected"),
        *(
            "protocols.parts.bounds",
            "exchange",
            "problems",
            "protocols.frames",
            "protocols.parts.questions",
            "protocols.parts.repeats",
            "columns.schema",
            "protocols.parts.strict_json",
        ),
        *(
            "protocols.parts.tensors",
            "protocols.parts.outputs",
            "protocols.parts.binary_tensors",
            "protocols.parts.number_tensors",
        ),
    },
    "handling.router": {"exchange", "problems"},
    "settings": {"artifact"},
    "storage.values": set(),
    "storage.answer": {"storage.values"},
    "storage.token": {"storage.answer", "storage.values"},
    "storage.plain": {"storage.answer", "storage.token", "storage.values"},
    "storage.client": {"storage.values"},
    "bucket": {"artifact", "storage.client", "storage.plain", "storage.token", "storage.values"},
    "handling.long_addresses": set(),
    "loader": {"artifact", "bucket", "predictor"},
    "telemetry.trace": set(),
    "telemetry.log": {"telemetry.trace"},
    "telemetry.rows": {"columns.rows", "columns.feature", "protocols.parts.leading", "columns.table", "columns.times"},
    "telemetry.record": {"columns.feature", "columns.rows", "columns.schema", "columns.table", "telemetry.rows"},
    "handling.replies": {"exchange", "handling.router", "columns.schema"},
    "handling.body": {"handling.coding", "handling.replies", "columns.schema"},
    "handling.response": {"handling.coding", "handling.cors", "exchange", "handling.replies"},
    "handling.resources": {
        "exchange",
        "handling.metadata",
        "openapi.document",
        "page.page",
        "handling.replies",
        "handling.router",
    },
    "page.page": {"artifact", "entries", "exchange", "columns.feature", "handling.metadata", "columns.times"},
    "handling.prediction": {
        *(
            "beside",
            "exchange",
            "flags",
            "protocols.parts.misdirected",
            "leniency",
            "predictor",
            "handling.router",
            "runtimes",
            "columns.schema",
            "telemetry.record",
        ),
    },
    "handling.few": {"columns.feature", "columns.rows", "exchange", "predictor", "telemetry.record"},
    "handling.answering": {
        *("handling.asked", "handling.few", "handling.large"),
        *(
            "handling.body",
            "exchange",
            "loader",
            "handling.prediction",
            "predictor",
            "handling.replies",
            "handling.resources",
            "handling.response",
            "handling.router",
        ),
        *("columns.schema", "settings", "telemetry.log", "telemetry.record"),
    },
    "main": {"handling.answering", "bucket", "loader", "handling.long_addresses", "settings", "telemetry.log"},
}
"""Which siblings each module of functions/ may import."""

SERVING |= {
    f"runtimes.graph.{module}": {
        {"artifact": "artifact", "problems": "problems", "schema": "columns.schema", "table": "columns.table"}.get(
            name, f"runtimes.graph.{name}"
        )
        for name in names
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
        *("columns.schema", "columns.table", "columns.times", "artifact", "predictor", "runtimes", "storage.client"),
        *("columns.csv_text", "columns.text_cells"),
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
