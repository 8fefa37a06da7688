"""Rows of a source: a file here, or objects of a bucket, the rows that a version was made from among them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from functions.artifact import Document
from functions.columns.schema import Feature
from model.data.files import File, is_pattern, suffix
from model.data.nearly import nearly_numbers
from model.data.reading import read as read_rows
from model.data.rows import Rows
from model.data.split import Split, recorded
from model.registry.registry import Registry


def read_source(
    source: str,
    features: Sequence[Feature] | None,
    target: str,
    store: Registry | None,
    *,
    task: str | None,
    kinds: Sequence[str] = (),
    splits: Sequence[Split] = (),
    own: str = "",
    missing: Sequence[str] = (),
    key: str = "",
    target_kind: str = "",
) -> Rows:
    """Rows with the columns of *splits*, all of which but *own* may be missing."""
    groups = [split.column for split in splits if split.by == "group"]
    times = [split.column for split in splits if split.by == "time"]
    optional = {split.column for split in splits} - {own}

    def rows(files: Sequence[File] | None = None, task: str | None = task) -> Rows:
        found = read_rows(
            source,
            features,
            target,
            task=task,
            kinds=kinds,
            groups=groups,
            times=times,
            optional=optional,
            missing=missing,
            key=key,
            target_kind=target_kind,
            files=files,
        )
        numeric = task is None and not target_kind and nearly_numbers(found.class_counts)
        return rows(files, "regression") if numeric else found

    if store is None or not source.startswith("gs://"):
        return rows()
    suffix(source)
    with tempfile.TemporaryDirectory() as folder:
        return rows(downloaded(source, store, Path(folder)))


def snapshot(store: Registry, document: Document) -> Rows:
    """The rows that a version was made from, as the bucket keeps them."""
    features = [
        Feature(entry["name"], kind=entry.get("kind", "number"), parts=tuple(entry.get("parts", ())))
        for entry in document["features"]
    ]
    split = recorded(document["data"])
    splits = [split] if split else []
    task = document.get("task", "regression")
    return read_source(document["data"]["uri"], features, document["target"]["name"], store, task=task, splits=splits)


def downloaded(source: str, store: Registry, folder: Path) -> list[File]:
    """The object at *source*, or all objects that match it, copied into *folder*."""
    names = store.bucket.matching(source) if is_pattern(source) else [source]
    files = [File(name, folder / f"{number}-{Path(name).name}") for number, name in enumerate(names)]
    for file in files:
        store.bucket.download(file.name, file.path)
    return files
