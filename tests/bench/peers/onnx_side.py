"""The other side of the comparison with onnxruntime; runs in that environment alone, so it imports nothing of ours.

Reads commands from standard input, a line of JSON each, and answers each with a line of JSON:

    {"convert": estimator.joblib, "rows": rows.joblib, "to": model.onnx}   → {} or {"error": reason}
    {"answers": answers.npy, "rows": how many}                            → {}; the answers to the first rows
    {"seconds": number of rows, "times": how often}                       → {"seconds": median duration}
"""

from __future__ import annotations

import json
import statistics
import sys
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType


class Peer:
    def __init__(self) -> None:
        self.session, self.rows = None, {}

    def convert(self, estimator: str, rows: str, to: str) -> None:
        """Convert an estimator and open it on *rows*; in single precision where it does not run in double."""
        try:
            self._convert(joblib.load(estimator), joblib.load(rows), Path(to), DoubleTensorType, np.float64)
        except Exception:  # noqa: BLE001  trees do not
            self._convert(joblib.load(estimator), joblib.load(rows), Path(to), FloatTensorType, np.float32)

    def _convert(self, estimator, rows, to: Path, kind, dtype) -> None:
        if isinstance(rows, np.ndarray):
            kinds = [("x", kind([None, rows.shape[1]]))]
            self.rows = {"x": rows.astype(dtype)}
        else:
            kinds, self.rows = [], {}
            for name in rows.columns:
                text = rows[name].dtype.kind != "f"
                kinds.append((name, (StringTensorType if text else kind)([None, 1])))
                cells = rows[name].to_numpy(object if text else dtype)
                self.rows[name] = cells.reshape(-1, 1)
        to.write_bytes(to_onnx(estimator, initial_types=kinds).SerializeToString())
        self.session = onnxruntime.InferenceSession(str(to), providers=["CPUExecutionProvider"])

    def ask(self, count: int):
        return self.session.run(None, {name: rows[:count] for name, rows in self.rows.items()})[0]

    def seconds(self, count: int, times: int) -> float:
        part = {name: rows[:count] for name, rows in self.rows.items()}
        durations = []
        for _ in range(times):
            began = time.perf_counter()
            self.session.run(None, part)
            durations.append(time.perf_counter() - began)
        return statistics.median(durations)

    def answer(self, command: dict) -> dict:
        if "convert" in command:
            self.convert(command["convert"], command["rows"], command["to"])
            return {}
        if "answers" in command:
            np.save(command["answers"], np.asarray(self.ask(command["rows"]), np.float64).ravel())
            return {}
        return {"seconds": self.seconds(command["seconds"], command["times"])}


def main() -> None:
    warnings.simplefilter("ignore")
    peer = Peer()
    for line in sys.stdin:
        try:
            answer = peer.answer(json.loads(line))
        except Exception as error:  # noqa: BLE001  the other side says what cannot be converted
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
