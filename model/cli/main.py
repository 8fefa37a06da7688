"""Train, publish and promote models: `python -m model VERB`. Arguments, progress, tables, exit codes; no logic.

Exit codes: 0 done · 1 something failed (bucket, file, network) · 2 wrong usage or configuration · 3 the data or
the gate said no.
"""

from __future__ import annotations

# Imports allocate much and free little: without the collector's passes over it all, during and at the end, each verb
# takes a sixth less. What they made is frozen below.
import gc

gc.disable()

import argparse
import contextlib
import getpass
import io
import json
import os
import re
import shlex
import signal
import socket
import sys
import warnings
import webbrowser
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import ConfigError, ModelError, MovedOnError, NotFoundError, RegistryError, ReportError

try:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TransferSpeedColumn,
    )

    from functions import artifact
    from model import config
    from model.cli import tables
    from model.data.findings import as_document
    from model.data.rows import snapshot
    from model.infra_validation import smoke_test
    from model.monitoring import triggers as retraining
    from model.monitoring import verdict as monitoring
    from model.registry import credentials, registry
    from model.registry.production import verified_manifest
    from model.reports import model_card, monitoring_page
    from model.workflows import card as cards
    from model.workflows import dataset as inputs
    from model.workflows import evaluate as judging
    from model.workflows import monitor as watching
    from model.workflows import retrain as deciding
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not there for this Python; do `. .local/env` first, which ./deploy.sh local writes")

gc.freeze()
gc.enable()

DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 3

if TYPE_CHECKING:
    from model.data.findings import Finding
    from model.training.candidates import Trial

_CONFIG = Path(__file__).parents[1] / "config.toml"
_MOST_CHARACTERS = 500  # of a reason: the history is read at every cold start

# What a person types to get here, so that messages name that; and who that is, for the history.
_PROGRAM = os.environ.get("MODEL_PROGRAM") or "python -m model"

talk = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def start() -> int:
    """Run as a process: signals, warnings and standard output as a program needs them; returns the exit code."""
    warnings.filterwarnings("default")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started and what was unpacked goes
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    return main()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    if sys.stdout is None:  # it was closed before we began
        sys.stdout = io.StringIO()
    parsed = _parser().parse_args(arguments)
    try:
        code = int(parsed.verb(parsed))
        sys.stdout.flush()
        return code
    except ModelError as error:
        return _say(error, error.exit_code)
    except KeyboardInterrupt:
        return _say("interrupted", 130)
    except OSError as error:  # nearly always of standard output; whoever closed a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        told = f"{error.filename or 'no output'}: {error.strerror}"
        return _say("" if isinstance(error, BrokenPipeError) else told, FAILED)


def validate(arguments: argparse.Namespace) -> int:
    """Say everything that is wrong with the data, and change nothing."""
    settings = _settings(arguments)
    source = arguments.data or settings.data.source
    store = None
    if arguments.bucket:
        store = _registry(arguments)
    elif source.startswith("gs://"):
        store = registry.Registry(source.removeprefix("gs://").partition("/")[0] or "none", arguments.model)
    given = inputs.read(settings, source, store)
    production, reason = None, "MODEL_BUCKET is not set"
    if store and arguments.bucket:
        try:
            production, reason = _production(arguments, store).comparable(settings)
        except RegistryError as error:
            reason = str(error)
    findings = inputs.findings(given, production)
    errors = sum(finding.severity == "error" for finding in findings)
    report = {
        "source": source,
        "rows": len(given.rows.y),
        "holdout_rows": int(given.held.sum()),
        "errors": errors,
        "warnings": len(findings) - errors,
        "findings": [as_document(finding) for finding in findings],
        "compared_with": {"version": production["version"] if production else None, "reason": reason or None},
    }
    if arguments.json:
        _print_json(report)
    else:
        tables.write(*tables.findings(report))
    return REFUSED if errors else DONE


def train(arguments: argparse.Namespace) -> int:
    """Read, validate, search, decide, publish."""
    settings, store, candidates = _started(arguments)
    given = inputs.read(settings, arguments.data or settings.data.source, store)
    production = _production(arguments, store)
    manifest = _trained(
        store, candidates, given, production, inputs.findings(given, production.comparable(settings)[0])
    )
    if arguments.json:
        _print_json(manifest.document)
    else:
        tables.write(*tables.version(manifest.document))
    if not manifest.document["blessed"]:
        return _say(f"version {manifest.version} is published, unblessed: it cannot be promoted", REFUSED)
    how = _again(arguments, "promote")
    talk.print(f"version {manifest.version} is published and blessed; `{how}` puts it into {arguments.alias}")
    return DONE


