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

    from . import config, credentials, data, registry, replay, tables, validation
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
    except (data.SourceError, registry.RegistryError, ArtifactError) as error:
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
    production, reason = _production(arguments, settings, store if arguments.bucket else None)
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
    from . import evaluation, training  # noqa: PLC0415 - scikit-learn and scipy take a second, which other verbs do not need

    settings = config.read(arguments.config)
    store = _registry(arguments)
    trials = _trials(arguments, settings)
    rows = _rows(arguments.data or settings.data.source, settings, store)
    held = data.held_out(rows, settings.data.holdout)
    findings = _findings(settings, rows, held, _production(arguments, settings, store)[0])
    if any(finding.severity == "error" for finding in findings):
        raise data.DataError("\n".join(map(str, findings)))
    x, y, seed = rows.x[~held], rows.y[~held], settings.training.seed
    folds, repeats = settings.training.folds, settings.training.repeats
    with _progress("cross-validating", len(trials) * folds * repeats) as done:
        groups = rows.hashes[~held]
        scored = training.search(trials, x, y, folds=folds, repeats=repeats, seed=seed, groups=groups, done=done)
    results = training.choose(scored)
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
    served = _as_served(document)
    predicted = served.predict(rows.x)
    baseline = np.full(int(held.sum()), y.mean())
    scores = evaluation.metrics(rows.y[held], predicted[held], confidence=settings.gate.confidence, seed=seed)
    checks = evaluation.gate(
        scores,
        rows=len(rows.y),
        holdout_rows=int(held.sum()),
        baseline_rmse=float(evaluation.rmse(rows.y[held], baseline)),
        furthest_relative=float(predictor.relative_distance(predicted, expected).max()),
        tolerance=predictor.TOLERANCE,
        min_rows=settings.gate.min_rows,
        min_holdout_rows=settings.gate.min_holdout_rows,
        min_r2=settings.gate.min_r2,
    )
    blessed = all(check.passed for check in checks)
    document |= {"metrics": scores, "gate": evaluation.as_tables(checks), "blessed": blessed}
    manifest = store.publish(document, snapshot=data.snapshot(rows), dataset=rows.dataset)
    if arguments.json:
        _print_json(manifest.document)
    else:
        tables.write(*tables.version(manifest.document))
    if not blessed:
        return _say(f"version {manifest.version} is published, unblessed: it cannot be promoted", REFUSED)
    talk.print(f"version {manifest.version} is published and blessed; `{_PROGRAM} promote` puts it into production")
    return DONE


def promote(arguments: argparse.Namespace) -> int:
    store = _registry(arguments)
    version = arguments.version or store.newest()
    moved = store.promote(version, alias=arguments.alias, by=arguments.by, reason=arguments.reason)
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
    manifest = _registry(arguments).manifest(arguments.version)
    if arguments.json:
        _print_json(manifest.document)
    else:
        tables.write(*tables.version(manifest.document))
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
    verb("train", train, "train the candidates, evaluate the best, publish it as the next version")
    made = verb("promote", promote, "put a blessed version into production", alias, mover)
    made.add_argument("version", type=_version, nargs="?", metavar="VERSION", help="default: the newest")
    made = verb("rollback", rollback, "put back what production held before the current version", alias, mover)
    made.add_argument("--to", type=_version, metavar="VERSION", help="a version further back")
    verb("versions", versions, "list all versions")
    verb("show", show, "one version in full").add_argument("version", type=_version, metavar="VERSION")
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
    arguments: argparse.Namespace, settings: config.Config, store: registry.Registry | None
) -> tuple[artifact.Document | None, str]:
    """The manifest to compare the data with, or why there is none."""
    if store is None:
        return None, "MODEL_BUCKET is not set"
    alias = getattr(arguments, "alias", None) or os.environ.get("MODEL_ALIAS") or "production"
    try:
        found, _ = store.alias(alias)
        if found is None:
            return None, f"{alias} has not been set yet"
        manifest = artifact.promoted_manifest(found, arguments.model).document
    except (registry.RegistryError, ArtifactError) as error:
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
