"""Verbs about versions and aliases: versions, show, history, models, promote, rollback."""

from __future__ import annotations

import argparse

from model.cli import tables
from model.cli.terminal import say, show, show_json
from model.cli.verbs.common import DONE, mover_of, registry_of
from model.formatting import PROGRAM
from model.registry.models import models
from model.registry.registry import Entry, Moved
from model.workflows import promotion


def run_versions(arguments: argparse.Namespace) -> int:
    store = registry_of(arguments)
    entries = [_entry(entry) for entry in store.entries()]
    if absent := "" if entries else store.absence():
        say(absent)
    if arguments.json:
        show_json(entries)
    elif entries:
        show(tables.versions(entries))
    elif not absent:
        say(f"no versions yet; `{PROGRAM} train` makes one")
    return DONE


def run_show(arguments: argparse.Namespace) -> int:
    store = registry_of(arguments)
    manifest = store.manifest(arguments.version)
    if arguments.json:
        show_json(manifest.document)
    else:
        show(*tables.version(manifest.document, store.standing(arguments.version)))
    return DONE


def run_history(arguments: argparse.Namespace) -> int:
    store = registry_of(arguments)
    alias, _ = store.alias(arguments.alias)
    entries = list(alias.history) if alias else []
    if absent := "" if entries else store.absence():
        say(absent)
    if arguments.json:
        show_json(entries)
    elif entries:
        show(tables.history(entries))
    elif not absent:
        say(f"{arguments.alias} has not been set yet")
    return DONE


def run_models(arguments: argparse.Namespace) -> int:
    found = models(registry_of(arguments).bucket)
    if arguments.json:
        show_json([model.document() for model in found])
    elif found:
        show(tables.models(found))
    else:
        say(f"gs://{arguments.bucket} holds no models; `{PROGRAM} train` makes one")
    return DONE


def run_promote(arguments: argparse.Namespace) -> int:
    store, mover = registry_of(arguments), mover_of(arguments)
    moved = promotion.promote(store, arguments.version, mover, force=arguments.force)
    return _show_move(arguments, "promoted", moved)


def run_rollback(arguments: argparse.Namespace) -> int:
    return _show_move(
        arguments, "rolled back", promotion.rollback(registry_of(arguments), arguments.to, mover_of(arguments))
    )


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
