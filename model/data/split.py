"""Which rows are held out: a fair sample of them, and a row never changes sides when rows are appended.

* `rows`: by a hash of the row's content that moves on evenly with each equal row before it, so that each cell of a
  table with few distinct rows keeps its share on both sides, nearly to the row.
* `group`: by a hash of the group's name; all rows of a group stand on one side.
* `time`: the newest share; moves on with time.
* `given`: the last rows, which whoever published a fitted pipeline gave to judge it.
* `content`: by a hash of the row's content alone, all equal rows on one side. Manifests without a split mean this one;
  where rows repeat it is no fair sample, so nothing is split in this way any more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from model.data.hashing import Keys, text_hashes
from model.data.rows import Rows


@dataclass(frozen=True)
class Split:
    """How rows are divided.

    Args:
        share: Share of all rows that is held out.
        column: The group's or the time's column.
        start: Time in seconds since 1970, from which on rows are held out; None until it is known.
    """

    by: Literal["rows", "group", "time", "given", "content"]
    share: float
    column: str = ""
    start: float | None = None

    def document(self) -> Any:
        """The manifest's `data.split`."""
        if self.by in {"rows", "given"}:
            return self.by
        return {self.by: self.column} if self.start is None else {self.by: self.column, "from": self.start}

    def is_nested_in(self, other: Split) -> bool:
        """Whether the rows that both hold out are those of the one with the smaller share, or the later start."""
        return self.by not in {"content", "given"} and (self.by, self.column) == (other.by, other.column)


def recorded(data: Mapping[str, Any]) -> Split | None:
    """The split that a manifest's `data` tells; None where it tells none that this code knows."""
    share, form = data.get("holdout"), data.get("split")
    if not isinstance(share, float):
        return None
    match form:
        case None:
            return Split("content", share)
        case "rows" | "given":
            return Split(form, share)
        case {"group": str(column)}:
            return Split("group", share, column)
        case {"time": str(column), "from": int() | float() as start}:
            return Split("time", share, column, float(start))
    return None


def started(split: Split, rows: Rows) -> Split:
    """*split*, by time with the start that comes nearest to its share of *rows* and leaves rows on both sides."""
    times = rows.times.get(split.column)
    if split.by != "time" or times is None:
        return split
    ordered = np.sort(times[~np.isnan(times)])
    starts = np.flatnonzero(np.diff(ordered) > 0) + 1
    if not len(starts):
        return split
    nearest = starts[np.abs(len(ordered) - starts - split.share * len(ordered)).argmin()]
    return replace(split, start=float(ordered[nearest]))


def held_out(rows: Rows, split: Split) -> NDArray[np.bool_]:
    """Which rows are kept from training; shape (n_rows,). None are where the split's column is not there."""
    none = np.zeros(len(rows.y), dtype=np.bool_)
    match split.by:
        case "rows":
            return _first_share(rows.keys, split.share)
        case "content":
            return _first_share(rows.hashes, split.share)
        case "given":
            none[len(none) - round(split.share * len(none)) :] = True
            return none
        case "group":
            return _first_share(_groups(rows, split), split.share) if split.column in rows.groups else none
        case "time":
            if split.start is None or split.column not in rows.times:
                return none
            return np.asarray(rows.times[split.column] >= split.start)


@dataclass(frozen=True)
class Sides:
    """Where each row stands; masks of shape (n_rows,).

    Args:
        held: Held out by the version's own split: it is judged by them.
        kept: Those, and the rows that the champion holds out by a split of another kind: training sees none of them.
        shared: Seen by neither training: both are judged by them.
    """

    split: Split
    held: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    shared: NDArray[np.bool_]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """The rows that training saw; all, where nothing but rows to judge by is known."""
        return self.kept if self.kept.all() else ~self.kept


def sides(rows: Rows, split: Split, champion: Split | None) -> Sides:
    """Both sides of *split*, beside a *champion* that was split in its own way (None where there is none)."""
    held = held_out(rows, split)
    if champion is None:
        return Sides(split, held, held, np.zeros(len(rows.y), dtype=np.bool_))
    theirs = held_out(rows, champion)
    if split.by == "given" or split.is_nested_in(champion):
        return Sides(split, held, held, held & theirs)
    return Sides(split, held, held | theirs, theirs)


def sides_beside_given(rows: Rows, split: Split, judged: Keys, trained: Keys | None) -> Sides:
    """Both sides of *split*, beside a champion that was fitted elsewhere.

    Training sees none of the rows that judged it, unless they are more than half of all.

    Args:
        judged: Keys of the rows that judged it.
        trained: Keys of the rows that it was fitted to; None where they are not known: only *judged* are new to it.
    """
    held = held_out(rows, split)
    new = np.isin(rows.keys, judged) if trained is None else ~np.isin(rows.keys, trained)
    theirs = new & np.isin(rows.keys, judged)
    if split.by == "given" or 2 * theirs.sum() > len(theirs):
        return Sides(split, held, held, held & new)
    kept = held | theirs
    return Sides(split, held, kept, kept & new)


def champion_split(rows: Rows, champion: Mapping[str, Any]) -> Split | None:
    """The split of a *champion*'s manifest, where *rows* hold the columns that it goes by."""
    split = recorded(champion["data"])
    features = {feature["name"] for feature in champion["features"]}
    if (
        split is None
        or split.by == "given"
        or champion["target"]["name"] != rows.target
        or not features <= set(rows.names)
    ):
        return None
    if split.by in {"group", "time"}:
        return split if split.column in {*rows.groups, *rows.times} else None
    return split if features == set(rows.names) else None  # over other columns it is another hash


def fold_keys(rows: Rows, split: Split) -> Keys:
    """Keys whose rows stay together in cross-validation; one for each row where rows need not."""
    return _groups(rows, split) if split.by == "group" and split.column in rows.groups else rows.keys


def _first_share(keys: Keys, share: float) -> NDArray[np.bool_]:
    return np.asarray(keys < np.uint64(math.ceil(share * 2**64)))


def _groups(rows: Rows, split: Split) -> Keys:
    return text_hashes(rows.groups[split.column].to_pylist())
