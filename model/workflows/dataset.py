"""The start of a training: the rows of a source as the configuration reads them, and production as it is now."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from functions.artifact import Alias, Document
from functions.schema import Feature
from model.config import Config
from model.data import validation
from model.data.cells import Flaw
from model.data.files import File, is_pattern, suffix
from model.data.findings import Finding, line
from model.data.kinds import FOUND_OUT
from model.data.nearly import nearly_numbers
from model.data.reading import read as read_rows
from model.data.rows import Rows
from model.data.split import (
    Sides,
    Split,
    champion_split,
    fold_keys,
    held_out,
    recorded,
    sides,
    sides_beside_given,
    started,
)
from model.errors import DataError, RegistryError, SourceError
from model.registry import registry
from model.registry.production import verified_manifest

_WITHOUT = "`promote --force --reason TEXT` promotes without a comparison"


@dataclass(frozen=True)
class Production:
    """The version that *alias* of *model* held when it was looked at; *promoted* is None if it was never set."""

    model: str
    alias: str
    promoted: Alias | None

    def comparable(self, settings: Config) -> tuple[Document | None, str]:
        """The manifest to compare data with, or None and why there is none."""
        if self.promoted is None:
            return None, f"{self.alias} has not been set yet"
        try:
            document = verified_manifest(self.promoted, self.model).document
        except RegistryError as error:
            return None, str(error)
        names = None if settings.data.features is None else [feature.name for feature in settings.data.features]
        reason = validation.comparable(document, names)
        return (None, reason) if reason else (document, "")


@dataclass(frozen=True)
class Inputs:
    """Rows, on which side each stands, and the configuration that says so.

    Args:
        unshared: Why few rows, or none, may judge production too, and what helps; "" where nothing is to be said.
    """

    settings: Config
    rows: Rows
    sides: Sides
    unshared: str = ""


def read(
    settings: Config,
    source: str,
    store: registry.Registry | None,
    production: Production | None = None,
    *,
    task: str | None = None,
) -> Inputs:
    """Read *source*, with *store* also from a gs:// address, split beside *production*.

    Args:
        task: As the configuration or its candidates decide it; None where the target's kind does.

    Raises:
        SourceError: It is unknown, absent or unreadable.
        RegistryError: The bucket is.
    """
    split = _split(settings)
    document = production.promoted.manifest if production and production.promoted else {}
    theirs = recorded(document.get("data", {}))
    splits = [split, *([theirs] if theirs else [])]
    rows = _read(
        source,
        _features(settings),
        settings.data.target,
        store,
        task=task or settings.training.task,
        kinds=settings.kinds,
        splits=splits,
        own=split.column,
        missing=settings.data.missing,
    )
    return beside(Inputs(settings, rows, sides(rows, started(split, rows), None)), production, store)


def beside(inputs: Inputs, production: Production | None, store: registry.Registry | None) -> Inputs:
    """The same rows, so split that *production* can be compared with."""
    rows, split = inputs.rows, inputs.sides.split
    if production and production.promoted:
        try:
            document = verified_manifest(production.promoted, production.model).document
            made, unshared = sides_beside(rows, split, document, store)
            return replace(inputs, sides=made, unshared=unshared)
        except (RegistryError, KeyError, TypeError):  # nothing to compare with
            pass
    return replace(inputs, sides=sides(rows, split, None), unshared="")


def sides_beside(rows: Rows, split: Split, champion: Document, store: registry.Registry | None) -> tuple[Sides, str]:
    """Both sides of *split* beside the version of the manifest *champion*, and why few rows may judge both.

    Where the champion was fitted elsewhere, *store* tells which rows judged it.
    """
    theirs = recorded(champion["data"])
    names = {feature["name"] for feature in champion["features"]}
    if (
        store is None
        or theirs is None
        or theirs.by != "given"
        or names != set(rows.names)
        or champion["target"]["name"] != rows.target
    ):
        return sides(rows, split, champion_split(rows, champion)), ""
    try:
        kept = snapshot(store, champion)
    except (RegistryError, SourceError) as error:
        return sides(rows, split, None), f"the rows that judged production cannot be read: {error}; {_WITHOUT}"
    judged = held_out(kept, theirs)
    trained = kept.keys[~judged] if champion["training"].get("training_rows_given") else None
    made = sides_beside_given(rows, split, kept.keys[judged], trained)
    return made, (
        f"production was fitted elsewhere, and {int(made.shared.sum())} of these rows are known to be new to it and to"
        f" this version: add rows that judged it to the data; {_WITHOUT}"
    )


def labelled(settings: Config, source: str, store: registry.Registry, production: Production) -> Rows:
    """Rows with a target that came after the predictions; columns have the kinds that *production* was trained with.

    Raises:
        DataError: A cell of them cannot be used.
    """
    features = _features(settings)
    if production.promoted:
        trained = {entry["name"]: entry for entry in production.promoted.manifest["features"]}
        features = [
            feature if feature.kind else _of_kind(feature, trained.get(feature.name, {}))
            for feature in (map(_unnamed, trained) if features is None else features)
        ]
    task = production.promoted.manifest.get("task", "regression") if production.promoted else "regression"
    rows = _read(source, features, settings.data.target, store, task=task, missing=settings.data.missing)
    found = [f"{source}: {_told(flaw)}" for flaw in rows.flaws if flaw.code != "no-target"]
    if not found and not len(rows.y):
        found = [f"{source} must hold labelled rows, found none"]
    if found:
        raise DataError("\n".join(found))
    return rows


def all_columns(source: str, target: str, store: registry.Registry | None, missing: Sequence[str] = ()) -> Rows:
    """Rows of *source* with every other column as a feature; each, and the target, of the kind that its cells show.

    A target of texts or booleans is one of classes.

    Raises:
        SourceError, RegistryError: As for `read`.
    """
    return _read(source, None, target, store, task=None, missing=missing)


def snapshot(store: registry.Registry, document: Document) -> Rows:
    """The rows that a version was made from, as the bucket keeps them."""
    features = [
        Feature(entry["name"], kind=entry.get("kind", "number"), parts=tuple(entry.get("parts", ())))
        for entry in document["features"]
    ]
    split = recorded(document["data"])
    splits = [split] if split else []
    task = document.get("task", "regression")
    return _read(document["data"]["uri"], features, document["target"]["name"], store, task=task, splits=splits)


def findings(inputs: Inputs, production: Document | None) -> list[Finding]:
    """All that is wrong with the rows, by themselves and against *production*."""
    settings, rows = inputs.settings, inputs.rows
    return validation.check(
        rows.x,
        rows.y,
        inputs.sides.held,
        features=rows.features,
        target=rows.target,
        flaws=rows.flaws,
        groups=fold_keys(rows, inputs.sides.split),
        limits=validation.Limits(
            training_rows=settings.training.folds,
            rows=settings.gate.min_rows,
            holdout_rows=settings.gate.min_holdout_rows,
            rows_per_feature=settings.data.rows_per_feature,
            warn=settings.monitoring.warn,
            alert=settings.monitoring.alert,
            class_rows=0 if inputs.sides.split.by == "given" else settings.training.folds,
        ),
        production=production,
        numbers=rows.numbers,
        classes=rows.classes,
    )


def stop_at_errors(found: Sequence[Finding]) -> None:
    """Let through what only warns.

    Raises:
        DataError: There is an error among them; all are named.
    """
    if any(finding.severity == "error" for finding in found):
        raise DataError("\n".join(map(line, found)))


def _told(flaw: Flaw) -> str:
    first, more = flaw.examples[0], flaw.count - 1
    place = "" if first.row is None else f" (row {first.row}{f', and {more} more' if more else ''})"
    return f"{flaw.column or 'a row'} {flaw.expected}, got {first.found}{place}"


def _unnamed(name: str) -> Feature:
    return Feature(name, kind=FOUND_OUT)


def _of_kind(feature: Feature, entry: Document) -> Feature:
    """*feature*, of the kind that the manifest's *entry* has."""
    kind = entry.get("kind", "number") if entry else FOUND_OUT
    return replace(feature, kind=kind, parts=feature.parts or tuple(entry.get("parts", ())))


