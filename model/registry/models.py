"""The models of a bucket: how many versions each has, and which of them its aliases hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions import artifact
from functions.artifact import ArtifactError
from model.errors import RegistryError
from model.formatting import near
from model.registry.bucket import Bucket

_MOST_LISTED = 20
_OBJECT = re.compile(r"([^/]+)/(?:versions/([1-9][0-9]*)/manifest|aliases/([^/]+))\.json")


@dataclass(frozen=True)
class Model:
    """One model.

    Args:
        versions: How many there are.
        newest: The highest number; None if there is an alias alone.
        aliases: The version that each alias holds; None for an alias that does not parse.
    """

    name: str
    versions: int
    newest: int | None
    aliases: Mapping[str, int | None] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """One entry of the JSON of `models`."""
        return {**vars(self), "aliases": dict(self.aliases)}


def models(bucket: Bucket) -> list[Model]:
    """Every model of *bucket*, by name."""
    numbers: dict[str, list[int]] = {}
    aliases: dict[str, dict[str, int | None]] = {}
    for name in bucket.names("", "**.json"):
        match = _OBJECT.fullmatch(name)
        if not match or not artifact.is_name(match[1]):
            continue
        numbers.setdefault(match[1], [])
        if match[2]:
            numbers[match[1]].append(int(match[2]))
        else:
            aliases.setdefault(match[1], {})[match[3]] = _held(bucket, name)
    return [
        Model(name, len(found), max(found, default=None), aliases.get(name, {}))
        for name, found in sorted(numbers.items())
    ]


def absence(bucket: Bucket, model: str) -> str:
    """A line where *bucket* holds no such model, and holds others: those that are spelled nearly so stand first.

    Empty too where the bucket does not let its objects be listed.
    """
    try:
        matches = [_OBJECT.fullmatch(name) for name in bucket.names("", "**.json")]
    except RegistryError:
        return ""
    there = sorted({match[1] for match in matches if match and artifact.is_name(match[1])})
    if not there or model in there:
        return ""
    names = list(dict.fromkeys([*near(model, there), *there]))
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return f"there is no model {model} in gs://{bucket.name}; there are {', '.join(names[:_MOST_LISTED])}{more}"


def _held(bucket: Bucket, name: str) -> int | None:
    content, _ = bucket.read(name)
    try:
        return artifact.parse_alias(content, name).version if content is not None else None
    except ArtifactError:
        return None
