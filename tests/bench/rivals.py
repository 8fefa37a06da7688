"""How others serve one pipeline: what a person types and writes, and how each is asked.

A new one is a row in RIVALS, a list of packages in tests/bench/peers and, where it needs one, an app beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TEXTS = ("species", "island", "sex")

Row = Mapping[str, Any]
"""Cells by column, None where one is missing."""


@dataclass(frozen=True)
class Rival:
    """A server of others.

    Args:
        start: Its command line; `{bin}` is the folder of its environment's commands, `{port}` the port.
        path: Where it is asked.
        body: Rows as it takes them.
        answers: The predictions out of its answer.
        prepare: A command line that must have run once before.
        app: The file in tests/bench/peers that a person writes for it.
        files: Other files that a person writes, by name.
        loads: How the pipeline comes into its process.
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

    @property
    def commands(self) -> int:
        """What is typed between the file and the answer: install, prepare, start, ask."""
        return 3 + bool(self.prepare)


def by_column(rows: Sequence[Row]) -> dict[str, Any]:
    """The inference protocol version 2, with the codec that makes a DataFrame."""
    inputs = []
    for name in rows[0]:
        cells = [row[name] for row in rows]
        text = name in TEXTS
        inputs.append(
            {
                "name": name,
                "shape": [len(rows), 1],
                "datatype": "BYTES" if text else "FP64",
                "data": cells,
                **({"parameters": {"content_type": "str"}} if text else {}),
            }
        )
    return {"parameters": {"content_type": "pd"}, "inputs": inputs}


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
    ),
    "vetiver": Rival(
        "vetiver",
        "{bin}/uvicorn --host 127.0.0.1 --port {port} vetiver_app:app",
        "/predict",
        listed,
        lambda said: said["predict"],
        "joblib.load",
        app="vetiver_app.py",
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
        "{bin}/bentoml serve bentoml_app:Penguins --host 127.0.0.1 --port {port}",
        "/predict",
        lambda rows: {"rows": list(rows)},
        lambda said: said,
        "joblib.load",
        app="bentoml_app.py",
    ),
    "mlserver": Rival(
        "MLServer",
        "{bin}/mlserver start .",
        "/v2/models/penguins/infer",
        by_column,
        lambda said: said["outputs"][0]["data"],
        "joblib.load",
        files={
            "model-settings.json": json.dumps(
                {
                    "name": "penguins",
                    "implementation": "mlserver_sklearn.SKLearnModel",
                    "parameters": {"uri": "./pipeline.joblib"},
                }
            ),
            "settings.json": json.dumps({"parallel_workers": 0}),
        },
    ),
    "mlflow": Rival(
        "MLflow",
        "{bin}/mlflow models serve --model-uri saved --env-manager local --workers 1 --port {port}",
        "/invocations",
        lambda rows: {"dataframe_records": list(rows)},
        lambda said: said["predictions"],
        "cloudpickle",
        prepare="{bin}/python mlflow_save.py",
        app="mlflow_save.py",
    ),
}
