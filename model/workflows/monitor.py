"""`monitor`: captured lines, the versions that answered and labels that came, put together; and the plots of it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from functions.artifact import Document, Manifest
from functions.columns.schema import Feature, Level, in_training_width
from model.config import Config
from model.data import drift
from model.data.sources import pieces
from model.evaluation.answers import Classified
from model.evaluation.calibration import reliability
from model.evaluation.class_metrics import class_scores
from model.evaluation.metrics import Score, scores
from model.evaluation.resampling import Vector
from model.monitoring import document, ground_truth, log_reader, log_source
from model.monitoring.captured import Captured, Joined
from model.monitoring.labels import KeyedLabels, LabelCounts, keyed
from model.monitoring.live_error import Interval, Live
from model.monitoring.log_quality import labels_unused
from model.monitoring.verdict import Verdict, judge
from model.monitoring.windows import Layout, Window
from model.registry import registry
from model.workflows.dataset import Production

_MOST_PROBABILITIES = 20_000_000
"""Probabilities of all labelled rows together that metrics are computed of; of more rows a random part is taken."""


@dataclass(frozen=True)
class MonitorInputs:
    """*sources* and *labels* as a command line names them.

    Args:
        window_hours: Length of the window, and of the one before it.
        until: End of the window, in seconds since 1970; None for the newest line.
    """

    sources: Sequence[str]
    labels: str | None = None
    window_hours: float = 24.0
    until: float | None = None


@dataclass(frozen=True)
class Observed:
    """The verdict; and by version both windows and the manifest, which plots are made of.

    Args:
        unseen: A reason for each source, and for the labels, of which so little could be used that no alert is no yes.
    """

    verdict: Verdict
    windows: dict[int, tuple[Window, Window]]
    manifests: dict[int, Document]
    unseen: Sequence[str]

    @property
    def document(self) -> dict[str, Any]:
        """The verdict as `monitor --json` prints it."""
        return document.document(self.verdict)


def observe(
    inputs: MonitorInputs,
    settings: Config,
    production: Production,
    store: registry.Registry,
    *,
    reading: Callable[[Sequence[str]], AbstractContextManager[Callable[[int], None]]],
) -> Observed:
    """Read the sources, join the labels, and judge.

    Args:
        reading: Takes the sources, and gives the function that is called with the number of bytes that were read.

    Raises:
        SourceError: A source, or the file of labels, cannot be read.
    """
    manifests: dict[int, Document] = {}
    numbers = store.numbers()

    def layout_of(version: int) -> Layout | None:
        if version not in numbers:  # a log may name any number of others
            return None
        manifest = store.manifest(version)
        manifests[version] = manifest.document
        return layout(manifest)

    promoted = production.promoted
    target = promoted.manifest["target"]["name"] if promoted else settings.data.target
    answering = promoted.manifest if promoted else store.manifest(max(numbers)).document if numbers else {}
    key = (answering.get("data") or {}).get("key") or settings.data.key or ""
    labels = _labels(inputs.labels, target, tuple(answering.get("classes") or ()), key, store)
    sources = _sources(inputs, store)
    with reading(inputs.sources) as done:
        captured = log_reader.read(
            sources,
            model=production.model,
            layout_of=layout_of,
            window_seconds=inputs.window_hours * 3600,
            now=time.time(),
            until=inputs.until,
            labels=labels.keyed if labels else None,
            done=done,
        )
    windows = {version: (captured.window(version), captured.window(version, back=1)) for version in captured.versions()}
    label_counts = labels.counts(captured.matched, captured.unmatched) if labels else None
    verdict = judge(
        model=production.model,
        production=production.promoted.version if production.promoted else None,
        manifests=manifests,
        windows=windows,
        requests=captured.requests_by_slot(),
        log=captured.log,
        period=captured.period,
        live=_live(captured, manifests, settings),
        labels=label_counts,
        limits=settings.monitoring,
    )
    unused = labels_unused(label_counts)
    return Observed(verdict, windows, manifests, [*captured.unread, *([unused] if unused else [])])


def layout(manifest: Manifest) -> Layout:
    """The columns of a version, as the reader of lines needs them."""
    features = manifest.features
    minimum, maximum = np.array([_bounds(feature) for feature in features]).T
    return Layout(
        tuple(feature.name for feature in features),
        in_training_width(minimum, features),
        in_training_width(maximum, features),
        tuple(map(drift.edges, drift.columns(manifest.document))),
        tuple(feature.redact for feature in features),
        tuple(feature.width for feature in features),
        tuple(feature.kind for feature in features) if any(feature.kind != "number" for feature in features) else (),
        tuple(feature.levels for feature in features),
        manifest.classes,
        positive_place(manifest.document),
    )


def positive_place(document: Document) -> int | None:
    """The place of the positive class of two; None where there is none."""
    if "positive" not in document:
        return None
    return list(document["classes"]).index(document["positive"])


def _bounds(feature: Feature) -> tuple[float, float]:
    """Values that training saw: of a category the places of its levels; of a time all, since time goes on."""
    match feature.kind:
        case "category":
            return 0.0, len(feature.levels) - 1.0
        case "time":
            return -np.inf, np.inf
        case _:
            return feature.minimum, feature.maximum


@dataclass(frozen=True)
class _LabelFile:
    source: str
    keyed: KeyedLabels
    rows: int
    unusable: int
    example: str
    lost: tuple[Level, ...]

    def counts(self, matched: int, unmatched: int) -> LabelCounts:
        return LabelCounts(
            source=self.source,
            labels=self.rows,
            matched=matched,
            unmatched=unmatched,
            repeated=self.keyed.repeated,
            conflicting=self.keyed.conflicting,
            unusable=self.unusable,
            example=self.example,
            lost=self.lost,
        )


def _labels(
    source: str | None, target: str, classes: tuple[Level, ...], key: str, store: registry.Registry
) -> _LabelFile | None:
    """The labels to join, by request and row or by the column *key*; a classifier's are read as its *classes*."""
    if not source:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(source)
        if source.startswith("gs://"):
            path = Path(folder) / f"labels{path.suffix}"
            store.bucket.download(source, path)
        labels = ground_truth.read(source, path, target, classes, key)
    lost = tuple(labels.spellings.lost()) if labels.spellings else ()
    by_key = keyed(labels.ids, labels.rows, labels.values, classes, by_column=labels.by_column)
    return _LabelFile(source, by_key, len(labels.ids) + labels.unusable, labels.unusable, labels.example, lost)


