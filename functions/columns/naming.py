"""The order of columns that come by name. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from ..problems import Problem, refuse, shown
from .feature import Feature

_MOST_LISTED = 20
_MOST_LISTED_CHARACTERS = 400
_MOST_COMPARED = 200
_LONGEST_NAME = 200


def listed(names: Sequence[str], separator: str = ", ") -> str:
    """*names* for a message: the first ones, and how many more there are."""
    first: list[str] = []
    for name in names[:_MOST_LISTED]:
        first.append(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…")
        if sum(map(len, first)) > _MOST_LISTED_CHARACTERS:
            break
    more = len(names) - len(first)
    return separator.join(first) + (f"{separator}… and {more} more" if more else "")


def unknown(name: str, features: Sequence[Feature]) -> str:
    """A message about a *name* that is none of *features*; where they are many it tells those spelled alike."""
    names = [feature.name for feature in features]
    told = begun(name)
    if len(names) > _MOST_LISTED and len(name) <= _LONGEST_NAME:
        from difflib import get_close_matches  # noqa: PLC0415 - only a refusal of a wide model asks for it

        key, spelled = name.strip().casefold(), {other.strip().casefold(): other for other in reversed(names)}
        alike = [each for each in reversed(spelled) if each[:1] == key[:1] and len(each) <= _LONGEST_NAME]
        near = [key] if key in spelled else get_close_matches(key, alike[:_MOST_COMPARED], 3, 0.8)
        if near:
            return f"{told}; did you mean {' or '.join(shown(spelled[each]) for each in near)}"
    return f"{told}; {_there_are(names)}"


def begun(name: str) -> str:
    """The begin of that message."""
    return f"unknown feature {shown(name)}"


def _unnamed(names: Sequence[str]) -> str:
    return f"a column without a name (pandas: index=False leaves row numbers out); {_there_are(names)}"


def _there_are(names: Sequence[str]) -> str:
    return f"the feature{' is' if len(names) == 1 else 's are'} {listed(names)}"


def order_of(
    names: Sequence[str], features: Sequence[Feature], problem: Callable[[str, int | None], Problem], *, key: str = ""
) -> list[int | None]:
    """The place of each feature among *names*; None for one that may be absent and is.

    Args:
        key: A name that may be there beside the features'; empty for none.
        problem: A problem of its detail, and of the place of a name that is unknown; None for one of no such place.

    Raises:
        PayloadError: A name is unknown, or a feature's came twice or not at all.
    """
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        places.setdefault(name, place)
    refuse(_problems(names, places, features, problem, key))
    return [places.get(feature.name) for feature in features]


def _problems(
    names: Sequence[str],
    places: dict[str, int],
    features: Sequence[Feature],
    problem: Callable[[str, int | None], Problem],
    key: str,
) -> Iterator[Problem]:
    known = [feature.name for feature in features]
    are_known = {*known, key} if key else set(known)
    for place, name in enumerate(names):
        if name not in are_known:
            yield problem(unknown(name, features) if name.strip() else _unnamed(known), place)
    if len(places) < len(names):
        times = Counter(names)
        yield from (problem(f"column {shown(name)} came twice", None) for name in [*known, key] if times[name] > 1)
    for feature in features:
        if feature.name not in places and not (feature.had_missing and feature.takes_missing):
            yield problem(f"missing feature '{feature.name}'", None)
