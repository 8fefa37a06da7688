"""A GET of Cloud Storage's JSON API without its client library: tried again while that may help, and checked."""

from __future__ import annotations

import base64
import hashlib
import random
import time
from http import HTTPStatus
from urllib.parse import quote

from .answer import Answer, BrokenError, get
from .token import NoTokenError, forget, token
from .values import AbsentError, BucketError, Fetched, refusal

PAUSE_SECONDS = 0.2
MOST_PAUSE_SECONDS = 2.0
"""Pauses between attempts: the first one, doubled up to the longest; each is cut at random, so that functions which
met the same failure do not come again together."""

MOST_DOCUMENT_BYTES = 32 << 20
"""The largest manifest or alias, whose size nobody says beforehand: it takes many times its size once it is parsed."""

_MAY_PASS = {408, 429, 500, 502, 503, 504}


def read(
    server: str,
    bucket: str,
    name: str,
    *,
    signed: bool,
    deadline_seconds: float,
    most_bytes: int | None = None,
    generation: int | None = None,
) -> Fetched:
    """Get one object from *server*; see bucket.fetch.

    Args:
        signed: Whether requests carry the service account's token.

    Raises:
        BucketError: It is absent, refused or out of reach within *deadline_seconds*.
        NoMetadataError: There is no metadata server to ask for a token.
    """
    condition = "" if generation is None else f"&ifGenerationNotMatch={generation}"
    path = f"{quote(bucket, safe='')}/o/{quote(name, safe='')}?alt=media{condition}"
    url = f"{server}/download/storage/v1/b/{path}"
    headers = {} if most_bytes is None else {"Range": f"bytes=0-{most_bytes}"}
    until, pause, renewed, failure = time.monotonic() + deadline_seconds, PAUSE_SECONDS, False, ""
    most = (MOST_DOCUMENT_BYTES if most_bytes is None else most_bytes) + 1
    while True:
        try:
            credentials = {"Authorization": f"Bearer {token(until)}"} if signed else {}
            answer = get(url, {**headers, **credentials}, until=until, most_bytes=most)
            if answer.status == HTTPStatus.UNAUTHORIZED and signed and not renewed:
                renewed = True
                forget()
                continue
            if answer.status not in _MAY_PASS:
                return _fetched(answer, f"gs://{bucket}/{name}", most, generation)
            failure = refusal(answer.status, _text(answer))
        except NoTokenError as error:
            failure = f"cannot be reached: the metadata server gave no token: {error}"
        except BrokenError as error:
            failure = f"cannot be read: {error}"
        except OSError as error:
            # An attempt that only the deadline ended says less than the one before it.
            if not (failure and isinstance(error, TimeoutError) and time.monotonic() >= until):
                failure = f"cannot be reached: {type(error).__name__}"
        cut = pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads attempts, is no secret
        if time.monotonic() + cut >= until:
            raise BucketError(f"gs://{bucket}/{name} {failure}")
        time.sleep(cut)
        pause = min(2 * pause, MOST_PAUSE_SECONDS)


def _fetched(answer: Answer, uri: str, most_bytes: int | None, generation: int | None) -> Fetched:
    """The object in *answer*.

    Raises:
        BucketError: The answer is another one, and asking again would not help.
        BrokenError: The bytes are not those that Cloud Storage holds.
    """
    match answer.status:
        case HTTPStatus.OK | HTTPStatus.PARTIAL_CONTENT:
            _check(answer, most_bytes)
            return Fetched(answer.body, _generation(answer))
        case HTTPStatus.NOT_MODIFIED if generation is not None:
            return Fetched(b"", generation)
        case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # an empty object has not even a first byte
            return Fetched(b"", _generation(answer))
        case HTTPStatus.NOT_FOUND:
            raise AbsentError(f"{uri} {refusal(answer.status, _text(answer))}")
        case _:
            raise BucketError(f"{uri} {refusal(answer.status, _text(answer))}")


def _check(answer: Answer, most_bytes: int | None) -> None:
    """Compare a whole object with the digest that came with it; a part of one is checked by the manifest's digest.

    Cloud Storage gives an MD5, except for an object that was composed of others, which has only a CRC32C.

    Raises:
        BrokenError: They differ, or nothing says whether the bytes are all.
    """
    sums = ",".join(answer.headers.get_all("x-goog-hash") or []).replace(" ", "")
    given = dict(part.partition("=")[::2] for part in sums.split(",") if part)
    as_stored = answer.headers.get("x-goog-stored-content-encoding", "identity") == "identity"
    cut = answer.status != HTTPStatus.OK or (most_bytes is not None and len(answer.body) >= most_bytes)
    kind = next((kind for kind in _DIGESTS if kind in given and as_stored and not cut), None)
    if kind is not None and _DIGESTS[kind](answer.body) != given[kind]:
        raise BrokenError(f"the bytes that came have another {kind} than Cloud Storage says")
    if kind is None and not answer.whole:
        raise BrokenError("the answer has neither a length nor a digest, so it may be a part")


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _crc32c(data: bytes) -> str:
    import google_crc32c  # noqa: PLC0415 - for objects that were composed, which nothing here writes

    return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()


_DIGESTS = {"md5": _md5, "crc32c": _crc32c}
"""The digests that are compared, by Cloud Storage's name of each; the first that came decides."""


def _generation(answer: Answer) -> int:
    text = answer.headers.get("x-goog-generation", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _text(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace")
