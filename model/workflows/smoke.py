"""Running functions are asked for the predictions that the version of an alias must give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from model.errors import NotFoundError
from model.infra_validation import smoke_test
from model.registry.production import verified_manifest
from model.registry.registry import Registry


@dataclass(frozen=True)
class Answers:
    """The answers of one function: how many were right, and a line for each that was wrong."""

    function: str
    version: int
    right: int
    wrong: Sequence[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """One entry of the JSON of `smoke`."""
        return {"function": self.function, "version": self.version, "right": self.right, "wrong": list(self.wrong)}


def smoke(
    store: Registry,
    functions: Sequence[tuple[str, str]],
    *,
    model: str,
    alias: str,
    token: Callable[[], str],
    within_seconds: float,
) -> Iterator[Answers]:
    """Ask each of *functions* (its name and address), one after the other.

    Args:
        token: Gives the identity token of the next function; empty for none.
        within_seconds: Time to wait until the function serves the version.

    Raises:
        NotFoundError: The alias was never set.
    """
    promoted, _ = store.alias(alias)
    if promoted is None:
        raise NotFoundError(f"{model} has no alias {alias} yet")
    manifest = verified_manifest(promoted, model)
    for function, address in functions:
        right, wrong = smoke_test.ask(address, function, manifest, token=token(), within_seconds=within_seconds)
        yield Answers(function, manifest.version, right, wrong)