def retrain(arguments: argparse.Namespace) -> int:
    """Decide whether to train, and say why; train, and promote what passes the gate."""
    settings, store, candidates = _started(arguments)
    given = inputs.read(settings, arguments.data or settings.data.source, store)
    watched, labelled = None, None
    if arguments.captured:  # the labels are joined with what was captured
        watched = watching.Request(arguments.captured, arguments.labels)
    elif arguments.labels:
        labelled = inputs.labelled(settings, arguments.labels, store)
    force = arguments.force
    while True:
        production = _production(arguments, store)
        findings = inputs.findings(given, production.comparable(settings)[0])
        inputs.stop_at_errors(findings)
        reasons = [retraining.forced()] if force else []
        reasons += deciding.reasons(
            given, production, store, findings=findings, labelled=labelled, now=datetime.now(UTC)
        )
        if watched:
            observed = watching.observe(watched, settings, production, store, reading=_reading)
            reasons.append(retraining.watched(observed.document))
        decision: dict[str, Any] = {
            "decision": "nothing to do",
            "production": production.promoted.version if production.promoted else None,
            "reason": retraining.why(reasons),
            "reasons": [asdict(reason) for reason in reasons],
        }
        other = retraining.other_data(production.promoted.manifest if production.promoted else {}, given.rows.dataset)
        if other:
            talk.print(tables.plain(f"warning: {other}"))
        if not arguments.json:
            tables.write(tables.reasons(decision), "")
        if not any(reason.due for reason in reasons):
            return _decided(arguments, decision, "nothing to do")
        manifest = _trained(store, candidates, given, production, findings)
        decision |= {"version": manifest.version, "gate": manifest.document["gate"]}
        if not arguments.json:
            tables.write(*tables.version(manifest.document), "")
        if not manifest.document["blessed"]:
            _decided(arguments, decision | {"decision": "rejected"})
            return _say(
                f"version {manifest.version} is published, unblessed: {arguments.alias} stays as it was", REFUSED
            )
        reason = _shortened(arguments.reason or f"retrain: {retraining.briefly(reasons)}")
        try:
            moved = store.promote(manifest.version, alias=arguments.alias, by=arguments.by, reason=reason)
        except MovedOnError as error:
            _say(f"{str(error).partition(':')[0]}: deciding again", DONE)
            force = False  # somebody else has just done what was asked for
            continue
        return _decided(
            arguments,
            decision | {"decision": "promoted"},
            f"promoted: {arguments.alias} is version {moved.version} (was {moved.before or 'not set'})",
        )


def promote(arguments: argparse.Namespace) -> int:
    if arguments.force and not arguments.reason.strip():
        raise ConfigError("--force needs --reason TEXT: why a version that the gate refused is put there")
    store = _registry(arguments)
    moved = store.promote(
        arguments.version or store.newest(),
        alias=arguments.alias,
        by=arguments.by,
        reason=arguments.reason,
        force=arguments.force,
    )
    return _moved(arguments, moved, "promoted")


def rollback(arguments: argparse.Namespace) -> int:
    store = _registry(arguments)
    moved = store.rollback(alias=arguments.alias, to=arguments.to, by=arguments.by, reason=arguments.reason)
    return _moved(arguments, moved, "rolled back")


def versions(arguments: argparse.Namespace) -> int:
    store = _registry(arguments)
    entries = [_entry(entry) for entry in store.entries()]
    if arguments.json:
        _print_json(entries)
    elif entries:
        tables.write(tables.versions(entries))
    else:
        talk.print(f"no versions yet; `{_PROGRAM} train` makes one")
    return DONE


def show(arguments: argparse.Namespace) -> int:
    store = _registry(arguments)
    manifest = store.manifest(arguments.version)
    if arguments.json:
        _print_json(manifest.document)
    else:
        tables.write(*tables.version(manifest.document, store.standing(arguments.version)))
    return DONE


