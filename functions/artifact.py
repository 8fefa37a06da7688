"""The contract with the bucket: object names, manifest, alias, digests. Pure: bytes in, values out.

Reader and writer are this one module. A manifest's bytes are its canonical JSON (sorted keys, no blanks), so a
digest of the parsed document is a digest of the bytes, wherever the document travels.

Errors, by who must act:
    ArtifactError   the publisher: this code may not serve what the bucket holds
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from .columns.feature import Feature, Level
from .entries import ArtifactError as ArtifactError  # noqa: PLC0414 - it belongs to this contract
from .entries import File as File  # noqa: PLC0414
from .entries import Golden, classes_of, features_of, files_of, golden_of, key_of, missing_of
from .problems import shown

FORMAT = 2
"""The newest format of a manifest that this code reads; `seal` writes the lowest that suffices."""

ALIAS_FORMAT = 1

ARRAYS = "model.bin"
"""Name of the object beside a manifest that holds a graph's arrays."""

MOST_INLINE_BYTES = 256 * 1024
"""Arrays up to this size travel inside the manifest, so a cold start reads one object."""

RUNTIMES = ("linear", "graph")
Document = Mapping[str, Any]

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")


class Manifest(NamedTuple):
    """One verified model version. *document* is the whole manifest, unknown fields included.

    Attributes:
        golden: Instances with the answers of the estimator that was trained.
        files: Objects beside the manifest, by their name below the version.
        classes: Labels of a classifier; empty for a regression.
        missing: Texts that stand for a missing cell in files, and so in bodies of CSV and JSON Lines.
        key: The column that comes back beside each prediction; empty where there is none.
    """

    document: Document
    model: str
    version: int
    features: tuple[Feature, ...]
    golden: tuple[Golden, ...]
    files: Mapping[str, File] = MappingProxyType({})
    classes: tuple[Level, ...] = ()
    missing: tuple[str, ...] = ()
    key: str = ""


class Alias(NamedTuple):
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


def model_name(model: str, version: int) -> str:
    """The object that holds a graph's arrays where they are too large for the manifest."""
    return f"{versions_prefix(model)}{version}/{ARRAYS}"


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


def with_arrays(document: Document, arrays: bytes) -> tuple[dict[str, Any], bytes]:
    """The manifest's part of an exported model, and the bytes that travel beside it as `model.bin`.

    Args:
        document: `runtime`, and `linear` or `graph`, as an exporter gives them.
        arrays: The graph's block. Up to MOST_INLINE_BYTES it is put into the document, and no bytes travel beside.
    """
    if not arrays:
        return dict(document), b""
    graph = document["graph"]
    if len(arrays) <= MOST_INLINE_BYTES:
        inline = {**graph["arrays"], "base64": base64.b64encode(arrays).decode()}
        return {**document, "graph": {**graph, "arrays": inline}}, b""
    files = {**document.get("files", {}), ARRAYS: {"sha256": sha256_of(arrays), "bytes": len(arrays)}}
    return {**document, "files": files}, arrays


def seal(document: Document) -> bytes:
    """The bytes of a manifest: *document* with the lowest format that suffices and its digest, in canonical form."""
    body = {**_without_digest(document), "format": _lowest_format(document)}
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
    runtime = document.get("runtime")
    if runtime not in RUNTIMES:
        raise ArtifactError(f"{where}: expected runtime {' or '.join(RUNTIMES)}, found {shown(runtime)}")
    if not isinstance(document.get(runtime), dict):
        raise ArtifactError(f"{where}: '{runtime}' must be an object, found {shown(document.get(runtime))}")
    classes = classes_of(where, document.get("classes"))
    if classes and runtime == "linear":
        raise ArtifactError(f"{where}: 'classes' must be null for runtime linear, found {shown(list(classes))}")
    features = features_of(where, document.get("features"))
    return Manifest(
        document=document,
        model=model,
        version=version,
        features=features,
        golden=golden_of(where, document.get("golden"), classes),
        files=files_of(where, document.get("files")),
        classes=classes,
        missing=missing_of(where, document.get("data")),
        key=key_of(where, document.get("data"), features),
    )


def parse_alias(data: bytes, name: str) -> Alias:
    """Read the bytes of an alias; *name* is its object's name, for messages.

    Raises:
        ArtifactError: They are not an alias of a format this code knows.
    """
    document = _object(data, name)
    _check_format(document, name, ALIAS_FORMAT)
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
            "format": ALIAS_FORMAT,
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


def _check_format(document: Document, where: str, newest: int = FORMAT) -> None:
    number = document.get("format")
    if type(number) is int and number > newest:
        raise ArtifactError(f"{where} has format {number}, newer than the {newest} this code reads: deploy newer code")
    if type(number) is not int or number < 1:
        formats = "1" if newest == 1 else f"1 to {newest}"
        raise ArtifactError(f"{where}: expected format {formats}, found {shown(number)}")


def _lowest_format(document: Document) -> int:
    """1 for a line over complete numbers, which functions deployed before read, else 2."""
    features = document.get("features")
    plain = all(
        entry.get("kind", "number") == "number" and not entry.get("missing") and not entry.get("missing_share")
        for entry in (features if isinstance(features, list) else ())
        if isinstance(entry, dict)
    )
    return 1 if plain and document.get("runtime") == "linear" and not document.get("files") else 2


def _expect(where: str, field: str, expected: object, value: object) -> None:
    if type(value) is not type(expected) or value != expected:
        raise ArtifactError(f"{where}: expected {field} {_brief(expected)}, found {_brief(value)}")


def _brief(value: object) -> str:
    return value[:12] if isinstance(value, str) and len(value) == 64 else shown(value)  # noqa: PLR2004 - a sha256


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and type(entry.get("version")) is int
