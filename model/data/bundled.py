"""Data sets that come with scikit-learn, and the names that sets have in the bucket."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from model.errors import SourceError

_CLASSES = {"breast_cancer": "diagnosis", "iris": "species", "wine": "cultivar"}
"""Sets of classes, and the name of their target."""


def bundled(name: str) -> pa.Table:
    """A set that comes with scikit-learn; labels of classes are texts.

    Raises:
        SourceError: There is none of that name.
    """
    from sklearn import datasets  # noqa: PLC0415 - a second of import that other sources need not wait for

    if name in _CLASSES:
        bunch = getattr(datasets, f"load_{name}")()
        columns = dict(zip(map(str, bunch.feature_names), bunch.data.T, strict=True))
        return pa.table({**columns, _CLASSES[name]: pa.array(bunch.target_names[bunch.target].tolist(), pa.string())})
    match name:
        case "diabetes":
            bunch, targets = datasets.load_diabetes(), ["disease_progression"]
        case "linnerud":
            bunch = datasets.load_linnerud()
            targets = bunch.target_names
        case _:
            raise SourceError(
                f"sklearn:{name} is no bundled set; there are diabetes and linnerud, and of classes"
                f" {', '.join(_CLASSES)}"
            )
    values = np.column_stack([bunch.data, bunch.target])
    return pa.table(dict(zip([*bunch.feature_names, *targets], values.T, strict=True)))


def dataset_name(source: str) -> str:
    """A name for the bucket: the bundled set's, the file's, or for a snapshot the folder's it was kept in."""
    *folders, last = source.removeprefix("sklearn:").rstrip("/").split("/")
    stem = last.removesuffix(".gz").rsplit(".", 1)[0]
    if re.fullmatch("[0-9a-f]{64}", stem) and folders:
        stem = folders[-1]
    name = re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("._-")[:63].strip("._-")
    return name or "data"
