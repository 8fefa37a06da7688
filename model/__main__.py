"""Train, publish and promote models: `python -m model VERB`. Arguments, progress, tables, exit codes; no logic.

Exit codes: 0 done · 1 something failed (bucket, file, network) · 2 wrong usage or configuration · 3 the data or
the gate said no.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import warnings
import webbrowser
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import numpy as np
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from functions import artifact, predictor
    from functions.artifact import ArtifactError
    from functions.schema import Feature

    from . import (
        config,
        credentials,
        data,
        evaluation,
        gate,
        plots,
        registry,
        replay,
        report,
        tables,
        validation,
    )
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not there for this Python; do `. .local/env` first, which ./deploy.sh local writes")

DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 3

if TYPE_CHECKING:
    from . import training

_CONFIG = Path(__file__).parent / "config.toml"
_GOLDEN_ROWS = 8
_MOST_CHARACTERS = 500  # of a reason: the history is read at every cold start

# What a person types to get here, so that messages name that; and who that is, for the history.
_PROGRAM = os.environ.get("MODEL_PROGRAM") or "python -m model"

talk = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        code = int(parsed.verb(parsed))
        sys.stdout.flush()
        return code
    except (config.ConfigError, registry.NotFoundError) as error:
        return _say(error, USAGE)
    except (data.DataError, registry.RefusedError) as error:
        return _say(error, REFUSED)
    except (data.SourceError, registry.RegistryError, report.ReportError, ArtifactError) as error:
        return _say(error, FAILED)
    except KeyboardInterrupt:
        return _say("interrupted", 130)
    except OSError as error:  # of standard output; whoever closed a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _say("" if isinstance(error, BrokenPipeError) else f"no output: {error.strerror}", FAILED)


def validate(arguments: argparse.Namespace) -> int:
    """Say everything that is wrong with the data, and change nothing."""
    settings = config.read(arguments.config)
    source = arguments.data or settings.data.source
    store = None
    if arguments.bucket:
        store = _registry(arguments)
    elif source.startswith("gs://"):
        store = registry.Registry(source.removeprefix("gs://").partition("/")[0] or "none", arguments.model)
    rows = _rows(source, settings, store)
    held = data.held_out(rows, settings.data.holdout)
    production, reason = None, "MODEL_BUCKET is not set"
    if store and arguments.bucket:
        try:
            production, reason = _production(store.alias(arguments.alias)[0], arguments, settings)
        except registry.RegistryError as error:
            reason = str(error)
    findings = _findings(settings, rows, held, production)
    errors = sum(finding.severity == "error" for finding in findings)
    report = {
        "source": source,
        "rows": len(rows.y),
        "holdout_rows": int(held.sum()),
        "errors": errors,
        "warnings": len(findings) - errors,
        "findings": [asdict(finding) for finding in findings],
        "compared_with": {"version": production["version"] if production else None, "reason": reason or None},
    }
    if arguments.json:
        _print_json(report)
    else:
        tables.write(*tables.findings(report))
    return REFUSED if errors else DONE


def train(arguments: argparse.Namespace) -> int:
    """Read, validate, split, search, choose, fit, evaluate, decide, publish."""
    from . import training  # noqa: PLC0415 - scikit-learn and scipy take a second, which other verbs do not need

    settings = config.read(arguments.config)
    store = _registry(arguments)
    trials = _trials(arguments, settings)
    rows = _rows(arguments.data or settings.data.source, settings, store)
    held = data.held_out(rows, settings.data.holdout)
    promoted, _ = store.alias(arguments.alias)
    findings = _findings(settings, rows, held, _production(promoted, arguments, settings)[0])
    if any(finding.severity == "error" for finding in findings):
        raise data.DataError("\n".join(map(str, findings)))
    x, y, seed = rows.x[~held], rows.y[~held], settings.training.seed
    folds, repeats = settings.training.folds, settings.training.repeats
    try:
        with _progress("cross-validating", len(trials) * folds * repeats) as done:
            groups = rows.hashes[~held]
            scored = training.search(trials, x, y, folds=folds, repeats=repeats, seed=seed, groups=groups, done=done)
        results = training.choose(scored)
    except training.TrainingError as error:
        raise config.ConfigError(str(error)) from error
    _tell(results)
    best = next(result.trial for result in results if result.chosen)
    estimator = training.fit(best, x, y, seed=seed)
    expected = estimator.predict(rows.x)
    document: dict[str, Any] = {
        "runtime": "linear",
        "linear": training.to_linear(estimator),
        "features": data.describe(x, rows.features),
        "target": {"name": rows.target},
        "data": {
            "rows": len(rows.y),
            "holdout_rows": int(held.sum()),
            "holdout": settings.data.holdout,
            "warnings": [
                {name: vars(found)[name] for name in ("code", "column", "count", "found")} for found in findings
            ],
        },
        "training": {
            "estimator": best["estimator"],
            "parameters": {"scale": best["scale"], **best["parameters"]},
            "candidates_tried": [result.table() for result in results],
            "seed": seed,
            "folds": folds,
            "repeats": repeats,
            "packages": {name: package_version(name) for name in ("numpy", "scikit-learn", "scipy")},
            "python": platform.python_version(),
            "git_commit": _git_commit(),
        },
        "golden": [
            {"instance": rows.x[row].tolist(), "prediction": float(expected[row])} for row in _golden_rows(expected)
        ],
    }
    champion, standing = _champion(promoted, arguments)
    document |= _verdict(document, settings, rows, held, expected=expected, champion=champion, standing=standing)
    manifest = store.publish(document, snapshot=data.snapshot(rows), dataset=rows.dataset)
    try:
        store.publish_report(manifest.version, _card(manifest, rows, held, champion))
    except (registry.RegistryError, report.ReportError) as error:  # the version stands without it
        _say(f"version {manifest.version} has no model card yet, `report {manifest.version}` makes it: {error}", DONE)
    if arguments.json:
        _print_json(manifest.document)
    else:
        tables.write(*tables.version(manifest.document))
    if not manifest.document["blessed"]:
        return _say(f"version {manifest.version} is published, unblessed: it cannot be promoted", REFUSED)
    talk.print(f"version {manifest.version} is published and blessed; `{_PROGRAM} promote` puts it into production")
    return DONE


def promote(arguments: argparse.Namespace) -> int:
    if arguments.force and not arguments.reason.strip():
        raise config.ConfigError("--force needs --reason TEXT: why a version that the gate refused is put there")
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
        page = _card_from_bucket(store, manifest)
        with contextlib.suppress(registry.RegistryError):  # whoever may only read has the page all the same
            store.publish_report(arguments.version, page)
    path = arguments.output or Path(f"{arguments.model}-{arguments.version}.html")
    try:
        path.write_text(report.with_standing(page, store.standing(arguments.version)), encoding="utf-8")
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
        raise registry.NotFoundError(f"{arguments.model} has no alias {arguments.alias} yet")
    manifest = artifact.promoted_manifest(alias, arguments.model)
    found = []
    for function, address in arguments.function:
        token = sys.stdin.readline().strip() if arguments.tokens_stdin else ""
        right, wrong = replay.ask(address, function, manifest, token=token, within_seconds=arguments.within)
        found.append({"function": function, "version": manifest.version, "right": right, "wrong": wrong})
        for problem in wrong:
            _say(f"{function}: {problem}", FAILED)
        if not wrong and not arguments.json:
            print(f"{function}: {right} answers as they must be, from version {manifest.version}", flush=True)
    if arguments.json:
        _print_json(found)
    return FAILED if any(entry["wrong"] for entry in found) else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=_PROGRAM, description=__doc__.splitlines()[0])
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


def _text(text: str) -> str:
    if len(text) > _MOST_CHARACTERS or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"one line of at most {_MOST_CHARACTERS} printable characters, got {text!r:.80}"
        )
    return text


def _registry(arguments: argparse.Namespace) -> registry.Registry:
    if not arguments.bucket:
        raise config.ConfigError("MODEL_BUCKET must name the bucket (for a local run: `. .local/env`), it is not set")
    for option in ("model", "alias"):
        name = getattr(arguments, option, "x")
        if not artifact.is_name(name):
            raise config.ConfigError(f"--{option} must be lower-case letters, digits, '.', '_' or '-', got {name!r}")
    who = os.environ.get("MODEL_CREDENTIALS", "")
    if who not in {"", "gcloud"}:
        raise config.ConfigError(f"MODEL_CREDENTIALS must be gcloud, or not set, got {who!r}")
    account = credentials.of_gcloud(os.environ.get("GCLOUD") or "gcloud") if who else None
    return registry.Registry(arguments.bucket, arguments.model, credentials=account)


def _features(settings: config.Config) -> list[Feature]:
    return [
        Feature(
            feature.name,
            -np.inf if feature.minimum is None else feature.minimum,
            np.inf if feature.maximum is None else feature.maximum,
        )
        for feature in settings.data.features
    ]


def _trials(arguments: argparse.Namespace, settings: config.Config) -> list[training.Trial]:
    from . import training  # noqa: PLC0415 - as in `train`

    chosen = settings.training.candidates
    try:
        return training.expand(
            ((candidate.estimator, candidate.scale, candidate.grid) for candidate in chosen),
            len(settings.data.features),
        )
    except training.TrainingError as error:
        raise config.ConfigError(f"{arguments.config}: {error}") from error


def _tell(results: Sequence[training.Result]) -> None:
    """Say what the table of candidates does not: what scikit-learn warned of, and what was passed over."""
    from . import training  # noqa: PLC0415 - as in `train`

    chosen = next(result for result in results if result.chosen)
    for result in results:
        for text in result.warned:
            talk.print(tables.plain(f"warning: {training.named(result.trial)}: {text}"))
        if result.unserved and result.rmse < chosen.rmse:
            better = f"{training.named(result.trial)} scored better ({result.rmse:.4g} against {chosen.rmse:.4g})"
            talk.print(f"warning: {better} and is passed over: {result.unserved}")


def _production(
    promoted: artifact.Alias | None, arguments: argparse.Namespace, settings: config.Config
) -> tuple[artifact.Document | None, str]:
    """The manifest to compare the data with, or why there is none."""
    if promoted is None:
        return None, f"{arguments.alias} has not been set yet"
    try:
        manifest = artifact.promoted_manifest(promoted, arguments.model).document
    except ArtifactError as error:
        return None, str(error)
    reason = validation.comparable(manifest, [feature.name for feature in settings.data.features])
    return (None, reason) if reason else (manifest, "")


def _findings(
    settings: config.Config, rows: data.Rows, held: Any, production: artifact.Document | None
) -> list[validation.Finding]:
    return validation.check(
        rows.x,
        rows.y,
        held,
        features=_features(settings),
        target=rows.target,
        flaws=[vars(flaw) for flaw in rows.flaws],
        limits=validation.Limits(
            training_rows=settings.training.folds,
            rows=settings.gate.min_rows,
            holdout_rows=settings.gate.min_holdout_rows,
            rows_per_feature=settings.data.rows_per_feature,
            shift=settings.data.max_shift,
        ),
        production=production,
    )


def _rows(source: str, settings: config.Config, store: registry.Registry | None) -> data.Rows:
    features = _features(settings)
    if store is None or not source.startswith("gs://"):
        return data.read(source, features, settings.data.target)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{Path(source).suffix}"
        store.download(source, path)
        return data.read(source, features, settings.data.target, path=path)


def _champion(
    promoted: artifact.Alias | None, arguments: argparse.Namespace
) -> tuple[predictor.Predictor | None, dict[str, Any]]:
    """What the alias holds, ready to predict, or None; and for the record which version that is, or why it cannot."""
    if promoted is None:
        return None, {"production": None, "note": f"{arguments.alias} holds nothing yet: the absolute checks decide"}
    held = {"production": promoted.version, "manifest_sha256": promoted.manifest_sha256}
    try:
        return predictor.load(artifact.promoted_manifest(promoted, arguments.model)), {**held, "note": ""}
    except ArtifactError as error:
        return None, {**held, "note": f"{arguments.alias} could not be compared with: {error}"}


def _verdict(
    document: dict[str, Any],
    settings: config.Config,
    rows: data.Rows,
    held: Any,
    *,
    expected: Any,
    champion: predictor.Predictor | None,
    standing: dict[str, Any],
) -> dict[str, Any]:
    """What the manifest says of how good the version is, by itself and against production, and what the gate says."""
    bounds, confidence, seed = settings.gate.model_dump(), settings.gate.confidence, settings.training.seed
    predicted = _as_served(document).predict(rows.x)
    theirs, fresh = _comparable(champion, document, rows, held)
    actual, ours = rows.y[held], predicted[held]
    scores = evaluation.metrics(actual, ours, confidence=confidence, seed=seed)
    slices = evaluation.slices(
        dict(zip(rows.features, rows.x[held].T, strict=True)),
        actual,
        ours,
        count=settings.gate.slices,
        by_value=settings.gate.slice_columns,
        champion=np.where(fresh, theirs, np.nan)[held] if champion else None,
    )
    checks = gate.absolute(
        bounds,
        metrics=scores,
        slices=slices,
        data_errors=0,  # with errors nothing was trained
        rows=len(rows.y),
        holdout_rows=int(held.sum()),
        baseline_rmse=evaluation.rmse(actual, np.full(len(actual), rows.y[~held].mean())),
        furthest_relative=float(predictor.relative_distance(predicted, expected).max()),
        tolerance=predictor.TOLERANCE,
    )
    comparison = standing
    if standing["production"] is not None:
        comparison = standing | evaluation.compare(
            rows.y[fresh], predicted[fresh], theirs[fresh], confidence=confidence, seed=seed
        )
        checks += gate.relative(
            bounds,
            comparison=comparison,
            slices=slices,
            inputs=gate.inputs_of(document),
            production_inputs=gate.inputs_of(champion.manifest.document) if champion else [],
        )
    return {
        "metrics": scores,
        "slices": slices[: evaluation.MOST_SLICES],
        "residuals": evaluation.residuals(actual, ours),
        "comparison": comparison,
        "gate": gate.as_tables(checks),
        "blessed": all(check.passed for check in checks),
    }


def _comparable(
    champion: predictor.Predictor | None, document: artifact.Document, rows: data.Rows, held: Any
) -> tuple[Any, Any]:
    """Production's predictions of all rows, and on which of them it may be compared: held out from both trainings."""
    none = np.full(len(rows.y), np.nan), np.zeros(len(rows.y), dtype=np.bool_)
    if champion is None:
        return none
    share = gate.share_new_to_both(document, champion.manifest.document)
    if not share:
        return none
    order = [rows.features.index(feature.name) for feature in champion.manifest.features]
    return champion.predict(rows.x[:, order]), held & data.held_out(rows, share)