def card(arguments: argparse.Namespace) -> int:
    """The model card as it was published, with what became of the version since; made anew where there is none."""
    store = _registry(arguments)
    manifest = store.manifest(arguments.version)
    page = store.report(arguments.version)
    if page is None:
        page = cards.card_from_bucket(store, manifest, say=_talk)
        with contextlib.suppress(RegistryError):  # whoever may only read has the page all the same
            store.publish_report(arguments.version, page)
    path = arguments.output or Path(f"{arguments.model}-{arguments.version}.html")
    try:
        path.write_text(model_card.with_standing(page, store.standing(arguments.version)), encoding="utf-8")
    except OSError as error:
        return _say(f"{path} cannot be written: {error.strerror}", FAILED)
    if arguments.json:
        _print_json({"version": arguments.version, "path": str(path.absolute())})
    else:
        print(path.absolute())
        if sys.stdout.isatty() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            webbrowser.open(path.absolute().as_uri())
    return DONE


def history(arguments: argparse.Namespace) -> int:
    found, _ = _registry(arguments).alias(arguments.alias)
    entries = list(found.history) if found else []
    if arguments.json:
        _print_json(entries)
    elif entries:
        tables.write(tables.history(entries))
    else:
        talk.print(f"{arguments.alias} has not been set yet")
    return DONE


def smoke(arguments: argparse.Namespace) -> int:
    """Ask running functions. Tokens come by standard input, so that no list of processes shows them."""
    alias, _ = _registry(arguments).alias(arguments.alias)
    if alias is None:
        raise NotFoundError(f"{arguments.model} has no alias {arguments.alias} yet")
    manifest = verified_manifest(alias, arguments.model)
    found = []
    for function, address in arguments.function:
        token = sys.stdin.readline().strip() if arguments.tokens_stdin else ""
        right, wrong = smoke_test.ask(address, function, manifest, token=token, within_seconds=arguments.within)
        found.append({"function": function, "version": manifest.version, "right": right, "wrong": wrong})
        for problem in wrong:
            _say(f"{function}: {problem}", FAILED)
        if not wrong and not arguments.json:
            print(f"{function}: {right} answers as they must be, from version {manifest.version}", flush=True)
    if arguments.json:
        _print_json(found)
    return FAILED if any(entry["wrong"] for entry in found) else DONE