def _live(captured: Captured, manifests: Mapping[int, Document], settings: Config) -> dict[int, Live]:
    """Metrics on labels that met a row, by version; a row counts by the instances that it stands for."""
    live = {}
    for version, joined in captured.joined.items():
        document = manifests[version]
        pairs = _with_probabilities(joined, len(document.get("classes") or ()))
        weights = None if (pairs.weights == 1).all() else pairs.weights
        answers, positive = _answers(pairs, document), positive_place(document)
        measured = _measured(pairs, answers, weights, document, settings)
        bins = [] if answers is None else reliability(pairs.actual, answers, positive, weights)
        live[version] = Live(
            len(pairs.actual),
            {name: Interval(score.value, score.low, score.high) for name, score in measured.items()},
            float(pairs.weights.sum()),
            drift.effective_rows(pairs.actual, pairs.weights),
            [part.document() for part in bins],
        )
    return live


def _with_probabilities(pairs: Joined, classes: int) -> Joined:
    """Those of *pairs* that have probabilities, where some have; at most so many that those of all classes fit."""
    if pairs.chances is None:
        return pairs
    rows = np.flatnonzero(pairs.chances.there)
    most = max(1, _MOST_PROBABILITIES // classes)
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:most])
    return Joined(pairs.actual[rows], pairs.predicted[rows], pairs.weights[rows], pairs.chances.where(rows))


def _answers(pairs: Joined, document: Document) -> Classified | None:
    """What a classifier predicted; None for a model of numbers."""
    if not document.get("classes"):
        return None
    chances = None if pairs.chances is None else pairs.chances.matrix(len(document["classes"]))
    return Classified(pairs.predicted.astype(np.intp), chances)


def _measured(
    pairs: Joined, answers: Classified | None, weights: Vector | None, document: Document, settings: Config
) -> dict[str, Score]:
    confidence, seed = settings.gate.confidence, settings.training.seed
    if answers is None:
        return scores(pairs.actual, pairs.predicted, confidence=confidence, seed=seed, weights=weights)
    classes, positive = document["classes"], positive_place(document)
    return class_scores(pairs.actual, answers, classes, positive, confidence=confidence, seed=seed, weights=weights)


def _sources(inputs: MonitorInputs, store: registry.Registry) -> list[tuple[str, Iterator[bytes]]]:
    """Names and bytes of all sources; one that is not there is said before any is read.

    Objects below a prefix that were last written before both windows are passed over: they can hold no line of them.
    With labels they are read, since labels may be of older rows.
    """
    until = datetime.now(UTC) if inputs.until is None else datetime.fromtimestamp(inputs.until, UTC)
    since = None if inputs.labels else until - timedelta(hours=2 * inputs.window_hours)
    contents: list[tuple[str, Iterator[bytes]]] = []
    for source in inputs.sources:
        if source.startswith("gs://"):
            contents += store.bucket.objects(source, log_source.ENDINGS, since=since)
        else:
            contents.append(("standard input" if source == "-" else source, pieces(source)))
    return contents
