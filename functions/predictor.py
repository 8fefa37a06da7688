"""A manifest and its arrays become a model that has reproduced its golden answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from . import runtimes
from .artifact import ARRAYS, ArtifactError, Manifest
from .columns import arrays as later
from .columns.rows import CELLS_BEFORE_NUMPY, FEW_CELLS, Rows
from .columns.schema import PayloadError, to_few
from .columns.table import Table
from .columns.times import expand
from .runtimes import Predictions, Runtime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    from .columns.arrays import np

RELATIVE = 1e-9
"""Largest difference between equal predictions, as a share of the value."""

OF_LARGEST = 1e-12
"""Largest difference between equal predictions, as a share of the largest value of the set, where that is more."""


_without_numpy = [0]
"""Cells that this process answered without numpy in requests of more than FEW_CELLS."""


class Predictor(NamedTuple):
    """A model that answers tables of its features' columns; `load` gives one that was checked."""

    manifest: Manifest
    runtime: Runtime

    @property
    def few_cells(self) -> int:
        """Up to so many cells may come as Rows; 0 where the runtime takes none."""
        if self.manifest.document.get("runtime") != "linear":
            return 0
        return FEW_CELLS if later.imported() else max(FEW_CELLS, CELLS_BEFORE_NUMPY - _without_numpy[0])

    def predict(self, table: Table | Rows) -> Predictions:
        """Predict every row of *table*, whose columns are those of the manifest's features.

        Raises:
            PayloadError: The model cannot answer a row; pointers start at the rows.
        """
        if not isinstance(table, Rows):
            return self.runtime.predict(expand(table, self.manifest.features))
        cells = len(table.cells) * table.width
        if cells > FEW_CELLS:
            _without_numpy[0] += cells
        return self.runtime.predict(table)


def load(manifest: Manifest, arrays: bytes = b"") -> Predictor:
    """Build the model of *manifest* and have it reproduce the golden answers.

    Args:
        arrays: The object `model.bin`, where the manifest names one.

    Raises:
        ArtifactError: See `build` and `reproduced`.
    """
    return reproduced(build(manifest, arrays))


def build(manifest: Manifest, arrays: bytes = b"") -> Predictor:
    """Build the model of *manifest* without asking it anything.

    Raises:
        ArtifactError: The arrays are others than the manifest names, or the runtime refuses them or the document.
    """
    where = f"{manifest.model} version {manifest.version}"
    _check_arrays(where, manifest, arrays)
    try:
        runtime = runtimes.load(manifest.document, arrays)
    except ArtifactError as error:
        raise ArtifactError(f"{where}: {error}") from error
    return Predictor(manifest, runtime)


def reproduced(predictor: Predictor) -> Predictor:
    """*predictor*, once it has reproduced its golden answers.

    Raises:
        ArtifactError: A golden instance does not fit the features, or its answer differs.
    """
    manifest = predictor.manifest
    where = f"{manifest.model} version {manifest.version}"
    try:
        instances = [golden.instance for golden in manifest.golden]
        table = to_few(instances, manifest.features, predictor.few_cells)
    except PayloadError as error:
        raise ArtifactError(f"{where}: golden instances do not fit the features: {error}") from error
    try:
        answer = predictor.predict(table)
    except PayloadError as error:
        raise ArtifactError(f"{where}: golden instances cannot be answered: {error}") from error
    except ValueError as error:  # the runtime has another number of columns than the features
        raise ArtifactError(f"{where}: the features do not fit the model: {error}") from error
    # Versions of format 1 were published when numbers were compared by the largest of the set alone.
    of_largest = RELATIVE if manifest.document.get("format") == 1 else OF_LARGEST
    _check_values(where, answer.values, [golden.prediction for golden in manifest.golden], of_largest)
    for place, golden in enumerate(manifest.golden):
        if golden.probabilities is not None:
            _check_probabilities(f"{where}: golden {place}", answer.probabilities, place, golden.probabilities)
    return predictor


