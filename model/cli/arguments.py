"""The command line: verbs, options, and the types of their values."""

from __future__ import annotations

import argparse
import getpass
import os
import re
import shlex
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from model.formatting import LONGEST_REASON, PROGRAM

_CONFIG = Path(__file__).parents[1] / "config.toml"


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, or *arguments* in its place; wrong usage ends the process with exit code 2."""
    return _parser().parse_args(arguments)


def command(arguments: argparse.Namespace, verb: str) -> str:
    """The command that runs *verb* on the same model, alias and bucket."""
    usual = parsed([verb])
    other = (name for name in ("bucket", "model", "alias") if getattr(arguments, name) != getattr(usual, name))
    return " ".join([PROGRAM, verb, *(f"--{name} {shlex.quote(getattr(arguments, name))}" for name in other)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Train, judge, publish, promote and watch models.")
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="verb")
    common = _common()
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

    def verb(name: str, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=text, description=text, parents=[common, *parents])

    made = verb("init", "look at a file of rows and write a configuration for it")
    made.add_argument("source", metavar="FILE", help="rows: a file, several by a pattern, or a gs:// address")
    made.add_argument("--target", required=True, metavar="NAME", help="the column to predict")
    made.add_argument("--output", type=Path, metavar="FILE", help="default: the file's name with .toml, in this folder")
    verb("validate", "list every problem of the data, with the remedy", alias)
    verb("train", "train the candidates, evaluate the best, publish it as the next version", alias)
    _add_publish(verb, alias)
    made = verb("promote", "put a blessed version into production", alias, mover)
    made.add_argument("version", type=_version, nargs="?", metavar="VERSION", help="default: the newest")
    made.add_argument("--force", action="store_true", help="also one that the gate refused; needs --reason")
    made = verb(
        "retrain", "train again when there is a reason, and promote a version that passes the gate", alias, mover
    )
    made.add_argument(
        "--captured", action="append", metavar="SOURCE", help="captured log lines, as for monitor; may be repeated"
    )
    made.add_argument(
        "--labels", metavar="FILE", help="outcomes of captured predictions, as for monitor; needs --captured"
    )
    made.add_argument("--labelled-rows", metavar="URI", help="rows with their target that arrived since")
    made.add_argument("--force", action="store_true", help="train without a reason; the gate decides as usual")
    made = verb("rollback", "put back the version that production held before the current one", alias, mover)
    made.add_argument("--to", type=_version, metavar="VERSION", help="a version further back")
    _add_predict(verb, alias)
    verb("models", "list the models of the bucket")
    verb("versions", "list all versions")
    verb("show", "one version in full").add_argument("version", type=_version, metavar="VERSION")
    made = verb("report", "write the model card of one version to a file, and open it on a desktop")
    made.add_argument("version", type=_version, metavar="VERSION")
    made.add_argument("--output", type=Path, metavar="FILE", help="default: MODEL-VERSION.html in this folder")
    verb("history", "list the versions that an alias held, newest first", alias)
    made = verb("smoke", "ask running functions for the predictions that they must give", alias)
    made.add_argument(
        "function", nargs="+", type=_function, metavar="NAME=ADDRESS", help="batch=https://… stream=https://…"
    )
    made.add_argument("--tokens-stdin", action="store_true", help="read an identity token for each, a line each")
    made.add_argument("--within", type=_seconds, default=90.0, metavar="SECONDS", help="until it serves (%(default)s)")
    made = verb("monitor", "say whether inputs moved, the model aged, requests fail or got slow", alias)
    made.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="captured log lines: a file, gs://BUCKET/PREFIX, or - for stdin"
    )
    made.add_argument("--labels", metavar="FILE", help="outcomes: request_id, row and the target's name")
    made.add_argument("--window", type=_hours, default=24.0, metavar="HOURS", help="default: %(default)g")
    made.add_argument("--until", type=_time, metavar="TIME", help="where the window ends (default: the newest line)")
    made.add_argument("--report", type=Path, metavar="FILE", help="write an HTML page with plots too")
    return parser


def _common() -> argparse.ArgumentParser:
    """The options that every verb takes."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config",
        type=Path,
        default=Path(os.environ.get("MODEL_CONFIG") or _CONFIG),
        metavar="FILE",
        help="default: $MODEL_CONFIG, or model/config.toml",
    )
    common.add_argument("--data", metavar="URI", help="rows to use instead of the file's data.source")
    common.add_argument("--json", action="store_true", help="machine output on stdout")
    common.add_argument("--bucket", default=os.environ.get("MODEL_BUCKET"), help="default: $MODEL_BUCKET")
    common.add_argument(
        "--model", default=os.environ.get("MODEL_NAME") or "linear-regression", help="default: $MODEL_NAME"
    )
    return common


def _add_publish(verb: Callable[..., argparse.ArgumentParser], alias: argparse.ArgumentParser) -> None:
    made = verb("publish", "publish a pipeline that is fitted already, judged on --data", alias)
    made.add_argument(
        "pipeline", type=Path, metavar="FILE", help="joblib or pickle of one's own: loading it runs its code"
    )
    made.add_argument("--training", metavar="URI", help="the rows that it was fitted to, for ranges and drift")
    made.add_argument("--target", metavar="NAME", help="default: the file's data.target")
    made.add_argument("--by", default=_user(), metavar="WHO", help="who fitted it (%(default)s)")


def _add_predict(verb: Callable[..., argparse.ArgumentParser], alias: argparse.ArgumentParser) -> None:
    made = verb("predict", "predict every row of a file by the version in production", alias)
    made.add_argument("file", metavar="FILE", help="rows: .csv, .parquet or .jsonl, also in .gz; a path or gs://")
    made.add_argument("--output", type=Path, metavar="FILE", help=".csv, .parquet or .jsonl (default: CSV on stdout)")
    made.add_argument("--version", type=_version, metavar="VERSION", help="default: the one that the alias holds")


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
    if len(text) > LONGEST_REASON or not text.isprintable():
        raise argparse.ArgumentTypeError(f"one line of at most {LONGEST_REASON} printable characters, got {text!r:.80}")
    return text


def _user() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # no entry in the password file
        return f"{os.getuid()}@{socket.gethostname()}"