def monitor(arguments: argparse.Namespace) -> int:
    """Say whether inputs moved, the model aged, requests fail or got slow."""
    settings = _settings(arguments)
    store = _registry(arguments)
    request = watching.Request(arguments.sources, arguments.labels, arguments.window, arguments.until)
    observed = watching.observe(request, settings, _production(arguments, store), store, reading=_reading)
    document = observed.document
    if arguments.report:
        try:
            page = monitoring_page.render(document, watching.figures(observed, say=_talk))
            arguments.report.write_text(page, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            return _say(f"{arguments.report} cannot be written: {error.strerror}", FAILED)
    if arguments.json:
        _print_json(document)
    else:
        tables.write(*tables.monitoring(document))
    return REFUSED if document["status"] == monitoring.ALERT else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=_PROGRAM, description="Train, judge, publish, promote and watch models.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, default=_CONFIG, metavar="FILE", help="default: model/config.toml")
    common.add_argument("--data", metavar="URI", help="rows to use instead of the file's data.source")
    common.add_argument("--json", action="store_true", help="machine output on stdout")
    common.add_argument("--bucket", default=os.environ.get("MODEL_BUCKET"), help="default: $MODEL_BUCKET")
    common.add_argument(
        "--model", default=os.environ.get("MODEL_NAME") or "linear-regression", help="default: $MODEL_NAME"
    )
    alias = argparse.ArgumentParser(add_help=False)
    alias.add_argument(
        "--alias", default=os.environ.get("MODEL_ALIAS") or "production", help="default: $MODEL_ALIAS, or production"
    )
    mover = argparse.ArgumentParser(add_help=False)
    mover.add_argument(
        "--by",
        type=_text,
        default=os.environ.get("MODEL_BY") or _user(),
        help="who does it, for the history (default: %(default)s)",
    )
    mover.add_argument("--reason", type=_text, default="", help="why, for the history")

    def verb(name: str, run: Any, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text, parents=[common, *parents])
        made.set_defaults(verb=run)
        return made

    verb("validate", validate, "say everything that is wrong with the data, and what would fix it", alias)
    verb("train", train, "train the candidates, evaluate the best, publish it as the next version", alias)
    made = verb("promote", promote, "put a blessed version into production", alias, mover)
    made.add_argument("version", type=_version, nargs="?", metavar="VERSION", help="default: the newest")
    made.add_argument("--force", action="store_true", help="also one that the gate refused; needs --reason")
    made = verb(
        "retrain", retrain, "train again when there is a reason, and promote what passes the gate", alias, mover
    )
    made.add_argument(
        "--captured", action="append", metavar="SOURCE", help="captured log lines, as for monitor; may be repeated"
    )
    made.add_argument(
        "--labels", metavar="URI", help="labelled rows that arrived since; with --captured, labels as for monitor"
    )
    made.add_argument("--force", action="store_true", help="train whatever the reasons say; the gate decides as ever")
    made = verb("rollback", rollback, "put back what production held before the current version", alias, mover)
    made.add_argument("--to", type=_version, metavar="VERSION", help="a version further back")
    verb("versions", versions, "list all versions")
    verb("show", show, "one version in full").add_argument("version", type=_version, metavar="VERSION")
    made = verb("report", card, "write the model card of one version to a file, and open it on a desktop")
    made.add_argument("version", type=_version, metavar="VERSION")
    made.add_argument("--output", type=Path, metavar="FILE", help="default: MODEL-VERSION.html in this folder")
    verb("history", history, "what an alias held, newest first", alias)
    made = verb("smoke", smoke, "ask running functions for the predictions that they must give", alias)
    made.add_argument(
        "function", nargs="+", type=_function, metavar="NAME=ADDRESS", help="batch=https://… stream=https://…"
    )
    made.add_argument("--tokens-stdin", action="store_true", help="read an identity token for each, a line each")
    made.add_argument("--within", type=_seconds, default=90.0, metavar="SECONDS", help="until it serves (%(default)s)")
    made = verb("monitor", monitor, "say whether inputs moved, the model aged, requests fail or got slow", alias)
    made.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="captured log lines: a file, gs://BUCKET/PREFIX, or - for stdin"
    )
    made.add_argument("--labels", metavar="FILE", help="what became true: request_id, row and the target's name")
    made.add_argument("--window", type=_hours, default=24.0, metavar="HOURS", help="default: %(default)g")
    made.add_argument("--until", type=_time, metavar="TIME", help="where the window ends (default: the newest line)")
    made.add_argument("--report", type=Path, metavar="FILE", help="write an HTML page with plots too")
    return parser


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):  # noqa: PLR2004 - no such number
        raise argparse.ArgumentTypeError(f"a version is a whole number from 1, got {text!r}")
    return int(text)


def _function(text: str) -> tuple[str, str]:
    name, _, address = text.partition("=")
    if name not in {"batch", "stream"} or not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", address):
        raise argparse.ArgumentTypeError(f"batch or stream, =, and http(s)://HOST, got {text!r:.80}")
    return name, address


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text):
        raise argparse.ArgumentTypeError(f"a number of seconds, got {text!r}")
    return float(text)


def _hours(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) or not float(text):
        raise argparse.ArgumentTypeError(f"a number of hours above 0 and below 10000, got {text!r:.80}")
    return float(text)


def _time(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo:
            found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        found = None
    if found is None or found.tzinfo is None or found.timestamp() < 0:
        raise argparse.ArgumentTypeError(f"a time with its zone like 2026-11-24T18:00Z, got {text!r:.80}")
    return found.timestamp()


def _text(text: str) -> str:
    if len(text) > _MOST_CHARACTERS or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"one line of at most {_MOST_CHARACTERS} printable characters, got {text!r:.80}"
        )
    return text


def _registry(arguments: argparse.Namespace) -> registry.Registry:
    if not arguments.bucket:
        raise ConfigError("MODEL_BUCKET must name the bucket (for a local run: `. .local/env`), it is not set")
    for option in ("model", "alias"):
        name = getattr(arguments, option, "x")
        if not artifact.is_name(name):
            raise ConfigError(f"--{option} must be lower-case letters, digits, '.', '_' or '-', got {name!r}")
    who = os.environ.get("MODEL_CREDENTIALS", "")
    if who not in {"", "gcloud"}:
        raise ConfigError(f"MODEL_CREDENTIALS must be gcloud, or not set, got {who!r}")
    account = credentials.of_gcloud(os.environ.get("GCLOUD") or "gcloud") if who else None
    return registry.Registry(arguments.bucket, arguments.model, credentials=account)


