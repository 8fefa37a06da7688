"""Data sets that come with scikit-learn, and the names that sets have in the bucket."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from model.errors import SourceError


def bundled(name: str) -> pa.Table:
    """A regression set that comes with scikit-learn.

    Raises:
        SourceError: There is none of that name.
    """
    from sklearn import datasets  # noqa: PLC0415 - a second of import that other sources need not wait for

    match name:
        case "diabetes":
            bunch, targets = datasets.load_diabetes(), ["disease_progression"]
        case "linnerud":
            bunch = datasets.load_linnerud()
            targets = bunch.target_names
        case _:
            raise SourceError(f"sklearn:{name} is no bundled regression set; there are diabetes and linnerud")
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
