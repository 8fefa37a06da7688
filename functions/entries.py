"""The parts of a manifest that serving reads: features, golden instances, classes, files. Pure.

Errors, by who must act:
    ArtifactError   the publisher: this code may not serve what the bucket holds
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from .columns.feature import KINDS, MOST_LEVELS, TIME_PARTS, WIDTHS, Feature, Level
from .problems import shown

MOST_FILE_BYTES = 1 << 30
"""Largest object beside a manifest that is read."""

_PLAIN = {str, bool, int, float}
_SHA256 = r"[0-9a-f]{64}"  # most manifests name no file, so it is compiled when one does


class ArtifactError(Exception):
    """An object in the bucket does not verify; the message names it, the expected value and the value it has."""


class Golden(NamedTuple):
    """An instance with the answer of the estimator that was trained.

    Attributes:
        instance: As a request would hold it: JSON cells in feature order.
        prediction: The target in its own unit; a label for a classifier.
        probabilities: One a class; None where the model gives none, or the manifest does not say.
    """

    instance: Any
    prediction: Level
    probabilities: tuple[float, ...] | None = None


class File(NamedTuple):
    """An object beside the manifest."""

    sha256: str
    size_bytes: int


def features_of(where: str, entries: object) -> tuple[Feature, ...]:
    """The features of a manifest; *where* begins each message.

    Raises:
        ArtifactError: An entry is not as its kind needs it, or a name comes twice.
    """
    expected = f"{where}: 'features' must list objects with a name of their own, a minimum and a maximum"
    if not isinstance(entries, list) or not entries:
        raise ArtifactError(f"{expected}, found {shown(entries)}")
    features = tuple(_feature(where, expected, entry) for entry in entries)
    if len({feature.name for feature in features}) < len(features):
        raise ArtifactError(f"{expected}, found one name twice")
    return features


def classes_of(where: str, labels: object) -> tuple[Level, ...]:
    """The labels of a classifier; empty for a regression, whose manifest has none.

    Raises:
        ArtifactError: They are no list of different texts, booleans or numbers.
    """
    if labels is None:
        return ()
    if not isinstance(labels, list) or not labels or not _levels(labels):
        raise ArtifactError(f"{where}: 'classes' must list different texts, booleans or numbers, found {shown(labels)}")
    return tuple(labels)


def golden_of(where: str, entries: object, classes: tuple[Level, ...]) -> tuple[Golden, ...]:
    """The golden instances of a manifest.

    Raises:
        ArtifactError: There is none, or one has no prediction that a model of *classes* could give.
    """
    answer = "a label as prediction" if classes else "a finite prediction"
    expected = f"{where}: 'golden' must list objects with an instance and {answer}"
    if not isinstance(entries, list) or not entries:
        raise ArtifactError(f"{expected}, found {shown(entries)}")
    golden, labels = [], {(type(label), label) for label in classes}
    for entry in entries:
        if not isinstance(entry, dict) or "instance" not in entry:
            raise ArtifactError(f"{expected}, found {shown(entry)}")
        prediction: Any = entry.get("prediction")
        probabilities = entry.get("probabilities")
        label = type(prediction) in _PLAIN and (type(prediction), prediction) in labels
        if not (label if classes else are_numbers([prediction])):
            raise ArtifactError(f"{expected}, found {shown(entry)}")
        if probabilities is not None and (not are_numbers(probabilities) or len(probabilities) != len(classes)):
            found = shown(probabilities)
            raise ArtifactError(f"{where}: 'golden' must give one probability a class, found {found}")
        golden.append(
            Golden(
                entry["instance"],
                prediction if classes else float(prediction),
                None if probabilities is None else tuple(map(float, probabilities)),
            )
        )
    return tuple(golden)


def files_of(where: str, entries: object) -> Mapping[str, File]:
    """The objects beside a manifest, by name.

    Raises:
        ArtifactError: An entry has no size and digest, or a size above MOST_FILE_BYTES.
    """
    if entries is None:
        return {}
    expected = f"{where}: 'files' must name a sha256 and at most {MOST_FILE_BYTES} bytes for each object"
    if not isinstance(entries, dict):
        raise ArtifactError(f"{expected}, found {shown(entries)}")
    files = {}
    for name, entry in entries.items():
        sha256, size = (entry.get("sha256"), entry.get("bytes")) if isinstance(entry, dict) else (None, None)
        if not isinstance(sha256, str) or not re.fullmatch(_SHA256, sha256):
            raise ArtifactError(f"{expected}, found {shown(sha256)} as sha256 of {shown(name)}")
        if type(size) is not int or not 0 < size <= MOST_FILE_BYTES:
            raise ArtifactError(f"{expected}, found {shown(size)} as bytes of {shown(name)}")
        files[name] = File(sha256, size)
    return files


def missing_of(where: str, data: object) -> tuple[str, ...]:
    """The texts that stand for a missing cell in files; none in a manifest that does not say.

    Raises:
        ArtifactError: They are no list of texts.
    """
    words = data.get("missing", []) if isinstance(data, dict) else []
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ArtifactError(f"{where}: 'missing' of 'data' must list texts, found {shown(words)}")
    return tuple(words)


def key_of(where: str, data: object, features: tuple[Feature, ...]) -> str:
    """The column that comes back beside each prediction; empty in a manifest that names none.

    Raises:
        ArtifactError: It is no text, or a feature.
    """
    key = data.get("key", "") if isinstance(data, dict) else ""
    if not isinstance(key, str) or any(key == feature.name for feature in features):
        raise ArtifactError(f"{where}: 'key' of 'data' must be a column that is no feature, found {shown(key)}")
    return key


def are_numbers(values: object) -> TypeGuard[list[float]]:
    """Whether *values* is a list of finite numbers."""
    return isinstance(values, list) and all(type(v) in {int, float} and math.isfinite(v) for v in values)


def _feature(where: str, expected: str, entry: object) -> Feature:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise ArtifactError(f"{expected}, found {shown(entry)}")
    name = entry["name"]
    of_it = f"of {shown(name)} must be"
    kind = entry.get("kind", "number")
    if kind not in KINDS:
        raise ArtifactError(f"{where}: 'kind' {of_it} one of {', '.join(KINDS)}, found {shown(kind)}")
    flags = {}
    for member in ("redact", "missing", "unknown"):
        flags[member] = entry.get(member, False)
        if type(flags[member]) is not bool:
            raise ArtifactError(f"{where}: '{member}' {of_it} true or false, found {shown(flags[member])}")
    share = entry.get("missing_share", 0)
    if not are_numbers([share]) or not 0 <= share <= 1:
        raise ArtifactError(f"{where}: 'missing_share' {of_it} a number from 0 to 1, found {shown(share)}")
    width = entry.get("width", "float64")
    if not isinstance(width, str) or width not in WIDTHS:
        widths = ", ".join(sorted(WIDTHS))
        raise ArtifactError(f"{where}: 'width' {of_it} one of {widths}, found {shown(width)}")
    common = (flags["redact"], width, kind, flags["missing"], share > 0)
    if kind == "category":
        levels = entry.get("levels")
        if not isinstance(levels, list) or len(levels) > MOST_LEVELS or not _levels(levels):
            listed = f"a list of at most {MOST_LEVELS} different texts, booleans or numbers"
            raise ArtifactError(f"{where}: 'levels' {of_it} {listed}, found {shown(levels)}")
        return Feature(name, -math.inf, math.inf, *common, tuple(levels), flags["unknown"])
    bounds = [entry.get("minimum"), entry.get("maximum")]
    if not are_numbers(bounds):
        raise ArtifactError(f"{expected}, found {shown(entry)}")
    parts = _parts(where, entry) if kind == "time" else ()
    return Feature(name, float(bounds[0]), float(bounds[1]), *common, parts=parts)


def _parts(where: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    parts = entry.get("parts")
    if not isinstance(parts, list) or not parts or not all(part in TIME_PARTS for part in parts):
        listed = ", ".join(TIME_PARTS)
        raise ArtifactError(
            f"{where}: 'parts' of {shown(entry['name'])} must list some of {listed}, found {shown(parts)}"
        )
    return tuple(dict.fromkeys(parts))


def _levels(values: list[Any]) -> bool:
    """Whether *values* are texts, booleans and finite numbers, none of them twice."""
    plain = all(type(value) in {str, bool} or are_numbers([value]) for value in values)
    return plain and len(set(values)) == len(values)