def distance(predictions: NDArray[Any], expected: NDArray[Any], of_largest: float = OF_LARGEST) -> NDArray[np.float64]:
    """Distance of each prediction from the expected one, by the largest that is still equal.

    Numbers are equal within RELATIVE of the expected value, or *of_largest* of the largest expected (of 1 where all
    are 0), whichever is more. Labels are equal or not.

    Returns:
        Array of shape (n,): from 0 to 1 for equal predictions, above 1 for others; infinite for labels that differ and
        for numbers that are not finite.
    """
    if predictions.dtype.kind != "f":
        differ = np.asarray(predictions, object) != np.asarray(expected, object)
        return np.where(np.asarray(differ, bool), np.inf, 0.0).astype(np.float64)
    sizes: NDArray[np.float64] = np.abs(np.asarray(expected, np.float64))
    with np.errstate(all="ignore"):
        largest = sizes[np.isfinite(sizes)].max(initial=0.0) or 1.0
        bounds = np.maximum(sizes * RELATIVE, largest * of_largest)
        distances: NDArray[np.float64] = np.abs(predictions - expected) / bounds
    distances[~np.isfinite(distances)] = np.inf
    distances[predictions == expected] = 0.0  # also where the bound is too small for a float64
    return distances


def _check_arrays(where: str, manifest: Manifest, arrays: bytes) -> None:
    """The block is the object that the manifest names; its digest is checked by the runtime, once."""
    file = manifest.files.get(ARRAYS)
    if file is None:
        if arrays:
            raise ArtifactError(f"{where}: expected no {ARRAYS}, found {len(arrays)} bytes")
        return
    graph = manifest.document.get("graph")
    entry = graph.get("arrays") if isinstance(graph, dict) else None
    named = (entry.get("sha256"), entry.get("bytes"), entry.get("base64")) if isinstance(entry, dict) else None
    if named != (file.sha256, file.size_bytes, None):
        raise ArtifactError(f"{where}: 'graph.arrays' and 'files' must name the same bytes for {ARRAYS}")


def _plain_distance(predictions: list[float], expected: list[float], of_largest: float) -> list[float]:
    """The same as `distance` for numbers, without numpy."""
    largest = max(map(abs, expected)) or 1.0
    distances = []
    for prediction, number in zip(predictions, expected, strict=True):
        bound = max(abs(number) * RELATIVE, largest * of_largest)
        away = abs(prediction - number)
        equal = prediction == number  # also where the bound is too small for a float64
        distances.append(0.0 if equal else away / bound if bound and math.isfinite(away) else math.inf)
    return distances


def _check_values(where: str, values: Any, expected: list[Any], of_largest: float) -> None:
    if isinstance(values, list):
        distances = _plain_distance(values, expected, of_largest)
        worst = distances.index(max(distances))
        if distances[worst] > 1:
            raise ArtifactError(_other_prediction(where, worst, expected[worst], values[worst]))
        return
    by_row = distance(values, np.asarray(expected) if values.dtype.kind == "f" else _objects(expected), of_largest)
    worst = int(by_row.argmax())
    if by_row[worst] > 1:
        found = values[worst : worst + 1].tolist()[0]
        raise ArtifactError(_other_prediction(where, worst, expected[worst], found))


def _other_prediction(where: str, place: int, expected: Any, found: Any) -> str:
    return f"{where}: golden {place}: expected a prediction of {expected}, found {found}"


def _check_probabilities(where: str, found: NDArray[Any] | None, row: int, expected: tuple[float, ...]) -> None:
    if found is None or len(found[row]) != len(expected) or distance(found[row], np.array(expected)).max() > 1:
        raise ArtifactError(f"{where}: expected other probabilities than the model gives")


def _objects(values: list[Any]) -> NDArray[Any]:
    out = np.empty(len(values), object)
    out[:] = values
    return out
