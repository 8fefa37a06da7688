"""Versions and aliases of a model: publish, promote, roll back, list.

Only an alias is ever overwritten, by compare-and-set on its generation. A version becomes visible with one create-only
write of its manifest, which also hands out its number; the objects that it needs are written before.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.auth.credentials import Credentials

from functions import artifact
from functions.artifact import Alias, ArtifactError, Manifest
from functions.predictor import Predictor, build
from model.errors import AbsentError, MovedOnError, NotFoundError, PromotionError, RegistryError
from model.formatting import PROGRAM
from model.registry.bucket import DEADLINE_SECONDS, Bucket
from model.registry.manifest import parsed
from model.registry.models import absence
from model.registry.production import verified_predictor

_MOST_LISTED = 20


@dataclass(frozen=True)
class Entry:
    """A version in the list.

    Args:
        manifest: None if it does not verify; *error* says why.
        aliases: Names of the aliases that point at it.
        forced: Those of them that a forced promotion set, against the gate.
    """

    version: int
    manifest: Manifest | None
    error: str
    aliases: tuple[str, ...]
    forced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Moved:
    """The outcome of a promotion or rollback; *before* is the version that the alias held, None for the first."""

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
        self.bucket = Bucket(bucket, credentials=credentials, deadline_seconds=deadline_seconds)

    def publish(self, document: artifact.Document, *, snapshot: bytes, dataset: str, arrays: bytes = b"") -> Manifest:
        """Write the data *snapshot* and the next version; returns the manifest as written.

        *document* is the manifest without model, version, created, data.uri, data.sha256, files, format and digest,
        which are filled in here. *arrays* travel inside it, or beside it where they are large; the object beside is
        written first, so every version that can be seen is whole. A number whose object another publisher has written
        is left to that one.
        """
        sha256 = artifact.sha256_of(snapshot)
        name = artifact.data_name(dataset, sha256)
        try:
            self.bucket.write(name, snapshot, generation=0, content_type="application/vnd.apache.parquet")
        except AbsentError as error:  # only the bucket can be absent for a write
            raise AbsentError(f"gs://{self.bucket.name} does not exist") from error
        data = {**document["data"], "uri": f"gs://{self.bucket.name}/{name}", "sha256": sha256}
        document, beside = artifact.with_arrays(document, arrays)
        version = max(self.numbers(), default=0) + 1
        while True:
            created = _now()
            body = {**document, "model": self._model, "version": version, "created": created, "data": data}
            sealed = artifact.seal(body)
            manifest = artifact.parse_manifest(sealed, self._model, version)
            build(manifest, beside)  # what no reader takes is not written
            if self._write_arrays(version, beside) and self.bucket.write(
                artifact.manifest_name(self._model, version), sealed, generation=0
            ):
                return manifest
            version += 1

    def _write_arrays(self, version: int, arrays: bytes) -> bool:
        name = artifact.model_name(self._model, version)
        return not arrays or self.bucket.write(name, arrays, generation=0, content_type="application/octet-stream")

    def predictor(self, manifest: Manifest) -> Predictor:
        """The model of *manifest*, with the arrays beside it, once it has reproduced its golden predictions.

        Raises:
            RegistryError: It does not, or its arrays cannot be read.
        """
        return verified_predictor(manifest, self.bucket)

    def manifest(self, version: int) -> Manifest:
        """The verified manifest of *version*.

        Raises:
            NotFoundError: There is none; the message says which there are.
            RegistryError: It does not verify.
        """
        data, _ = self.bucket.read(artifact.manifest_name(self._model, version))
        if data is None:
            absent = self.absence()
            raise NotFoundError(absent or f"{self._model} has no version {version}; {self._existing()}")
        return parsed(data, self._model, version)

    def newest(self) -> int:
        """The highest version number, blessed or not.

        Raises:
            NotFoundError: Nothing was published yet.
        """
        numbers = self.numbers()
        if not numbers:
            none = f"{self._model} has no versions in gs://{self.bucket.name}; `{PROGRAM} train` makes one"
            raise NotFoundError(self.absence() or none)
        return max(numbers)

    def absence(self) -> str:
        """A line where the bucket holds other models and none of this name; else empty."""
        return absence(self.bucket, self._model)

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
        """Entries of all aliases' histories that name *version*, newest first, each with the alias's name.

        `current` is true for the entry by which an alias holds the version now.
        """
        entries = [
            {"forced": False, "reason": "", "by": "", "action": "", "promoted_at": ""}
            | dict(entry)
            | {"alias": name, "current": place == 0}
            for name, alias in self._readable_aliases()
            for place, entry in enumerate(alias.history)
            if entry["version"] == version
        ]
        return sorted(entries, key=lambda entry: str(entry["promoted_at"]), reverse=True)

    def report(self, version: int) -> str | None:
        """The model card of *version*, as it was published; None if there is none yet."""
        data, _ = self.bucket.read(artifact.report_name(self._model, version))
        return None if data is None else data.decode("utf-8", errors="replace")

    def publish_report(self, version: int, page: str) -> bool:
        """Write the model card of *version*, which is published; False if there is one already, which stays.

        The card is written after the manifest, which alone hands out the number: two publishers about to take the
        same number would otherwise write one card for two models. Serving does not read it, and `report` makes a
        missing one again from the manifest and the data.
        """
        name = artifact.report_name(self._model, version)
        return self.bucket.write(name, page.encode(), generation=0, content_type="text/html; charset=utf-8")

    def alias(self, name: str) -> tuple[Alias | None, int]:
        """The content of alias *name*, and its generation; None and 0 if there is none yet.

        Raises:
            RegistryError: There is one, and it does not parse.
        """
        object_name = artifact.alias_name(self._model, name)
        data, generation = self.bucket.read(object_name)
        if data is None:
            return None, 0
        try:
            return artifact.parse_alias(data, object_name), generation
        except ArtifactError as error:
            raise RegistryError(str(error)) from error

    def promote(self, version: int, *, alias: str, by: str, reason: str, force: bool = False) -> Moved:
        """Point *alias* at *version*. If it points there already, at the same manifest, nothing changes.

        *force* overrides the gate alone; the history then says so.

        Raises:
            NotFoundError: There is no such version.
            PromotionError: It is not blessed, and *force* is not given, or the reason for it is not.
            MovedOnError: *alias* holds another version by now than the one that the gate compared with.
            RegistryError: It does not verify.
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
                raise MovedOnError(f"{self._model} version {version} {moved_on}: {_way_back(version, current)}")
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
                none = f"{self._model} has no alias {alias} yet; `{PROGRAM} promote` makes it"
                raise NotFoundError(self.absence() or none)
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

    def _move(
        self,
        alias: str,
        choose: Callable[[Alias | None], tuple[Manifest, str, bool]],
        *,
        by: str,
        reason: str,
    ) -> Moved:
        """Compare-and-set until it holds; *choose* decides anew from the alias's content each time.

        *choose* gives the manifest, the action's name, and whether that is against the gate.
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
            if self.bucket.write(artifact.alias_name(self._model, alias), data, generation=generation):
                return Moved(manifest.version, before, changed=True)

    def _promotable(self, version: int) -> Manifest:
        """The manifest of *version*, once it has reproduced its golden predictions.

        Nothing else is asked for: serving needs the manifest and its arrays alone, and training rows may have been
        erased.
        """
        manifest = self.manifest(version)
        self.predictor(manifest)
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
        """Numbers of all published versions, whether they verify or not."""
        names = self.bucket.names(artifact.versions_prefix(self._model), "**/manifest.json")
        found = (artifact.version_of(self._model, name) for name in names)
        return [number for number in found if number is not None]

    def _readable_aliases(self) -> list[tuple[str, Alias]]:
        """Every alias that parses; a broken one is reported where it is used."""
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
        names = self.bucket.names(prefix, "**.json")
        return [name.removeprefix(prefix).removesuffix(".json") for name in names if name.endswith(".json")]


def _moved_on(manifest: Manifest, current: Alias | None, alias: str) -> str:
    """How the version that *alias* holds differs from the one that *manifest* was compared with; empty if it does not.

    A manifest without a comparison was not made by `train`, and is not held to one.
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


def _way_back(version: int, current: Alias | None) -> str:
    """The advice where *version* was judged against another production."""
    if current and version in current.lineage()[1:]:
        return f"it was in production before, and `{PROGRAM} rollback --to {version}` puts it back"
    return "train again to compare with it, or give --force and --reason"


def _stands_by_force(alias: Alias) -> bool:
    """Whether the version that *alias* holds was forced into it; a rollback to it does not change that."""
    promotions = [entry for entry in alias.history if entry["version"] == alias.version]
    return any(entry.get("forced") is True for entry in promotions if entry.get("action") != "rollback")


def _is_blessed(entry: Entry) -> bool:
    return entry.manifest is not None and entry.manifest.document.get("blessed") is True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
