"""How good a version is, by itself and against production, and the gate's decision."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from functions import artifact
from functions.columns.table import Table
from functions.predictor import Predictor, build
from model.data.rows import Rows
from model.errors import RegistryError, SandboxError
from model.evaluation import gate
from model.evaluation.checks import Check
from model.evaluation.comparison import Comparison, compare, inputs
from model.evaluation.importance import Importance, importance, sample, steps
from model.evaluation.metrics import METRIC_REPLICATES, Score
from model.evaluation.resampling import REPLICATES, batches
from model.evaluation.slices import MOST_SLICES, Slice, slices
from model.infra_validation import sandbox, smoke_test
from model.registry.production import verified_manifest
from model.registry.registry import Registry
from model.training.asking import Answers, Ask, answered, predicted
from model.training.export.edges import Edge
from model.training.proof import Exactness, exactness, proof_rows
from model.workflows.dataset import Inputs, Production
from model.workflows.judges import Judge, judge_of
from model.workflows.progress import Talk


@dataclass(frozen=True)
class Champion:
    """The model in production that a challenger is compared with.

    Args:
        predictor: None if production holds nothing that can predict; *note* says why.
        version: None if production holds nothing.
    """

    predictor: Predictor | None = None
    version: int | None = None
    manifest_sha256: str | None = None
    note: str = ""

    def document(self) -> dict[str, Any]:
        """The champion as the manifest's `comparison` names it."""
        if self.version is None:
            return {"production": None, "note": self.note}
        return {"production": self.version, "manifest_sha256": self.manifest_sha256, "note": self.note}


@dataclass(frozen=True)
class Written:
    """A version as it is written, and the estimator that it must equal.

    Args:
        document: The manifest without the members that this module and publishing fill in.
        arrays: The block that belongs to it.
        edges: Numbers at which its answers turn, by column as the model sees them.
        estimator: How the estimator answers tables of the features.
        positive: Place of the positive class of two.
    """

    document: Mapping[str, Any]
    arrays: bytes
    edges: Sequence[Edge]
    estimator: Ask
    positive: int | None = None


@dataclass(frozen=True)
class Evaluation:
    """The measurements of a version, and the gate's checks of them.

    Args:
        described: Members of the manifest beside the metrics, by the task.
        comparison: None where production holds nothing.
        exactness: How far the artefact is from the estimator.
        model_bytes: Size of the manifest and of the arrays beside it.
        memory_bytes: The most memory that a function took while it was asked; None where it is not known.
    """

    scores: dict[str, Score]
    slices: Sequence[Slice]
    described: Mapping[str, Any]
    champion: Champion
    comparison: Comparison | None
    checks: Sequence[Check]
    exactness: Exactness
    model_bytes: int
    importance: Importance
    memory_bytes: int | None = None

    def document(self) -> dict[str, Any]:
        """The part of the manifest that says how good the version is."""
        return {
            "metrics": {name: score.document() for name, score in self.scores.items()},
            "slices": [part.document() for part in self.slices[:MOST_SLICES]],
            **self.described,
            "comparison": self.champion.document() | (self.comparison.document() if self.comparison else {}),
            "exactness": asdict(self.exactness),
            "model_bytes": self.model_bytes,
            "memory_bytes": self.memory_bytes,
            "importance": self.importance.document(),
            "gate": [check.document() for check in self.checks],
            "blessed": all(check.passed for check in self.checks),
        }


def champion(production: Production, store: Registry) -> Champion:
    """The model that a challenger is compared with."""
    promoted, alias = production.promoted, production.alias
    if promoted is None:
        return Champion(note=f"{alias} holds nothing yet: the absolute checks decide")
    predictor, note = None, ""
    try:
        predictor = store.predictor(verified_manifest(promoted, production.model))
    except RegistryError as error:
        note = f"{alias} could not be compared with: {error}"
    return Champion(predictor, promoted.version, promoted.manifest_sha256, note)


