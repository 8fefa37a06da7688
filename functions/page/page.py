"""The page of the served model: a form of its columns that calls the function, and its answer drawn.

One answer without further requests: page.html with page.css, the scripts and the model's description inside of it. Its
policy allows nothing but those, by their digests, and calls of the function itself. Names of columns, levels and
classes stand in the page as JSON alone, and the scripts write them as text.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ..artifact import Manifest
from ..columns.feature import Feature
from ..columns.times import iso
from ..entries import are_numbers
from ..exchange import Content
from ..handling.metadata import metadata

HTML = "text/html"
SCRIPTS = tuple(f"{name}.js" for name in ("values", "snippets", "fields", "answer", "model", "call", "calls", "page"))
"""In the order in which they stand in the page, as one script."""

_MODEL, _STYLE, _SCRIPT = b"{{model}}", b"{{style}}", b"{{script}}"
_FOLDER = Path(__file__).parent
_DAY_SECONDS = 86_400
_MIDDLE = 5
_DECILES = 11
_DIGITS = 4
_MOST_EXACT = 2**53
_AGAIN_SECONDS = 3
_ALWAYS = (("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"), ("X-Content-Type-Options", "nosniff"))
_ADDRESS = r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~/-]*)?"


class _Shell(NamedTuple):
    """The page but for the model: its parts before and behind that, and its policy."""

    before: bytes
    behind: bytes
    policy: str


def is_wanted(accept: str) -> bool:
    """Whether *accept*, a header in lower case, asks for HTML rather than for JSON; a tie is for JSON."""
    qualities: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = (each.strip() for each in part.split(";"))
        share = next((each[2:].strip() for each in parameters if each.startswith("q=")), "1")
        qualities[kind] = float(share) if re.fullmatch(r"[0-9](\.[0-9]{0,3})?", share, re.ASCII) else 0.0
    page_quality, json_quality = (
        next((qualities[kind] for kind in kinds if kind in qualities), 0.0)
        for kinds in ((HTML, "text/*", "*/*"), ("application/json", "application/*", "*/*"))
    )
    return page_quality > json_quality


def page(manifest: Manifest, function: str, *, one: bool, headers: Mapping[str, str]) -> Content:
    """The page of *manifest*, served by *function*, which takes *one* instance a request or many.

    Args:
        headers: `x-function-address`, where a proxy in front of a private function sends it, is the address that the
            calls on the page name, with a token.
    """
    shell = _shell()
    address = headers.get("x-function-address", "")
    model = _described(manifest, function, one=one, address=address if re.fullmatch(_ADDRESS, address) else "")
    # Only strings of JSON can hold these characters, so the data cannot end the element that it stands in.
    data = orjson.dumps(model).replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")
    return Content(f"{HTML}; charset=utf-8", shell.before + data + shell.behind)


def problem(document: Mapping[str, Any]) -> Content:
    """An RFC 9457 problem document for the reader of a page, who gets the page once there is a model."""
    waiting = document["status"] == HTTPStatus.SERVICE_UNAVAILABLE
    title, detail = (html.escape(str(document[member])) for member in ("title", "detail"))
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title><h1>{title}</h1><p>{detail}.'
        f"{' This page loads again by itself.' if waiting else ''}</p></html>"
    )
    policy = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    again = (("Refresh", str(_AGAIN_SECONDS)),) if waiting else ()
    return Content(f"{HTML}; charset=utf-8", text.encode(), (policy, *_ALWAYS, *again))


def headers() -> tuple[tuple[str, str], ...]:
    """The headers that the page is sent with; it must not outlive the version that it shows."""
    return (
        ("Content-Security-Policy", _shell().policy),
        *_ALWAYS,
        ("Vary", "Accept"),
    )


@cache
def _shell() -> _Shell:
    style = _file("page.css")
    script = b'"use strict";\n{\n' + b"".join(map(_file, SCRIPTS)) + b"}\n"
    whole = _file("page.html").replace(_STYLE, style).replace(_SCRIPT, script)
    before, _, behind = whole.partition(_MODEL)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return _Shell(before, behind, policy)


def _file(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()


def _digest(source: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(source).digest()).decode()}"


def _described(manifest: Manifest, function: str, *, one: bool, address: str) -> dict[str, Any]:
    """What `GET /` says of the model, and what the page shows besides."""
    document = manifest.document
    described = metadata(manifest, function)
    columns = zip(described["features"], manifest.features, document["features"], strict=True)
    return {
        **described,
        "features": [{**shown, **_levels(feature), **_example(feature, entry)} for shown, feature, entry in columns],
        "one": one,
        "address": address,
        "task": "classification" if manifest.classes else "regression",
        "metrics": _metrics(document.get("metrics")),
        "probabilities": document.get("probabilities") is True,
        "threshold": document.get("threshold"),
        "rows": _rows(document.get("data")),
        "spread": None if all(feature.redact for feature in manifest.features) else _spread(document.get("prediction")),
    }


def _levels(feature: Feature) -> dict[str, Any]:
    """The levels of a category; as texts those that a number of JavaScript does not hold, which the function takes."""
    if feature.kind != "category" or feature.redact:
        return {}
    return {"levels": [str(each) if type(each) is int and abs(each) > _MOST_EXACT else each for each in feature.levels]}


def _example(feature: Feature, entry: Mapping[str, Any]) -> dict[str, Any]:
    """A cell of *feature* for the form, near the middle of training, or of its range where it is redacted."""
    if feature.kind == "category":
        return {}
    deciles = entry.get("quantiles")
    if not are_numbers(deciles) or len(deciles) != _DECILES or feature.redact:
        deciles = []
    middle = float(deciles[_MIDDLE]) if deciles else feature.minimum / 2 + feature.maximum / 2
    if feature.kind == "boolean":
        return {"example": bool(round(middle))}
    if feature.kind == "time":
        whole = not (feature.minimum % _DAY_SECONDS or feature.maximum % _DAY_SECONDS)
        return {"example": iso(middle // _DAY_SECONDS * _DAY_SECONDS if whole else float(int(middle)))}
    if deciles and all(float(each).is_integer() for each in deciles):
        return {"example": int(middle), "whole": True}
    short = float(f"{middle:.{_DIGITS}g}")
    return {"example": short if feature.minimum <= short <= feature.maximum else middle}


def _metrics(scores: object) -> dict[str, dict[str, float | None]]:
    """The metrics that are single numbers, with their intervals."""
    found = {}
    for name, score in scores.items() if isinstance(scores, dict) else ():
        if isinstance(score, dict) and are_numbers([score.get("value")]):
            ends = {end: score[end] if are_numbers([score.get(end)]) else None for end in ("low", "high")}
            found[name] = {"value": score["value"], **ends}
    return found


def _rows(data: object) -> list[int] | None:
    """Number of rows, and of those held out."""
    counts = [data.get("rows"), data.get("holdout_rows")] if isinstance(data, dict) else None
    return [int(count) for count in counts] if are_numbers(counts) else None


def _spread(entry: object) -> dict[str, list[float]] | None:
    """Deciles of a regression's training predictions, and means of their fiftieths where there are any."""
    deciles = entry.get("quantiles") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not are_numbers(deciles) or len(deciles) != _DECILES:
        return None
    parts = entry.get("fiftieths")
    return {"deciles": deciles, "parts": parts if are_numbers(parts) else []}