def _card(manifest: artifact.Manifest, rows: data.Rows, held: Any, champion: predictor.Predictor | None) -> str:
    """The model card of *manifest*, which was made from *rows* and compared with *champion*."""
    document = manifest.document
    ours = predictor.Predictor(manifest).predict(rows.x)
    theirs, fresh = _comparable(champion, document, rows, held)
    figures = {}
    if np.isfinite(ours[held]).all():
        for name, draw in plots.OF_PREDICTIONS.items():
            figures[name] = draw(rows.y[held], ours[held])
    improvement = document["comparison"].get("improvement") or {"value": None}
    if None not in improvement.values():
        figures["saved"] = plots.saved_error(*(improvement[name] for name in ("value", "low", "high")))
    if fresh.any() and np.isfinite(theirs[fresh]).all():
        figures["errors"] = plots.errors_against_production(rows.y[fresh], ours[fresh], theirs[fresh])
    drawn = [
        plots.feature_histogram(
            place,
            rows.x[~held, place],
            rows.x[held, place],
            manifest.features[place].minimum,
            manifest.features[place].maximum,
        )
        for place in report.most_important(document)
    ]
    return report.render(document, figures=figures, feature_figures=drawn)


def _card_from_bucket(store: registry.Registry, manifest: artifact.Manifest) -> str:
    """The same card, from what the bucket keeps."""
    document = manifest.document
    where = f"{manifest.model} version {manifest.version}"
    if "holdout" not in document["data"] or "comparison" not in document:
        raise registry.RegistryError(f"{where} does not say which rows it kept aside: no model card can be made of it")
    features = [Feature(feature.name, -np.inf, np.inf) for feature in manifest.features]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        store.download(document["data"]["uri"], path)
        rows = data.read(document["data"]["uri"], features, document["target"]["name"], path=path)
    compared = document["comparison"]
    champion = None
    if compared["production"] is not None:
        with contextlib.suppress(registry.RegistryError, ArtifactError):
            found = store.manifest(compared["production"])
            if artifact.sha256_of(artifact.canonical(found.document)) == compared["manifest_sha256"]:
                champion = predictor.load(found)
    return _card(manifest, rows, data.held_out(rows, document["data"]["holdout"]), champion)