def _started(
    arguments: argparse.Namespace,
) -> tuple[config.Config, registry.Registry, list[Trial]]:
    """What every training needs, checked before anything is read."""
    from model.workflows import train as pipeline  # noqa: PLC0415 - scikit-learn and scipy take a second, which other verbs do not need

    settings = _settings(arguments)
    store = _registry(arguments)
    try:
        return settings, store, pipeline.candidates(settings)
    except ConfigError as error:
        raise ConfigError(f"{arguments.config}: {error}") from error


def _settings(arguments: argparse.Namespace) -> config.Config:
    """The configuration; what of it counts no more is said."""
    settings = config.read(arguments.config)
    for remark in settings.remarks:
        _say(f"{arguments.config}: {remark}", DONE)
    return settings


def _production(arguments: argparse.Namespace, store: registry.Registry) -> inputs.Production:
    return inputs.Production(arguments.model, arguments.alias, store.alias(arguments.alias)[0])


def _trained(
    store: registry.Registry,
    candidates: list[Trial],
    given: inputs.Inputs,
    production: inputs.Production,
    findings: list[Finding],
) -> artifact.Manifest:
    """Train, judge against *production*, and publish with the model card."""
    from model.workflows import train as pipeline  # noqa: PLC0415 - as above

    champion = judging.champion(production)
    document = pipeline.train(
        given,
        candidates,
        champion=champion,
        findings=findings,
        progress=_progress,
        say=_talk,
    )
    manifest = store.publish(document, snapshot=snapshot(given.rows), dataset=given.rows.dataset)
    try:
        page = cards.card(manifest, given.rows, given.held, champion.predictor, say=_talk)
        store.publish_report(manifest.version, page)
    except (RegistryError, ReportError) as error:  # the version stands without it
        _say(f"version {manifest.version} has no model card yet, `report {manifest.version}` makes it: {error}", DONE)
    return manifest


def _decided(arguments: argparse.Namespace, decision: dict[str, Any], text: str = "") -> int:
    if arguments.json:
        _print_json(decision)
    elif text:
        print(text)
    return DONE


@contextlib.contextmanager
def _progress(text: str, total: int) -> Iterator[Any]:
    """A bar on a terminal, nothing in a pipe; yields what advances it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=talk, disable=not talk.is_terminal, transient=True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda: bar.advance(task)


@contextlib.contextmanager
def _reading(sources: Sequence[str]) -> Iterator[Any]:
    """The same for bytes; yields what is told how many were read."""
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    paths = [Path(source) for source in sources]
    total = sum(path.stat().st_size for path in paths) if all(path.is_file() for path in paths) else None
    with Progress(*columns, console=talk, disable=not talk.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda size: bar.advance(task, size)


def _again(arguments: argparse.Namespace, verb: str) -> str:
    """How to type *verb* about the same model, alias and bucket."""
    usual = _parser().parse_args([verb])
    given = (name for name in ("bucket", "model", "alias") if getattr(arguments, name) != getattr(usual, name))
    return " ".join([_PROGRAM, verb, *(f"--{name} {shlex.quote(getattr(arguments, name))}" for name in given)])


def _moved(arguments: argparse.Namespace, moved: registry.Moved, deed: str) -> int:
    if arguments.json:
        _print_json({"alias": arguments.alias, **vars(moved)})
    elif not moved.changed:
        print(f"{arguments.alias} already is version {moved.version}: nothing changed")
    else:
        before = f" (was {moved.before})" if moved.before else ""
        print(f"{deed}: {arguments.alias} is version {moved.version}{before}")
    return DONE


def _entry(entry: registry.Entry) -> dict[str, Any]:
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


def _talk(text: str) -> None:
    talk.print(tables.plain(text))


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _say(what: object, code: int) -> int:
    for line in str(what).splitlines():
        talk.print(tables.plain(line.replace("python -m model", _PROGRAM)))
    return code


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def _user() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # no entry in the password file
        return f"{os.getuid()}@{socket.gethostname()}"
