"""Verbs that make versions: train, retrain, and publish once its arguments are known to fit."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from functions.artifact import Manifest
from model.cli import tables
from model.cli.arguments import command
from model.cli.terminal import TALK, say, show, show_json
from model.cli.verbs.common import DONE, REFUSED, mover_of, registry_of, settings_of
from model.config import Config
from model.errors import ConfigError, UsageError
from model.registry.registry import Moved, Registry
from model.training.candidates import Trial
from model.training.own_code import look_in
from model.workflows import by_hand, dataset, publish, retrain
from model.workflows.dataset import Production
from model.workflows.labelled import read_labelled
from model.workflows.monitor import MonitorInputs
from model.workflows.retrain import Decision
from model.workflows.train import candidates, task_of, train


def run_train(arguments: argparse.Namespace) -> int:
    settings, store, candidates = _for_training(arguments)
    production = Production(arguments.model, arguments.alias, store.alias(arguments.alias)[0])
    with TALK.step("reading"):
        task = task_of(settings, candidates)
        given = dataset.read(settings, arguments.data or settings.data.source, store, production, task=task)
    with TALK.step("validating"):
        findings = dataset.findings(given, production.comparable(settings)[0])
    return show_published(arguments, train(store, candidates, given, production, findings, talk=TALK))


def publish_pipeline(arguments: argparse.Namespace, settings: Config, store: Registry, target: str) -> int:
    """Publish the pipeline that *arguments* name; see publishing.run_publish."""
    if arguments.target and arguments.target != settings.data.target:
        settings = Config.model_validate({"data": {"source": arguments.data, "target": target}})
    with TALK.step("reading"):
        look_in([arguments.config.parent, Path.cwd()])  # the pipeline may need modules of one's own
        pipeline, fitted_with = publish.loaded(arguments.pipeline)
        sources = [arguments.data, *([arguments.training] if arguments.training else [])]
        holdout, *training = (read_labelled(source, pipeline, target, settings, store, talk=TALK) for source in sources)
    redacted = [feature.name for feature in settings.data.features or () if feature.redact]
    manifest = publish.publish(
        store,
        publish.Given(pipeline, arguments.by, fitted_with, arguments.model),
        holdout,
        training[0] if training else None,
        by_hand.settings_for(holdout, settings),
        production=Production(arguments.model, arguments.alias, store.alias(arguments.alias)[0]),
        redact=redacted,
        talk=TALK,
    )
    return show_published(arguments, manifest)


def run_retrain(arguments: argparse.Namespace) -> int:
    if arguments.labels and not arguments.captured:
        raise UsageError(
            "--labels needs --captured: it takes the keys of captured predictions (request_id, row) and what became"
            " true; rows with features and target are given as --labelled-rows"
        )
    settings, store, candidates = _for_training(arguments)
    production = Production(arguments.model, arguments.alias, store.alias(arguments.alias)[0])
    with TALK.step("reading"):
        task = task_of(settings, candidates)
        given = dataset.read(settings, arguments.data or settings.data.source, store, production, task=task)
    arrivals = retrain.Arrivals(
        captured=MonitorInputs(arguments.captured, arguments.labels) if arguments.captured else None,
        labelled=dataset.labelled(settings, arguments.labelled_rows, store, production)
        if arguments.labelled_rows
        else None,
    )
    decision = retrain.retrain(
        store,
        candidates,
        given,
        arrivals,
        model=arguments.model,
        mover=mover_of(arguments),
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
        print(promoted_line(decision.moved, arguments.alias) if decision.moved else decision.verdict)
    return DONE


def show_published(arguments: argparse.Namespace, manifest: Manifest) -> int:
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


def _for_training(arguments: argparse.Namespace) -> tuple[Config, Registry, list[Trial]]:
    """Settings, registry and candidates, checked before any row is read."""
    settings, store = settings_of(arguments), registry_of(arguments)
    try:
        return settings, store, candidates(settings, arguments.config.parent)
    except ConfigError as error:
        raise ConfigError(f"{arguments.config}: {error}") from error


def _show_nothing(_decision: Decision) -> None:
    """The decision is printed as JSON at the end."""


def _show_decision(decision: Decision) -> None:
    if decision.manifest:
        show(*tables.version(decision.manifest.document), "")
    else:
        show(tables.reasons([asdict(reason) for reason in decision.reasons]), "")


def promoted_line(moved: Moved, alias: str) -> str:
    return f"promoted: {alias} is version {moved.version} (was {moved.before or 'not set'})"
