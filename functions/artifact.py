"""The contract with the bucket: object names, manifest, alias, digests. Pure: bytes in, values out.

Reader and writer are this one module. A manifest's bytes are its canonical JSON (sorted keys, no blanks), so a
digest of the parsed document is a digest of the bytes, wherever the document travels.

Errors, by who must act:
    ArtifactError   the publisher: this code may not serve what the bucket holds
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import orjson

from .schema import WIDTHS, Feature, shown

FORMAT = 1
Document = Mapping[str, Any]

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")


class ArtifactError(Exception):
    """An object in the bucket does not verify; the message names it, the expected value and the value it has."""


@dataclass(frozen=True)
class Manifest:
    """One verified model version. *document* is the whole manifest, unknown fields included.

    prediction = intercept + Σ coefficients[j] · instance[j], with j in the order of *features*;
    *golden* pairs an instance with the prediction of the estimator that was trained.
    """

    document: Document
    model: str
    version: int
    features: tuple[Feature, ...]
    coefficients: tuple[float, ...]
    intercept: float
    golden: tuple[tuple[Any, float], ...]


@dataclass(frozen=True)
class Alias:
    """The content of `aliases/<alias>.json`. Its manifest is not verified yet: see `promoted_manifest`."""

    version: int
    manifest_sha256: str
    manifest: Document
    history: tuple[Document, ...]

    def lineage(self) -> tuple[int, ...]:
        """The current version and those it replaced, newest first.

        A promotion adds its version; a rollback removes the versions it leaves. So the second is the version that
        production held before, and no version that was rolled back is among them.
        """
        stack: list[int] = []
        for entry in reversed(self.history):
            version = entry["version"]
            if entry.get("action") == "rollback" and version in stack:
                while stack[-1] != version:
                    stack.pop()
            elif stack[-1:] != [version]:
                stack.append(version)
        return tuple(reversed(stack))


def is_name(text: str) -> bool:
    """Whether *text* can name a model, an alias or a data set: lower case, digits, `.`, `_`, `-`."""
    return _NAME.fullmatch(text) is not None


def manifest_name(model: str, version: int) -> str:
    return f"{versions_prefix(model)}{version}/manifest.json"


def report_name(model: str, version: int) -> str:
    return f"{versions_prefix(model)}{version}/report.html"


def versions_prefix(model: str) -> str:
    return f"{model}/versions/"


def version_of(model: str, object_name: str) -> int | None:
    """The version whose manifest *object_name* is, or None if it is no manifest of *model*."""
    match = re.fullmatch(re.escape(versions_prefix(model)) + r"([1-9][0-9]*)/manifest\.json", object_name)
    return int(match[1]) if match else None


def alias_name(model: str, alias: str) -> str:
    return f"{model}/aliases/{alias}.json"


def data_name(dataset: str, sha256: str) -> str:
    return f"data/{dataset}/{sha256}.parquet"


def emulator_address(host: str) -> str:
    """The value of STORAGE_EMULATOR_HOST as the client needs it: with a scheme, without a slash at its end."""
    address = host.strip().rstrip("/")
    return address if "://" in address else f"http://{address}"


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def canonical(document: Document) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def seal(document: Document) -> bytes:
    """The bytes of a manifest: *document* with its format and its own digest, in canonical form."""
    body = {**_without_digest(document), "format": FORMAT}
    return canonical({**body, "sha256": sha256_of(canonical(body))})


def parse_manifest(data: bytes, model: str, version: int) -> Manifest:
    """Read the bytes of `versions/<version>/manifest.json`.

    Raises:
        ArtifactError: They are not the manifest of that version, whole and unchanged.
    """
    where = f"{model} version {version}: manifest"
    document = _object(data, where)
    _check_format(document, where)
    if _canonical(document, where) != data:
        raise ArtifactError(f"{where} must be canonical JSON (sorted keys, no blanks), found other bytes")
    return manifest_of(document, model, version)


def manifest_of(document: Document, model: str, version: int) -> Manifest:
    """Verify a manifest that is already parsed.

    Raises:
        ArtifactError: Format, digest, model, version or a field that serving needs is not as it must be.
    """
    where = f"{model} version {version}: manifest"
    _check_format(document, where)
    _expect(where, "sha256", sha256_of(_canonical(_without_digest(document), where)), document.get("sha256"))
    _expect(where, "model", model, document.get("model"))
    _expect(where, "version", version, document.get("version"))
    _expect(where, "runtime", "linear", document.get("runtime"))
    features = _features(where, document.get("features"))
    linear = document.get("linear")
    if not isinstance(linear, dict):
        raise ArtifactError(f"{where}: 'linear' must be an object, found {shown(linear)}")
    coefficients = linear.get("coefficients")
    if not _numbers(coefficients) or len(coefficients) != len(features):
        expected = f"{len(features)} finite numbers, one a feature"
        raise ArtifactError(f"{where}: 'linear.coefficients' must be {expected}, found {shown(coefficients)}")
    if not _numbers([linear.get("intercept")]):
        intercept = shown(linear.get("intercept"))
        raise ArtifactError(f"{where}: 'linear.intercept' must be a finite number, found {intercept}")
    return Manifest(
        document=document,
        model=model,
        version=version,
        features=features,
        coefficients=tuple(map(float, coefficients)),
        intercept=float(linear["intercept"]),
        golden=_golden(where, document.get("golden")),
    )


def parse_alias(data: bytes, name: str) -> Alias:
    """Read the bytes of an alias; *name* is its object's name, for messages.

    Raises:
        ArtifactError: They are not an alias of a format this code knows.
    """
    document = _object(data, name)
    _check_format(document, name)
    version, sha256, manifest, history = map(document.get, ("version", "manifest_sha256", "manifest", "history"))
    if type(version) is not int or version < 1:
        raise ArtifactError(f"{name}: 'version' must be a whole number from 1, found {shown(version)}")
    if not isinstance(sha256, str) or not isinstance(manifest, dict):
        raise ArtifactError(f"{name}: 'manifest_sha256' must be text and 'manifest' an object")
    if not isinstance(history, list) or not history or not all(_is_entry(entry) for entry in history):
        raise ArtifactError(f"{name}: 'history' must list at least one object with a 'version'")
    _expect(name, "history[0].version", version, history[0]["version"])
    return Alias(version, sha256, manifest, tuple(history))


def promoted_manifest(alias: Alias, model: str) -> Manifest:
    """The verified manifest that *alias* carries.

    Raises:
        ArtifactError: It is not the one whose digest the alias names, or does not verify by itself.
    """
    where = f"{model} version {alias.version}: manifest"
    _check_format(alias.manifest, where)
    sha256 = sha256_of(_canonical(alias.manifest, where))
    _expect(f"{where} in the alias", "sha256", alias.manifest_sha256, sha256)
    return manifest_of(alias.manifest, model, alias.version)


def render_alias(manifest: Manifest, history: Sequence[Document]) -> bytes:
    """The bytes of an alias that points at *manifest*; *history* is newest first, this promotion included."""
    return canonical(
        {
            "format": FORMAT,
            "version": manifest.version,
            "manifest_sha256": sha256_of(canonical(manifest.document)),
            "manifest": manifest.document,
            "history": list(history),
        }
    )


def _object(data: bytes, where: str) -> dict[str, Any]:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ArtifactError(f"{where} must be JSON, found {len(data)} bytes that are not: {error}") from error
    if not isinstance(document, dict):
        raise ArtifactError(f"{where} must be a JSON object, found {shown(document)}")
    return document


def _without_digest(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "sha256"}


def _canonical(document: Document, where: str) -> bytes:
    try:
        return canonical(document)
    except orjson.JSONEncodeError as error:  # it can be read, and nests too deeply to be written
        raise ArtifactError(f"{where} must nest less deeply: {error}") from error


def _check_format(document: Document, where: str) -> None:
    number = document.get("format")
    if type(number) is int and number > FORMAT:
        raise ArtifactError(f"{where} has format {number}, newer than the {FORMAT} this code reads: deploy newer code")
    _expect(where, "format", FORMAT, number)


def _expect(where: str, field: str, expected: object, value: object) -> None:
    if type(value) is not type(expected) or value != expected:
        raise ArtifactError(f"{where}: expected {field} {_brief(expected)}, found {_brief(value)}")


def _brief(value: object) -> str:
    return value[:12] if isinstance(value, str) and len(value) == 64 else shown(value)  # noqa: PLR2004 - a sha256


def _numbers(values: object) -> TypeGuard[list[float]]:
    return isinstance(values, list) and all(type(v) in {int, float} and math.isfinite(v) for v in values)


def _features(where: str, entries: object) -> tuple[Feature, ...]:
    expected = f"{where}: 'features' must list objects with a name of their own, a minimum and a maximum"
    if not isinstance(entries, list) or not entries:
        raise ArtifactError(f"{expected}, found {shown(entries)}")
    features = []
    for entry in entries:
        if (
            not isinstance(entry, dict)
            or not isinstance(entry.get("name"), str)
            or not _numbers([entry.get("minimum"), entry.get("maximum")])
        ):
            raise ArtifactError(f"{expected}, found {shown(entry)}")
        name, redact = entry["name"], entry.get("redact", False)
        if type(redact) is not bool:
            raise ArtifactError(f"{where}: 'redact' of {shown(name)} must be true or false, found {shown(redact)}")
        width = entry.get("width", "float64")
        if not isinstance(width, str) or width not in WIDTHS:
            widths = ", ".join(sorted(WIDTHS))
            raise ArtifactError(f"{where}: 'width' of {shown(name)} must be one of {widths}, found {shown(width)}")
        features.append(Feature(name, float(entry["minimum"]), float(entry["maximum"]), redact, width))
    if len({feature.name for feature in features}) < len(features):
        raise ArtifactError(f"{expected}, found one name twice")
    return tuple(features)


def _golden(where: str, entries: object) -> tuple[tuple[Any, float], ...]:
    expected = f"{where}: 'golden' must list objects with an instance and a finite prediction"
    if not isinstance(entries, list) or not entries:
        raise ArtifactError(f"{expected}, found {shown(entries)}")
    for entry in entries:
        if not isinstance(entry, dict) or "instance" not in entry or not _numbers([entry.get("prediction")]):
            raise ArtifactError(f"{expected}, found {shown(entry)}")
    return tuple((entry["instance"], float(entry["prediction"])) for entry in entries)


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and type(entry.get("version")) is int
