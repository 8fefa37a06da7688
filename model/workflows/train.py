"""From rows to a published version with its model card: search, choose, fit; draft.py does the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from functions.artifact import Manifest
from model.config import CANDIDATES, CandidateConfig, Config
from model.data.findings import Finding
from model.data.split import fold_keys
from model.errors import CandidateError, ConfigError
from model.registry.registry import Registry
from model.training.candidates import TASKS, Trial, expand, fit
from model.training.export import known_classes
from model.training.out_of_fold import from_threshold_on, scores_out_of_fold
from model.training.own_code import look_in, register_exporters
from model.training.search import Result, choose, search
from model.training.threads import threads_for
from model.workflows.dataset import Inputs, Production, stop_at_errors
from model.workflows.draft import Fitted, draft, published
from model.workflows.evaluate import champion
from model.workflows.progress import Talk
from model.workflows.two_classes import Threshold, cheapest, check_keys, positive_of


def candidates(settings: Config, folder: Path) -> list[Trial]:
    """Every combination of estimator and parameters that the configuration names; none where it names none.

    Args:
        folder: The configuration's; code of a user's own is looked for there, and where the command runs.

    Raises:
        ConfigError: One of them is none, or code of a user's own fails; the message has its place in the file.
    """
    look_in([folder, Path.cwd()])
    known_classes()
    register_exporters(settings.training.exporters)
    width = len(settings.data.features or [None])
    return _expanded(settings.training.candidates, width, settings.training.task)


def task_of(settings: Config, candidates: Sequence[Trial]) -> str | None:
    """The task that the configuration or its *candidates* decide; None where the target's kind does."""
    if candidates:
        return TASKS[candidates[0].classifies]
    return settings.training.task


def _expanded(chosen: Sequence[CandidateConfig], width: int, task: str | None) -> list[Trial]:
    try:
        return expand(((candidate.path, candidate.scale, candidate.grid) for candidate in chosen), width, task=task)
    except CandidateError as error:
        raise ConfigError(str(error)) from error


def train(
    store: Registry,
    candidates: list[Trial],
    given: Inputs,
    production: Production,
    findings: Sequence[Finding],
    *,
    talk: Talk,
) -> Manifest:
    """Publish the best of *candidates*, or of the default ones, blessed or not, with its model card.

    Raises:
        DataError: There are errors among *findings*.
        ConfigError: No candidate could be trained and served.
    """
    stop_at_errors(findings)
    opponent = champion(production, store)
    with threads_for(len(given.rows.y)):
        fitted = best(given, candidates, talk=talk)
        made = draft(given, fitted, champion=opponent, findings=findings, talk=talk)
    return published(store, made, given, opponent, talk=talk)


def best(inputs: Inputs, candidates: list[Trial], *, talk: Talk) -> Fitted:
    """The best of *candidates* by cross-validation, fitted to all training rows.

    Raises:
        ConfigError: No candidate could be trained and served.
    """
    settings, rows, sides = inputs.settings.training, inputs.rows, inputs.sides
    check_keys(rows, inputs.settings)
    positive = positive_of(rows, sides, inputs.settings)
    candidates = candidates or _expanded(CANDIDATES[rows.task], rows.x.width, rows.task)
    trained = ~sides.kept
    x, y = rows.x[trained], rows.labels[trained]
    by_time = sides.split.by == "time"
    folding: dict[str, Any] = {
        "features": rows.features,
        "folds": settings.folds,
        "seed": settings.seed,
        "groups": fold_keys(rows, sides.split)[trained],
        "times": rows.times[sides.split.column][trained] if by_time else None,
    }
    repeats, threshold = 1 if by_time else settings.repeats, None
    try:
        with talk.progress("cross-validating", len(candidates) * settings.folds * repeats) as done:
            results = choose(search(candidates, x, y, repeats=repeats, done=done, **folding))
        _tell(results, talk.say)
        chosen = next(result.trial for result in results if result.chosen)
        with talk.step("fitting"):
            estimator = fit(chosen, x, y, features=rows.features, seed=settings.seed)
        if settings.threshold and positive is not None:
            value, cost = settings.threshold.value or 0.0, settings.threshold.cost
            if cost:
                with talk.progress("choosing the threshold", settings.folds) as done:
                    scores = scores_out_of_fold(chosen, x, y, positive, done=done, **folding)
                value = cheapest(cost, rows.y[trained] == positive, scores)
            threshold = Threshold(value, rows.classes[positive], cost)
            own = chosen.input(x, rows.features)
            estimator = from_threshold_on(chosen, estimator, own, y, positive=threshold.positive, value=value)
    except CandidateError as error:
        raise ConfigError(str(error)) from error
    training = {
        "estimator": chosen.estimator,
        "parameters": chosen.parameters if chosen.is_pipeline else {"scale": chosen.scale, **chosen.parameters},
        "candidates_tried": [result.document() for result in results],
        "seed": settings.seed,
        "folds": settings.folds,
        "repeats": repeats,
    }
    return Fitted(estimator, chosen.columns(rows.features), training, threshold=threshold)


def _tell(results: Sequence[Result], say: Callable[[str], None]) -> None:
    """Say the warnings of scikit-learn, and which better candidates were passed over; the table shows neither."""
    if results[0].metric == "error_rate" and len({result.trial.estimator for result in results}) > 1:
        say("candidates are compared by wrong labels, since not all of them give probabilities")
    chosen = next(result for result in results if result.chosen)
    for result in results:
        for text in result.warned:
            say(f"warning: {result.trial}: {text}")
        if result.unserved and result.loss < chosen.loss:
            better = f"{result.trial} scored better ({result.loss:.4g} against {chosen.loss:.4g})"
            say(f"warning: {better} and is passed over: {result.unserved}")