def _features(settings: Config) -> list[Feature] | None:
    """The features that the configuration names; None where it names none and every column is one."""
    if settings.data.features is None:
        return None
    return [
        Feature(
            feature.name,
            -np.inf if feature.minimum is None else feature.minimum,
            np.inf if feature.maximum is None else feature.maximum,
            redact=feature.redact,
            kind=feature.kind or FOUND_OUT,
            parts=tuple(feature.parts or ()),
        )
        for feature in settings.data.features
    ]


def _split(settings: Config) -> Split:
    """The split that the configuration names; by time it has no start yet."""
    by = settings.data.split
    return Split(by.by, settings.data.holdout, by.column)


def _read(
    source: str,
    features: Sequence[Feature] | None,
    target: str,
    store: registry.Registry | None,
    *,
    task: str | None,
    kinds: Sequence[str] = (),
    splits: Sequence[Split] = (),
    own: str = "",
    missing: Sequence[str] = (),
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
            files=files,
        )
        return rows(files, "regression") if task is None and nearly_numbers(found.class_counts) else found

    if store is None or not source.startswith("gs://"):
        return rows()
    suffix(source)
    with tempfile.TemporaryDirectory() as folder:
        return rows(downloaded(source, store, Path(folder)))


def downloaded(source: str, store: registry.Registry, folder: Path) -> list[File]:
    """The object at *source*, or all objects that match it, copied into *folder*."""
    names = store.bucket.matching(source) if is_pattern(source) else [source]
    files = [File(name, folder / f"{number}-{Path(name).name}") for number, name in enumerate(names)]
    for file in files:
        store.bucket.download(file.name, file.path)
    return files
