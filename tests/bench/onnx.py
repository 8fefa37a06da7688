"""Our side of the comparison with onnxruntime: a process in its environment that converts a model, and is timed there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from tests.bench.environments import LISTS, python_of


class ConversionError(Exception):
    """skl2onnx or onnxruntime refuses the model; the message is its own, in one line."""


class Onnx:
    """onnxruntime with one model at a time.

    Raises:
        MissingPeerError: It cannot be installed here.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.python = folder, python_of("onnx")
        command = [self.python, str(LISTS / "onnx_side.py")]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def convert(self, estimator: Any, rows: Any) -> Path:
        """Convert *estimator* and open it on *rows*; gives the model's file."""
        names = {name: str(self.folder / name) for name in ("estimator.joblib", "rows.joblib", "model.onnx")}
        joblib.dump(estimator, names["estimator.joblib"])
        joblib.dump(rows, names["rows.joblib"])
        self._ask(convert=names["estimator.joblib"], rows=names["rows.joblib"], to=names["model.onnx"])
        return Path(names["model.onnx"])

    def answers(self, rows: int) -> np.ndarray:
        """The answers to the first *rows* rows."""
        path = self.folder / "answers.npy"
        self._ask(answers=str(path), rows=rows)
        return np.load(path)

    def seconds(self, rows: int, times: int) -> float:
        """The median duration of *times* answers to the first *rows* rows."""
        return float(self._ask(seconds=rows, times=times)["seconds"])

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def _ask(self, **command: Any) -> dict[str, Any]:
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the process ended"}
        if "error" in answer:
            raise ConversionError(answer["error"].strip().splitlines()[0][:200])
        return answer