def _as_served(document: dict[str, Any]) -> predictor.Predictor:
    """What a function would make of *document*, by the code the function runs; the gate judges whether it is right."""
    draft = artifact.seal({**document, "model": "draft", "version": 1})
    return predictor.Predictor(artifact.parse_manifest(draft, "draft", 1))


def _golden_rows(expected: Any) -> list[int]:
    """Rows whose predictions spread evenly from the smallest to the largest."""
    order = np.argsort(expected, kind="stable")
    places = np.linspace(0, len(order) - 1, min(_GOLDEN_ROWS, len(order))).round().astype(int)
    return [int(order[place]) for place in places]


@contextlib.contextmanager
def _progress(text: str, total: int) -> Iterator[Any]:
    """A bar on a terminal, nothing in a pipe; yields what advances it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=talk, disable=not talk.is_terminal, transient=True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda: bar.advance(task)


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


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _say(what: object, code: int) -> int:
    for line in str(what).splitlines():
        talk.print(tables.plain(line.replace("python -m model", _PROGRAM)))
    return code


def _user() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # no entry in the password file
        return f"{os.getuid()}@{socket.gethostname()}"


def _git_commit() -> str | None:
    """The commit this code stands at, "+" behind it when files differ from it; None outside a checkout."""
    folder = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "-C", str(folder), "status", "--porcelain"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+" if changed else commit


if __name__ == "__main__":
    warnings.filterwarnings("default")
    sys.exit(main())
