"""Transport to Cloud Storage: read, write once, list and download; the client's exceptions become ours here."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from google.api_core.exceptions import GoogleAPIError, NotFound, PreconditionFailed
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY
from requests.exceptions import RequestException

from functions.artifact import emulator_address
from functions.storage.client import answered, failure
from model.errors import AbsentError, RegistryError

DEADLINE_SECONDS = 20.0
"""Deadline of one request to the bucket, retries included."""

_TIMEOUT = (5.0, 30.0)
_PIECE_BYTES = 8 << 20


class Bucket:
    """One bucket by its name; `download` and `objects` take addresses in any bucket."""

    def __init__(
        self, name: str, *, credentials: Credentials | None = None, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        self.name = name
        self._retry = DEFAULT_RETRY.with_timeout(deadline_seconds)
        if emulator := os.environ.get("STORAGE_EMULATOR_HOST"):
            os.environ["STORAGE_EMULATOR_HOST"] = emulator_address(emulator)
        with self._translated(""):
            self._client = storage.Client(project=None, credentials=credentials) if credentials else storage.Client()
            self._bucket = self._client.bucket(name)

    def read(self, name: str) -> tuple[bytes | None, int]:
        """The bytes of an object and its generation; None and 0 if there is none."""
        blob = self._bucket.blob(name)
        try:
            with self._translated(name):
                content = blob.download_as_bytes(timeout=_TIMEOUT, retry=self._retry)
        except AbsentError:
            return None, 0
        return content, int(blob.generation or 0)

    def write(self, name: str, content: bytes, *, generation: int, content_type: str = "application/json") -> bool:
        """Write *name* if its generation still is *generation* (0: absent); False if somebody else was first.

        The client repeats a write whose answer was lost; the repetition finds the token of its own first attempt.
        """
        token = uuid.uuid4().hex
        blob = self._bucket.blob(name)
        blob.metadata = {"writer": token}
        with self._translated(name):
            try:
                blob.upload_from_string(
                    content,
                    content_type=content_type,
                    if_generation_match=generation,
                    timeout=_TIMEOUT,
                    retry=self._retry,
                )
            except PreconditionFailed:
                written = self._bucket.get_blob(name, timeout=_TIMEOUT, retry=self._retry)
                return written is not None and (written.metadata or {}).get("writer") == token
        return True

    def names(self, prefix: str, glob: str) -> list[str]:
        """Names of the objects below *prefix* that match *glob*."""
        with self._translated(prefix):
            blobs = self._client.list_blobs(
                self._bucket,
                prefix=prefix,
                match_glob=glob,
                fields="items(name),nextPageToken",
                timeout=_TIMEOUT,
                retry=self._retry,
            )
            return [blob.name for blob in blobs]

    def download(self, uri: str, path: Path) -> None:
        """Copy the object at *uri* (gs://bucket/name) to *path*."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        if not bucket or not name:
            raise RegistryError(f"{uri} must be gs://BUCKET/NAME")
        with self._translated(uri):
            self._client.bucket(bucket).blob(name).download_to_filename(str(path), timeout=_TIMEOUT, retry=self._retry)

    def matching(self, uri: str) -> list[str]:
        """Addresses of the objects that match *uri* (gs://bucket/pattern), in the order of their names.

        Raises:
            RegistryError: There is none, or the bucket cannot be listed.
        """
        bucket, _, pattern = uri.removeprefix("gs://").partition("/")
        if not bucket or set(bucket) & set("*?["):
            raise RegistryError(f"{uri} must be gs://BUCKET/PATTERN")
        try:
            expression = _expression(pattern)
        except re.error as error:
            raise RegistryError(f"{uri} must be a pattern: {error}") from error
        prefix = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
        with self._translated(uri):
            fields = "items(name),nextPageToken"
            blobs = self._client.list_blobs(bucket, prefix=prefix, fields=fields, timeout=_TIMEOUT, retry=self._retry)
            names = sorted(blob.name for blob in blobs if expression.fullmatch(blob.name))
        if not names:
            raise AbsentError(f"{uri} must match at least one object, found none")
        return [f"gs://{bucket}/{name}" for name in names]

    def objects(
        self, uri: str, endings: tuple[str, ...], *, since: datetime | None = None
    ) -> list[tuple[str, Iterator[bytes]]]:
        """Names and bytes, in pieces, of the object at *uri*, or of all objects below it with one of *endings*.

        Args:
            since: Objects below *uri* that were last written before are left out.

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
            pattern = "is a pattern: name the folder, or one object after the other"
            problem = (
                pattern
                if "*" in name
                else "does not exist"
                if one
                else f"holds no object that ends in {', '.join(endings)}"
            )
            raise AbsentError(f"{uri} {problem}")
        recent = [blob for blob in chosen if one or since is None or blob.updated is None or blob.updated >= since]
        return [(f"gs://{bucket}/{blob.name}", self._pieces(blob, f"gs://{bucket}/{blob.name}")) for blob in recent]

    def _pieces(self, blob: storage.Blob, uri: str) -> Iterator[bytes]:
        with self._translated(uri), blob.open("rb", chunk_size=_PIECE_BYTES, raw_download=True) as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        """The one place where the client's exceptions become ours, with Cloud Storage's own reason."""
        where = name if name.startswith("gs://") else f"gs://{self.name}/{name}"
        try:
            yield
        except NotFound as error:
            raise AbsentError(f"{where} {failure(error)}") from error
        except ValueError as error:  # the client checks names itself
            raise RegistryError(f"{where}: {error}") from error
        except GoogleAuthError as error:
            raise RegistryError(f"{where} cannot be reached: {' '.join(str(error).split())[:400]}") from error
        except (GoogleAPIError, RequestException, OSError) as error:
            emulator = os.environ.get("STORAGE_EMULATOR_HOST")
            if emulator and not answered(error):
                reason = f"no answer from the emulator at {emulator}; is ./deploy.sh local still running?"
                raise RegistryError(f"{where} cannot be reached: {reason}") from error
            raise RegistryError(f"{where} {failure(error)}") from error


def _expression(pattern: str) -> re.Pattern[str]:
    """The names that *pattern* matches, as files would: `**` crosses folders, `*` and `?` do not."""
    translated = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*|\*|\?|\[!?\]?[^\]]*\])", pattern)
    return re.compile(
        "".join(
            translated.get(piece)
            or (piece.replace("[!", "[^", 1) if piece.startswith("[") and piece.endswith("]") else re.escape(piece))
            for piece in pieces
        )
    )
