"""How others serve a model: what a person types and writes, and how each is asked.

A new one is a row in RIVALS, a list of packages in tests/bench/peers and, where it needs one, an app for each model in
the folders beside them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench.environments import LISTS
from tests.bench.tables import TEXTS, Row

RATE_GOAL = 5.0
"""How many times the requests a second of each other server ours are to be at least, with a line."""


@dataclass(frozen=True)
class Rival:
    """A server of others.

    Args:
        start: Its command line; `{bin}` is the folder of its environment's commands, `{port}` the port.
        path: Where it is asked.
        body: Rows as it takes them.
        answers: The predictions out of its answer.
        prepare: A command line that must have run once before.
        app: The file that a person writes for it; there is one for each model in tests/bench/peers.
        files: Other files that a person writes, by name.
        loads: How the model comes into its process.
        start_goal: How many times our cold start with a line its own is to take at least.
        named: It hands a table with names to the model, also where all its columns are numbers.
    """

    name: str
    start: str
    path: str
    body: Callable[[Sequence[Row]], Any]
    answers: Callable[[Any], list[Any]]
    loads: str
    prepare: str = ""
    app: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    named: bool = False
    start_goal: float = 6.0

    @property
    def commands(self) -> int:
        """What is typed between the file and the answer: install, prepare, start, ask."""
        return 3 + bool(self.prepare)

    def lines(self) -> int:
        """Lines that a person writes for it to serve the pipeline, but for empty ones."""
        texts = [*self.files.values(), (LISTS / "penguins" / self.app).read_text() if self.app else ""]
        return sum(bool(line.strip()) for text in texts for line in text.splitlines())


def by_column(rows: Sequence[Row]) -> dict[str, Any]:
    """The inference protocol version 2: a tensor, or with the codec that makes a DataFrame."""
    first = rows[0]
    if not isinstance(first, Mapping):
        return {"inputs": [{"name": "rows", "shape": [len(rows), len(first)], "datatype": "FP64", "data": list(rows)}]}
    inputs = []
    for name in first:
        text = name in TEXTS
        inputs.append(
            {
                "name": name,
                "shape": [len(rows), 1],
                "datatype": "BYTES" if text else "FP64",
                "data": [row[name] for row in rows],
                **({"parameters": {"content_type": "str"}} if text else {}),
            }
        )
    return {"parameters": {"content_type": "pd"}, "inputs": inputs}


def by_name(rows: Sequence[Row]) -> list[Row]:
    """As vetiver takes them, by the names of its prototype."""
    return [row if isinstance(row, Mapping) else {"bmi": row[0]} for row in rows]


def records_or_inputs(rows: Sequence[Row]) -> dict[str, Any]:
    """As MLflow takes them."""
    return {"dataframe_records" if isinstance(rows[0], Mapping) else "inputs": list(rows)}


def listed(rows: Sequence[Row]) -> list[Row]:
    return list(rows)


RIVALS = {
    "flask": Rival(
        "Flask, gunicorn, joblib",
        "{bin}/gunicorn --workers 1 --threads 8 --bind 127.0.0.1:{port} flask_app:app",
        "/predict",
        listed,
        lambda said: said["predictions"],
        "joblib.load",
        app="flask_app.py",
        start_goal=4.0,
    ),
    "vetiver": Rival(
        "vetiver",
        "{bin}/uvicorn --host 127.0.0.1 --port {port} vetiver_app:app",
        "/predict",
        by_name,
        lambda said: said["predict"],
        "joblib.load",
        app="vetiver_app.py",
        named=True,
    ),
    "litserve": Rival(
        "LitServe",
        "{bin}/python litserve_app.py",
        "/predict",
        listed,
        lambda said: said,
        "joblib.load",
        app="litserve_app.py",
    ),
    "bentoml": Rival(
        "BentoML",
        "{bin}/bentoml serve bentoml_app:Service --host 127.0.0.1 --port {port}",
        "/predict",
        lambda rows: {"rows": list(rows)},
        lambda said: said,
        "joblib.load",
        app="bentoml_app.py",
    ),
    "mlserver": Rival(
        "MLServer",
        "{bin}/mlserver start .",
        "/v2/models/served/infer",
        by_column,
        lambda said: said["outputs"][0]["data"],
        "joblib.load",
        files={
            "model-settings.json": json.dumps(
                {
                    "name": "served",
                    "implementation": "mlserver_sklearn.SKLearnModel",
                    "parameters": {"uri": "./model.joblib"},
                }
            ),
            "settings.json": json.dumps({"parallel_workers": 0, "debug": False}),
        },
    ),
    "mlflow": Rival(
        "MLflow",
        "{bin}/mlflow models serve --model-uri saved --env-manager local --workers 1 --port {port}",
        "/invocations",
        records_or_inputs,
        lambda said: said["predictions"],
        "cloudpickle",
        prepare="{bin}/python mlflow_save.py",
        app="mlflow_save.py",
    ),
}