def evaluate(written: Written, given: Inputs, *, champion: Champion, data_errors: int, talk: Talk) -> Evaluation:
    """Measure *written* on its held-out rows, and put it through the gate."""
    bounds, seed = given.settings.gate, given.settings.training.seed
    rows, sides = given.rows, given.sides
    held = sides.held
    draft, beside = _draft(written)
    ours_whole = build(draft, beside)
    with talk.step("asking for every row"):
        whole = answered(_asking(ours_whole), rows.x)
        proof = proof_rows(rows.x, draft.features, written.edges, seed=seed)
        exact = exactness(written.estimator, _asking(ours_whole), proof)
    theirs, fresh = champion_answers(champion.predictor, rows), sides.shared
    judge = judge_of(rows.y, whole, held=held, seen=sides.seen, classes=rows.classes, positive=written.positive)
    kinds = {name: kind.filter(held).to_numpy(zero_copy_only=False) for name, kind in rows.kinds.items()}
    seen = dict(zip(rows.features, rows.x[held].columns, strict=True))
    secret = {feature for feature in seen if feature.redact and feature.kind == "category"}
    columns = {feature.name: cells for feature, cells in seen.items() if feature not in secret} | kinds
    with talk.progress("bootstrapping", batches(int(held.sum()), METRIC_REPLICATES)) as done:
        measured = judge.scores(bounds, seed, done)
    with talk.progress("slices", len(columns)) as done:
        parts = slices(
            columns,
            judge.errors(np.where(fresh[:, None], theirs, np.nan) if champion.predictor else None),
            count=bounds.slices,
            by_value=bounds.slice_columns,
            levels={feature.name for feature in seen if feature.kind == "category"} - {*bounds.slice_columns},
            moments={feature.name for feature in seen if feature.kind == "time"},
            booleans={feature.name for feature in seen if feature.kind == "boolean"},
            done=done,
        )
    with talk.step("asking the functions"):
        served = _asked(draft, beside, talk.say)
    model_bytes = len(artifact.canonical(draft.document)) + len(beside)
    checks = gate.absolute(
        bounds,
        own=judge.checks(bounds, measured),
        slices=parts,
        data_errors=data_errors,
        rows=None if sides.split.by == "given" else len(rows.y),
        holdout_rows=int(held.sum()),
        furthest=exact.furthest,
        model_bytes=model_bytes,
        wrong_answers=served.wrong,
        wrong_answer=served.first,
    )
    comparison = None
    if champion.version is not None:
        document = champion.predictor.manifest.document if champion.predictor else None
        both = fresh & np.isfinite(theirs).all(axis=1) if champion.predictor else fresh
        if not _same_classes(rows, champion.predictor):
            both = np.zeros_like(both)  # places of other classes say nothing
        with talk.progress("comparing with production", batches(int(both.sum()), REPLICATES)) as done:
            comparison = compare(judge.pair(both, theirs), confidence=bounds.confidence, seed=seed, done=done)
        checks += gate.relative(
            bounds,
            comparison=comparison,
            scale=judge.scale(both, theirs, document, seed),
            classes=rows.classes,
            production_classes=champion.predictor.manifest.classes if champion.predictor else (),
            slices=parts,
            inputs=inputs(written.document),
            production_inputs=inputs(document) if document else [],
            unshared=given.unshared,
        )
    return Evaluation(
        measured,
        [replace(part, shown_only=part.shown_only or part.rows < bounds.min_slice_rows) for part in parts],
        judge.described(),
        champion,
        comparison,
        checks,
        exact,
        model_bytes,
        _importance(ours_whole, judge, given, talk),
        served.memory_bytes,
    )


def champion_answers(predictor: Predictor | None, rows: Rows) -> Answers:
    """Production's answers to all rows; NaN where there is none, it has other features, or it refuses the row."""
    names = [feature.name for feature in predictor.manifest.features] if predictor else []
    if predictor is None or not set(names) <= set(rows.names) or not _same_classes(rows, predictor):
        return np.full((len(rows.y), 1), np.nan)
    return answered(_asking(predictor), rows.x.pick([rows.names.index(name) for name in names]))


def _same_classes(rows: Rows, predictor: Predictor | None) -> bool:
    return predictor is None or predictor.manifest.classes == rows.classes


def _asking(predictor: Predictor) -> Ask:
    """The answers that *predictor* gives."""

    def ask(table: Table) -> Answers:
        return predicted(predictor.predict(table), predictor.manifest.classes)

    return ask


def _importance(predictor: Predictor, judge: Judge, given: Inputs, talk: Talk) -> Importance:
    """How much the loss grows when a feature is shuffled over some held-out rows."""
    rows, held, settings = given.rows, given.sides.held, given.settings
    some = np.flatnonzero(held)[sample(int(held.sum()), settings.training.seed)]
    with talk.progress("shuffling features", steps(len(some), rows.x.width)) as done:
        found = importance(
            rows.x[some],
            lambda table: judge.losses(rows.y[some], answered(_asking(predictor), table)),
            rows.names,
            loss=judge.loss,
            confidence=settings.gate.confidence,
            seed=settings.training.seed,
            within_seconds=settings.training.importance_seconds,
            done=done,
        )
    if found.left_out:
        talk.say(f"{found.left_out}; `[training] importance_seconds` is that time")
    return found


def _draft(written: Written) -> tuple[artifact.Manifest, bytes]:
    """*written* as a function would read it, under a name of its own: no other server is taken for ours."""
    name = f"draft-{uuid.uuid4().hex}"
    document, beside = artifact.with_arrays(written.document, written.arrays)
    return artifact.parse_manifest(artifact.seal({**document, "model": name, "version": 1}), name, 1), beside


@dataclass(frozen=True)
class Served:
    """Answers of the running functions.

    Args:
        wrong: How many were wrong; None if the functions did not run.
        first: The first problem.
        memory_bytes: The most memory that one of them took; None where it is not known.
    """

    wrong: int | None
    first: str = ""
    memory_bytes: int | None = None


def _asked(draft: artifact.Manifest, arrays: bytes, say: Callable[[str], None]) -> Served:
    """Start the functions over *draft* and call them; *say* takes a line for each wrong answer."""
    problems: list[str] = []
    try:
        with sandbox.running(draft, arrays) as functions:
            for function, address in functions.addresses.items():
                _, wrong = smoke_test.ask(address, function, draft, by_path=True, within_seconds=0.0)
                problems += [f"{function}: {problem}" for problem in wrong]
            memory_bytes = functions.memory_bytes()
    except SandboxError as error:
        say(str(error))
        return Served(None, str(error))
    for problem in problems:
        say(problem)
    return Served(len(problems), problems[0] if problems else "", memory_bytes)
