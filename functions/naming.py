"""The order of columns that come by name. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from .feature import Feature
from .problems import Problem, refuse, shown


def order_of(
    names: Sequence[str], features: Sequence[Feature], problem: Callable[[str, int | None], Problem]
) -> list[int | None]:
    """The place of each feature among *names*; None for one that may be absent and is.

    Args:
        problem: A problem of its detail, and of the place of a name that is unknown; None for one of no such place.

    Raises:
        PayloadError: A name is unknown, or a feature's came twice or not at all.
    """
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        places.setdefault(name, place)
    refuse(_problems(names, places, features, problem))
    return [places.get(feature.name) for feature in features]


def _problems(
    names: Sequence[str],
    places: dict[str, int],
    features: Sequence[Feature],
    problem: Callable[[str, int | None], Problem],
) -> Iterator[Problem]:
    known = [feature.name for feature in features]
    listed, are_known = ", ".join(known), set(known)
    for place, name in enumerate(names):
        if name not in are_known:
            yield problem(f"unknown feature {shown(name)}; the features are {listed}", place)
    if len(places) < len(names):
        times = Counter(names)
        yield from (problem(f"column {shown(name)} came twice", None) for name in known if times[name] > 1)
    for feature in features:
        if feature.name not in places and not (feature.had_missing and feature.takes_missing):
            yield problem(f"missing feature '{feature.name}'", None)
