"""The start of a training: the rows of a source as the configuration reads them, and production as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from functions.artifact import Alias, Document
from functions.columns.schema import Feature
from model.config import Config
from model.data import validation
from model.data.cells import Flaw
from model.data.findings import Finding, line
from model.data.kinds import FOUND_OUT
from model.data.rows import Rows
from model.data.split import Sides, Split, fold_keys, recorded, sides, started
from model.errors import DataError, RegistryError
from model.registry import registry
from model.registry.production import verified_manifest
from model.workflows.beside import sides_beside
from model.workflows.source_rows import read_source


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
    rows = read_source(
        source,
        _features(settings),
        settings.data.target,
        store,
        task=task or settings.training.task,
        kinds=settings.kinds,
        splits=splits,
        own=split.column,
        missing=settings.data.missing,
        key=settings.data.key or "",
        target_kind=settings.data.target_kind or "",
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
    data = settings.data
    trained_target = production.promoted.manifest.get("target") if production.promoted else None
    texts = isinstance(trained_target, dict) and trained_target.get("kind") == "category"
    rows = read_source(
        source,
        features,
        data.target,
        store,
        task=task,
        missing=data.missing,
        key=data.key or "" if features is None else "",
        target_kind="category" if texts else data.target_kind or "",
    )
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
    return read_source(source, None, target, store, task=None, missing=missing)


def findings(inputs: Inputs, production: Document | None) -> list[Finding]:
    """All that is wrong with the rows, by themselves and against *production*."""
    settings, rows = inputs.settings, inputs.rows
    found = validation.check(
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
    return [
        replace(finding, advice=finding.advice.replace("the configuration", settings.name))
        if finding.code == "missing-column"
        else finding
        for finding in found
    ]


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
