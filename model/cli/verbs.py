"""The verbs: arguments to a workflow, its result to the terminal; each gives the exit code."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from functions import artifact
from functions.artifact import Manifest
from model import config
from model.cli import tables, tables_monitoring
from model.cli.arguments import command
from model.cli.terminal import TALK, is_terminal, say, show, show_json
from model.config import Config
from model.data.drift import ALERT
from model.errors import ConfigError, NotFoundError, OperatorError, RefusedError, SourceError, UsageError
from model.formatting import PROGRAM, counted
from model.registry import credentials
from model.registry.models import models
from model.registry.production import verified_manifest
from model.registry.registry import Entry, Moved, Registry
from model.reports import monitoring_page
from model.workflows import card, dataset, init, monitor, promotion, smoke, validate
from model.workflows.dataset import Production
from model.workflows.promotion import Mover

if TYPE_CHECKING:
    from model.training.candidates import Trial
    from model.workflows.retrain import Decision

DONE, FAILED, REFUSED = 0, OperatorError.exit_code, RefusedError.exit_code


def run_init(arguments: argparse.Namespace) -> int:
    written = init.init(arguments.source, arguments.target, arguments.output, _store_of(arguments, arguments.source))
    if arguments.json:
        show_json(written.document())
        return DONE
    kinds = ", ".join(f"{name} ({kind})" for name, kind in written.kinds.items())
    print(f"{written.path}: {written.rows} rows of {written.source}, features {kinds}")
    for name, reason in written.left_out.items():
        say(f"left out '{name}': {reason}")
    for doubt in written.doubts:
        say(doubt)
    say(f"look it through, then `{PROGRAM} validate --config {shlex.quote(str(written.path))}`")
    return DONE


def run_validate(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    source = arguments.data or settings.data.source
    store = _store_of(arguments, source)
    report = validate.validate(
        settings,
        source,
        store,
        model=arguments.model,
        alias=arguments.alias,
        compared=bool(arguments.bucket),
        talk=TALK,
    )
    if arguments.json:
        show_json(report.document())
    else:
        show(*tables.validation(report))
    return REFUSED if report.errors else DONE


def run_train(arguments: argparse.Namespace) -> int:
    from model.workflows.train import train  # noqa: PLC0415 - scikit-learn takes a second that other verbs do not need

    settings, store, candidates = _for_training(arguments)
    production = Production(arguments.model, arguments.alias, store.alias(arguments.alias)[0])
    with TALK.step("reading"):
        given = dataset.read(settings, arguments.data or settings.data.source, store, production)
    with TALK.step("validating"):
        findings = dataset.findings(given, production.comparable(settings)[0])
    return _show_published(arguments, train(store, candidates, given, production, findings, talk=TALK))


def _show_published(arguments: argparse.Namespace, manifest: Manifest) -> int:
    if arguments.json:
        show_json(manifest.document)
    else:
        show(*tables.version(manifest.document))
    if not manifest.document["blessed"]:
        say(f"version {manifest.version} is published, unblessed: it cannot be promoted")
        return REFUSED
    promote = command(arguments, "promote")
    say(f"version {manifest.version} is published and blessed; `{promote}` puts it into {arguments.alias}")
    return DONE


def run_publish(arguments: argparse.Namespace) -> int:
    from model.training.own_code import look_in  # noqa: PLC0415 - as for train
    from model.workflows import by_hand, publish  # noqa: PLC0415

    if not arguments.data:
        raise UsageError("--data must name rows that the pipeline was not fitted to: they judge it")
    settings, store = _settings(arguments), _registry(arguments)
    target = arguments.target or settings.data.target
    if arguments.target and arguments.target != settings.data.target:
        settings = Config.model_validate({"data": {"source": arguments.data, "target": target}})
    with TALK.step("reading"):
        look_in([arguments.config.parent, Path.cwd()])  # the pipeline may need modules of one's own
        pipeline, fitted_with = publish.loaded(arguments.pipeline)
        holdout = publish.read_labelled(arguments.data, target, store)
        training = publish.read_labelled(arguments.training, target, store) if arguments.training else None
    redacted = [feature.name for feature in settings.data.features or () if feature.redact]
    manifest = publish.publish(
        store,
        publish.Given(pipeline, arguments.by, fitted_with, arguments.model),
        holdout,
        training,
        by_hand.settings_for(holdout, settings),
        production=Production(arguments.model, arguments.alias, store.alias(arguments.alias)[0]),
        redact=redacted,
        talk=TALK,
    )
    return _show_published(arguments, manifest)


def run_retrain(arguments: argparse.Namespace) -> int:
    if arguments.labels and not arguments.captured:
        raise UsageError(
            "--labels needs --captured: it takes the keys of captured predictions (request_id, row) and what became"
            " true; rows with features and target are given as --labelled-rows"
        )
    from model.workflows import retrain  # noqa: PLC0415 - as for train

    settings, store, candidates = _for_training(arguments)
    production = Production(arguments.model, arguments.alias, store.alias(arguments.alias)[0])
    with TALK.step("reading"):
        given = dataset.read(settings, arguments.data or settings.data.source, store, production)
    arrivals = retrain.Arrivals(
        captured=monitor.MonitorInputs(arguments.captured, arguments.labels) if arguments.captured else None,
        labelled=dataset.labelled(settings, arguments.labelled_rows, store) if arguments.labelled_rows else None,
    )
    decision = retrain.retrain(
        store,
        candidates,
        given,
        arrivals,
        model=arguments.model,
        mover=_mover(arguments),
        force=arguments.force,
        talk=TALK,
        show=_show_nothing if arguments.json else _show_decision,
    )
    if arguments.json:
        show_json(decision.document())
    if decision.verdict == retrain.REJECTED and decision.manifest:
        say(f"version {decision.manifest.version} is published, unblessed: {arguments.alias} stays as it was")
        return REFUSED
    if not arguments.json:
        print(_promoted(decision.moved, arguments.alias) if decision.moved else decision.verdict)
    return DONE


def run_promote(arguments: argparse.Namespace) -> int:
    mover = _mover(arguments)
    return _show_move(
        arguments, "promoted", promotion.promote(_registry(arguments), arguments.version, mover, force=arguments.force)
    )


def run_rollback(arguments: argparse.Namespace) -> int:
    return _show_move(
        arguments, "rolled back", promotion.rollback(_registry(arguments), arguments.to, _mover(arguments))
    )


def run_versions(arguments: argparse.Namespace) -> int:
    entries = [_entry(entry) for entry in _registry(arguments).entries()]
    if arguments.json:
        show_json(entries)
    elif entries:
        show(tables.versions(entries))
    else:
        say(f"no versions yet; `{PROGRAM} train` makes one")
    return DONE


def run_predict(arguments: argparse.Namespace) -> int:
    from model.workflows.predict import predict  # noqa: PLC0415 - as for train

    if arguments.json and not arguments.output:
        raise UsageError("--json needs --output FILE: the predictions would stand on standard output too")
    settings, store = _settings(arguments), _registry(arguments)
    if arguments.version:
        manifest = store.manifest(arguments.version)
    else:
        promoted, _ = store.alias(arguments.alias)
        if promoted is None:
            raise NotFoundError(f"{arguments.model} has no alias {arguments.alias} yet; --version takes any version")
        manifest = verified_manifest(promoted, arguments.model)
    found = predict(
        store.predictor(manifest),
        arguments.file,
        store,
        arguments.output,
        missing=settings.data.missing,
        talk=TALK,
    )
    if arguments.json:
        show_json(found.document())
    else:
        aside = f", {counted(found.refused, 'row')} set aside" if found.refused else ""
        where = f" in {found.refused_output}" if found.refused_output else ""
        rows = counted(found.rows - found.refused, "row")
        say(f"{rows} predicted by {found.model} version {found.version}{aside}{where}")
    return REFUSED if found.refused else DONE


def run_models(arguments: argparse.Namespace) -> int:
    found = models(_registry(arguments).bucket)
    if arguments.json:
        show_json([model.document() for model in found])
    elif found:
        show(tables.models(found))
    else:
        say(f"gs://{arguments.bucket} holds no models; `{PROGRAM} train` makes one")
    return DONE


def run_show(arguments: argparse.Namespace) -> int:
    store = _registry(arguments)
    manifest = store.manifest(arguments.version)
    if arguments.json:
        show_json(manifest.document)
    else:
        show(*tables.version(manifest.document, store.standing(arguments.version)))
    return DONE


def run_report(arguments: argparse.Namespace) -> int:
    page = card.published_card(_registry(arguments), arguments.version, say=say)
    path = arguments.output or Path(f"{arguments.model}-{arguments.version}.html")
    _write(path, page)
    if arguments.json:
        show_json({"version": arguments.version, "path": str(path.absolute())})
    else:
        print(path.absolute())
        if is_terminal() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            webbrowser.open(path.absolute().as_uri())
    return DONE


def run_history(arguments: argparse.Namespace) -> int:
    alias, _ = _registry(arguments).alias(arguments.alias)
    entries = list(alias.history) if alias else []
    if arguments.json:
        show_json(entries)
    elif entries:
        show(tables.history(entries))
    else:
        say(f"{arguments.alias} has not been set yet")
    return DONE


def run_smoke(arguments: argparse.Namespace) -> int:
    """Tokens come by standard input, so that no list of processes shows them."""
    answers = []
    for answer in smoke.smoke(
        _registry(arguments),
        arguments.function,
        model=arguments.model,
        alias=arguments.alias,
        token=lambda: sys.stdin.readline().strip() if arguments.tokens_stdin else "",
        within_seconds=arguments.within,
    ):
        answers.append(answer)
        for problem in answer.wrong:
            say(f"{answer.function}: {problem}")
        if not answer.wrong and not arguments.json:
            right = f"{answer.right} answers as they must be, from version {answer.version}"
            print(f"{answer.function}: {right}", flush=True)
    if arguments.json:
        show_json([answer.document() for answer in answers])
    return FAILED if any(answer.wrong for answer in answers) else DONE


def run_monitor(arguments: argparse.Namespace) -> int:
    settings, store = _settings(arguments), _registry(arguments)
    request = monitor.MonitorInputs(arguments.sources, arguments.labels, arguments.window, arguments.until)
    production = Production(arguments.model, arguments.alias, store.alias(arguments.alias)[0])
    observed = monitor.observe(request, settings, production, store, reading=TALK.reading)
    if arguments.report:
        _write(arguments.report, monitoring_page.render(observed.document, monitor.figures(observed, say=say)))
    if arguments.json:
        show_json(observed.document)
    else:
        show(*tables_monitoring.monitoring(observed.document))
    if observed.verdict.status == ALERT:
        return REFUSED
    if observed.unseen:
        raise SourceError("\n".join(observed.unseen))
    return DONE


VERBS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "init": run_init,
    "validate": run_validate,
    "train": run_train,
    "publish": run_publish,
    "promote": run_promote,
    "retrain": run_retrain,
    "rollback": run_rollback,
    "versions": run_versions,
    "show": run_show,
    "report": run_report,
    "history": run_history,
    "smoke": run_smoke,
    "monitor": run_monitor,
    "predict": run_predict,
    "models": run_models,
}


def _settings(arguments: argparse.Namespace) -> Config:
    """The configuration; a key that no longer counts is named."""
    settings = config.read(arguments.config)
    for remark in settings.remarks:
        say(f"{arguments.config}: {remark}")
    return settings


def _store_of(arguments: argparse.Namespace, source: str) -> Registry | None:
    """The bucket that is set, or for a *source* in one that bucket; None where neither is."""
    if arguments.bucket:
        return _registry(arguments)
    if source.startswith("gs://"):
        return Registry(source.removeprefix("gs://").partition("/")[0] or "none", arguments.model)
    return None


def _registry(arguments: argparse.Namespace) -> Registry:
    if not arguments.bucket:
        raise ConfigError("MODEL_BUCKET must name the bucket (for a local run: `. .local/env`), it is not set")
    for option in ("model", "alias"):
        name = getattr(arguments, option, "x")
        if not artifact.is_name(name):
            raise ConfigError(f"--{option} must be lower-case letters, digits, '.', '_' or '-', got {name!r}")
    account = os.environ.get("MODEL_CREDENTIALS", "")
    if account not in {"", "gcloud"}:
        raise ConfigError(f"MODEL_CREDENTIALS must be gcloud, or not set, got {account!r}")
    token = credentials.of_gcloud(os.environ.get("GCLOUD") or "gcloud") if account else None
    return Registry(arguments.bucket, arguments.model, credentials=token)


def _for_training(arguments: argparse.Namespace) -> tuple[Config, Registry, list[Trial]]:
    """Settings, registry and candidates, checked before any row is read."""
    from model.workflows.train import candidates  # noqa: PLC0415 - as for train

    settings, store = _settings(arguments), _registry(arguments)
    try:
        return settings, store, candidates(settings, arguments.config.parent)
    except ConfigError as error:
        raise ConfigError(f"{arguments.config}: {error}") from error


def _mover(arguments: argparse.Namespace) -> Mover:
    return Mover(arguments.alias, arguments.by, arguments.reason)


def _show_nothing(_decision: Decision) -> None:
    """The decision is printed as JSON at the end."""


def _show_decision(decision: Decision) -> None:
    if decision.manifest:
        show(*tables.version(decision.manifest.document), "")
    else:
        show(tables.reasons([asdict(reason) for reason in decision.reasons]), "")


def _promoted(moved: Moved, alias: str) -> str:
    return f"promoted: {alias} is version {moved.version} (was {moved.before or 'not set'})"


def _show_move(arguments: argparse.Namespace, deed: str, moved: Moved) -> int:
    if arguments.json:
        show_json({"alias": arguments.alias, **vars(moved)})
    elif not moved.changed:
        print(f"{arguments.alias} already is version {moved.version}: nothing changed")
    else:
        before = f" (was {moved.before})" if moved.before else ""
        print(f"{deed}: {arguments.alias} is version {moved.version}{before}")
    return DONE


def _entry(entry: Entry) -> dict[str, object]:
    """A version in the JSON of `versions`."""
    document = entry.manifest.document if entry.manifest else {}
    return {
        "version": entry.version,
        "created": document.get("created"),
        "metrics": document.get("metrics"),
        "blessed": document.get("blessed"),
        "aliases": entry.aliases,
        "forced": entry.forced,
        "error": entry.error or None,
    }


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}") from error
