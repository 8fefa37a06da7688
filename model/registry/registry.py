"""The writing side of the bucket: publish versions, move aliases, list what is there.

Nothing is ever overwritten but an alias, and that only by compare-and-set on its generation. A version becomes
visible with one create-only write of its manifest, which also hands out its number; what it needs is there before.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, PreconditionFailed, Unauthorized
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY
from pydantic import AwareDatetime, BaseModel, Field, ValidationError
from requests.exceptions import RequestException

from functions import artifact
from functions.artifact import Alias, ArtifactError, Manifest
from model.errors import AbsentError, MovedOnError, NotFoundError, PromotionError, RegistryError
from model.registry.production import verified_predictor

# Without this the client asks for the bucket's metadata in a thread beside the first request, for traces.
os.environ["DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"] = "true"

DEADLINE_SECONDS = 20.0
"""Of one request to the bucket, retries included."""

_MOST_LISTED = 20
_TIMEOUT = (5.0, 30.0)
_PIECE_BYTES = 8 << 20


class _Score(BaseModel):
    value: float | None
    low: float | None
    high: float | None


class _Check(BaseModel):
    check: str
    passed: bool
    value: float | None
    threshold: float


class _Data(BaseModel):
    uri: str = Field(pattern="^gs://[^/]+/.+")
    rows: int
    holdout_rows: int


class _Training(BaseModel):
    estimator: str
    parameters: dict[str, Any]
    git_commit: str | None


class _Target(BaseModel):
    name: str


class _Record(BaseModel):
    """What a manifest tells people; what serving needs of it is checked where it is parsed."""

    created: AwareDatetime
    target: _Target
    data: _Data
    training: _Training
    metrics: dict[str, _Score]
    gate: list[_Check]
    blessed: bool = Field(strict=True)


@dataclass(frozen=True)
class Entry:
    """A version in the list: its manifest, or why it does not verify, and the aliases that point at it.

    *forced* are those of them that were put there by force, against the gate.
    """

    version: int
    manifest: Manifest | None
    error: str
    aliases: tuple[str, ...]
    forced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Moved:
    """What became of a promotion or rollback: *before* is the version the alias held, None for the first."""

    version: int
    before: int | None
    changed: bool


class Registry:
    """The versions and aliases of one model in one bucket."""

    def __init__(
        self,
        bucket: str,
        model: str,
        *,
        credentials: Credentials | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._model = model
        self._retry = DEFAULT_RETRY.with_timeout(deadline_seconds)
        self._name = bucket
        with self._translated(""):
            self._client = storage.Client(project=None, credentials=credentials) if credentials else storage.Client()
            self._bucket = self._client.bucket(bucket)

    def publish(self, document: artifact.Document, *, snapshot: bytes, dataset: str) -> Manifest:
        """Write the data *snapshot* and the next version; returns the manifest as written.

        *document* is the manifest without model, version, created, data.uri, data.sha256, format and digest; those
        are filled in here.
        """
        sha256 = artifact.sha256_of(snapshot)
        name = artifact.data_name(dataset, sha256)
        try:
            self._write(name, snapshot, generation=0, content_type="application/vnd.apache.parquet")
        except AbsentError as error:  # what is absent when one writes is the bucket
            raise AbsentError(f"gs://{self._name} does not exist") from error
        data = {**document["data"], "uri": f"gs://{self._name}/{name}", "sha256": sha256}
        version = max(self.numbers(), default=0) + 1
        while True:
            created = _now()
            body = {**document, "model": self._model, "version": version, "created": created, "data": data}
            sealed = artifact.seal(body)
            manifest = artifact.parse_manifest(sealed, self._model, version)  # what no reader takes is not written
            if self._write(artifact.manifest_name(self._model, version), sealed, generation=0):
                return manifest
            version += 1

    def manifest(self, version: int) -> Manifest:
        """The verified manifest of *version*.

        Raises:
            NotFoundError: There is none; the message says which there are.
            RegistryError: It does not verify.
        """
        data, _ = self._read(artifact.manifest_name(self._model, version))
        if data is None:
            raise NotFoundError(f"{self._model} has no version {version}; {self._existing()}")
        try:
            manifest = artifact.parse_manifest(data, self._model, version)
            _Record.model_validate(manifest.document)
        except ArtifactError as error:
            raise RegistryError(str(error)) from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise RegistryError(f"{self._model} version {version}: manifest: '{place}': {first['msg']}") from error
        return manifest

    def newest(self) -> int:
        """The highest version number, blessed or not.

        Raises:
            NotFoundError: Nothing was published yet.
        """
        numbers = self.numbers()
        if not numbers:
            raise NotFoundError(
                f"{self._model} has no versions in gs://{self._name}; `python -m model train` makes one"
            )
        return max(numbers)

    def entries(self) -> list[Entry]:
        """Every version, newest first. One that does not verify is listed with the reason."""
        aliases: dict[int, list[str]] = {}
        forced: dict[int, list[str]] = {}
        for name, found in self._readable_aliases():
            aliases.setdefault(found.version, []).append(name)
            if _stands_by_force(found):
                forced.setdefault(found.version, []).append(name)

        def entry(version: int) -> Entry:
            pointing, by_force = tuple(aliases.get(version, ())), tuple(forced.get(version, ()))
            try:
                return Entry(version, self.manifest(version), "", pointing, by_force)
            except (RegistryError, NotFoundError) as error:
                return Entry(version, None, str(error), pointing, by_force)

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(entry, sorted(self.numbers(), reverse=True)))

    def standing(self, version: int) -> list[dict[str, Any]]:
        """What the aliases' histories say of *version*, newest first: their entries, each with the alias's name.

        `current` is true of the entry by which an alias holds the version now.
        """
        found = [
            {"forced": False, "reason": "", "by": "", "action": "", "promoted_at": ""}
            | dict(entry)
            | {"alias": name, "current": place == 0}
            for name, alias in self._readable_aliases()
            for place, entry in enumerate(alias.history)
            if entry["version"] == version
        ]
        return sorted(found, key=lambda entry: str(entry["promoted_at"]), reverse=True)

    def report(self, version: int) -> str | None:
        """The model card of *version*, as it was published; None if there is none yet."""
        data, _ = self._read(artifact.report_name(self._model, version))
        return None if data is None else data.decode("utf-8", errors="replace")

    def publish_report(self, version: int, page: str) -> bool:
        """Write the model card of *version*, which is published; False if there is one already, which stays.

        It comes after the manifest, which alone hands out the number: before it, two publishers that are about to
        take the same number would write one card for two models. Nothing that serves reads it, and whoever finds
        none can make it again from the manifest and the data.
        """
        name = artifact.report_name(self._model, version)
        return self._write(name, page.encode(), generation=0, content_type="text/html; charset=utf-8")

    def alias(self, name: str) -> tuple[Alias | None, int]:
        """What alias *name* says, and its generation; None and 0 if there is none yet.

        Raises:
            RegistryError: There is one, and it does not parse.
        """
        object_name = artifact.alias_name(self._model, name)
        data, generation = self._read(object_name)
        if data is None:
            return None, 0
        try:
            return artifact.parse_alias(data, object_name), generation
        except ArtifactError as error:
            raise RegistryError(str(error)) from error

    def promote(self, version: int, *, alias: str, by: str, reason: str, force: bool = False) -> Moved:
        """Point *alias* at *version*. If it points there already, at the same manifest, nothing changes.

        *force* overrides the gate, and nothing else; the history then says so.

        Raises:
            NotFoundError: There is no such version.
            PromotionError: It is not blessed, and *force* is not given, or the reason for it is not.
            MovedOnError: What the gate compared it with is not what *alias* holds at this moment.
            RegistryError: It does not verify, or its data snapshot is missing.
        """
        manifest = self._promotable(version)
        blessed = manifest.document.get("blessed") is True
        if not blessed and not force:
            failed = [check["check"] for check in manifest.document.get("gate", ()) if not check["passed"]]
            because = f" (failed: {', '.join(failed)})" if failed else ""
            raise PromotionError(
                f"{self._model} version {version} is not blessed{because}; {self._existing(blessed=True)}"
            )
        if not blessed and not reason.strip():
            raise PromotionError(f"{self._model} version {version} is not blessed: to force it, a reason is needed")

        def judged(current: Alias | None) -> tuple[Manifest, str, bool]:
            moved_on = _moved_on(manifest, current, alias)
            if moved_on and not force:
                raise MovedOnError(
                    f"{self._model} version {version} {moved_on}: train again to compare with it,"
                    " or give --force and --reason"
                )
            return manifest, "promote", not blessed or bool(moved_on)

        return self._move(alias, judged, by=by, reason=reason)

    def rollback(self, *, alias: str, to: int | None, by: str, reason: str) -> Moved:
        """Point *alias* at the version it held before the current one, or at *to*, further back.

        Raises:
            NotFoundError: There is no such alias yet.
            PromotionError: The current version is the oldest, or *to* does not stand behind it.
            RegistryError: The earlier version does not verify.
        """

        def earlier(current: Alias | None) -> tuple[Manifest, str, bool]:
            if current is None:
                raise NotFoundError(f"{self._model} has no alias {alias} yet; `python -m model promote` makes it")
            behind = current.lineage()[1:]
            if to is not None and to not in behind:
                self.manifest(to)
                there = f"those that do: {', '.join(map(str, behind))}" if behind else "none does"
                raise PromotionError(
                    f"version {to} does not stand behind version {current.version} in {alias} ({there});"
                    f" `promote {to}` puts it there"
                )
            if not behind:
                raise PromotionError(
                    f"{alias} holds version {current.version}, the oldest it ever held: nothing to roll back to"
                )
            return self._promotable(behind[0] if to is None else to), "rollback", False

        return self._move(alias, earlier, by=by, reason=reason)

    def download(self, uri: str, path: Path) -> None:
        """Copy the object at *uri* (gs://bucket/name) to *path*."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        if not bucket or not name:
            raise RegistryError(f"{uri} must be gs://BUCKET/NAME")
        with self._translated(uri):
            self._client.bucket(bucket).blob(name).download_to_filename(str(path), timeout=_TIMEOUT, retry=self._retry)

    def objects(
        self, uri: str, endings: tuple[str, ...], *, since: datetime | None = None
    ) -> list[tuple[str, Iterator[bytes]]]:
        """Names and bytes, in pieces, of the object at *uri* or of all below it, of those with one of *endings*.

        Of those below it only what was written *since* then, where that is given.

        Raises:
            RegistryError: There is none, or the bucket cannot be listed; while reading, that an object cannot be read.
        """
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        if not bucket:
            raise RegistryError(f"{uri} must be gs://BUCKET/PREFIX")
        one = name.endswith(endings)
        prefix = name if one or not name else f"{name.rstrip('/')}/"
        with self._translated(uri):
            fields = "items(name,size,updated),nextPageToken"
            blobs = self._client.list_blobs(bucket, prefix=prefix, fields=fields, timeout=_TIMEOUT, retry=self._retry)
            chosen = [blob for blob in blobs if (blob.name == name if one else blob.name.endswith(endings))]
        if not chosen:
            what = "does not exist" if one else f"holds no object that ends in {', '.join(endings)}"
            raise AbsentError(f"{uri} {what}")
        recent = [blob for blob in chosen if one or since is None or blob.updated is None or blob.updated >= since]
        return [(f"gs://{bucket}/{blob.name}", self._pieces(blob, f"gs://{bucket}/{blob.name}")) for blob in recent]

    def _pieces(self, blob: storage.Blob, uri: str) -> Iterator[bytes]:
        with self._translated(uri), blob.open("rb", chunk_size=_PIECE_BYTES, raw_download=True) as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece

    def _move(
        self,
        alias: str,
        choose: Callable[[Alias | None], tuple[Manifest, str, bool]],
        *,
        by: str,
        reason: str,
    ) -> Moved:
        """Compare-and-set until it holds: *choose* decides anew from what the alias says each time.

        It gives the manifest, the action's name, and whether that is against the gate.
        """
        while True:
            current, generation = self.alias(alias)
            manifest, action, forced = choose(current)
            before = current.version if current else None
            if current and before == manifest.version and current.manifest == manifest.document:
                return Moved(manifest.version, before, changed=False)
            entry = {"version": manifest.version, "action": action, "promoted_at": _now(), "by": by, "reason": reason}
            if forced:
                entry["forced"] = True
            history = [entry, *(current.history if current else ())]
            data = artifact.render_alias(manifest, history)
            if self._write(artifact.alias_name(self._model, alias), data, generation=generation):
                return Moved(manifest.version, before, changed=True)

    def _promotable(self, version: int) -> Manifest:
        """The manifest of *version*, once it has reproduced its golden predictions and its data is found."""
        manifest = self.manifest(version)
        verified_predictor(manifest)
        uri = manifest.document["data"]["uri"]
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        with self._translated(uri):
            if not self._client.bucket(bucket).blob(name).exists(timeout=_TIMEOUT, retry=self._retry):
                raise RegistryError(f"{self._model} version {version}: expected its data at {uri}, found none")
        return manifest

    def _existing(self, *, blessed: bool = False) -> str:
        numbers = sorted(self.numbers(), reverse=True)
        if blessed:
            numbers = [entry.version for entry in self.entries() if _is_blessed(entry)]
        kind = "blessed versions" if blessed else "versions"
        if not numbers:
            return f"there are no {kind}"
        more = f" and {len(numbers) - _MOST_LISTED} older ones" if len(numbers) > _MOST_LISTED else ""
        return f"{kind}: {', '.join(map(str, numbers[:_MOST_LISTED]))}{more}"

    def numbers(self) -> list[int]:
        """Of every version that was published, whether it verifies or not."""
        names = self._names(artifact.versions_prefix(self._model), "**/manifest.json")
        found = (artifact.version_of(self._model, name) for name in names)
        return [number for number in found if number is not None]

    def _readable_aliases(self) -> list[tuple[str, Alias]]:
        """Every alias; one that does not parse is left out, and is reported by whoever uses it."""
        found = []
        for name in self._alias_names():
            try:
                alias, _ = self.alias(name)
            except RegistryError:
                continue
            if alias:
                found.append((name, alias))
        return found

    def _alias_names(self) -> list[str]:
        prefix = artifact.alias_name(self._model, "").removesuffix(".json")
        names = self._names(prefix, "**.json")
        return [name.removeprefix(prefix).removesuffix(".json") for name in names if name.endswith(".json")]

    def _names(self, prefix: str, glob: str) -> list[str]:
        with self._translated(prefix):
            found = self._client.list_blobs(
                self._bucket,
                prefix=prefix,
                match_glob=glob,
                fields="items(name),nextPageToken",
                timeout=_TIMEOUT,
                retry=self._retry,
            )
            return [blob.name for blob in found]

    def _read(self, name: str) -> tuple[bytes | None, int]:
        blob = self._bucket.blob(name)
        try:
            with self._translated(name):
                data = blob.download_as_bytes(timeout=_TIMEOUT, retry=self._retry)
        except AbsentError:
            return None, 0
        return data, int(blob.generation or 0)

    def _write(self, name: str, data: bytes, *, generation: int, content_type: str = "application/json") -> bool:
        """Write *name* if its generation still is *generation* (0: absent); False if somebody else was first.

        A write whose answer got lost is repeated by the client and then meets itself; the token tells.
        """
        token = uuid.uuid4().hex
        blob = self._bucket.blob(name)
        blob.metadata = {"writer": token}
        with self._translated(name):
            try:
                blob.upload_from_string(
                    data, content_type=content_type, if_generation_match=generation, timeout=_TIMEOUT, retry=self._retry
                )
            except PreconditionFailed:
                found = self._bucket.get_blob(name, timeout=_TIMEOUT, retry=self._retry)
                return found is not None and (found.metadata or {}).get("writer") == token
        return True

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        """The one place where the client's exceptions become ours."""
        where = name if name.startswith("gs://") else f"gs://{self._name}/{name}"
        try:
            yield
        except NotFound as error:
            raise AbsentError(f"{where} does not exist") from error
        except (Forbidden, Unauthorized) as error:
            raise RegistryError(f"{where} is refused to this account") from error
        except ValueError as error:  # of the client, which checks names itself
            raise RegistryError(f"{where}: {error}") from error
        except GoogleAuthError as error:
            raise RegistryError(f"{where} cannot be reached: {str(error).splitlines()[0][:200]}") from error
        except (GoogleAPIError, RequestException, OSError) as error:
            emulator = os.environ.get("STORAGE_EMULATOR_HOST")
            reason = (
                f"no answer from the emulator at {emulator}; is ./deploy.sh local still running?"
                if emulator
                else str(error.__cause__ or error).splitlines()[0][:200]
            )
            raise RegistryError(f"{where} cannot be reached: {reason}") from error


def _moved_on(manifest: Manifest, current: Alias | None, alias: str) -> str:
    """How what *alias* holds differs from what the gate compared *manifest* with; empty if it does not.

    A manifest that says nothing of a comparison was not made by `train`, and is not held to one.
    """
    compared = manifest.document.get("comparison")
    if not isinstance(compared, dict):
        return ""
    if current and (current.version == manifest.version or current.manifest_sha256 == compared.get("manifest_sha256")):
        return ""
    judged = compared.get("production")
    if current is None:
        return "" if judged is None else f"was compared with version {judged}, and {alias} holds none now"
    against = "nothing" if judged is None else f"version {judged}"
    return f"was compared with {against}, and {alias} holds version {current.version} now"


def _stands_by_force(alias: Alias) -> bool:
    """Whether the version that *alias* holds was forced into it; a rollback to it does not change that."""
    promotions = [entry for entry in alias.history if entry["version"] == alias.version]
    return any(entry.get("forced") is True for entry in promotions if entry.get("action") != "rollback")


def _is_blessed(entry: Entry) -> bool:
    return entry.manifest is not None and entry.manifest.document.get("blessed") is True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
