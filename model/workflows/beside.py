"""Which rows may judge a version, and production beside it."""

from __future__ import annotations

from functions.artifact import Document
from model.data.rows import Rows
from model.data.split import Sides, Split, champion_split, held_out, recorded, sides, sides_beside_given
from model.errors import RegistryError, SourceError
from model.registry.registry import Registry
from model.workflows.source_rows import snapshot

_WITHOUT = "`promote --force --reason TEXT` promotes without a comparison"


def sides_beside(rows: Rows, split: Split, champion: Document, store: Registry | None) -> tuple[Sides, str]:
    """Both sides of *split* beside the version of the manifest *champion*, and why few rows may judge both.

    Where the champion was fitted elsewhere, *store* tells which rows judged it.
    """
    theirs = recorded(champion["data"])
    names = {feature["name"] for feature in champion["features"]}
    if (
        store is None
        or theirs is None
        or theirs.by != "given"
        or names != set(rows.names)
        or champion["target"]["name"] != rows.target
    ):
        return sides(rows, split, champion_split(rows, champion)), ""
    try:
        kept = snapshot(store, champion)
    except (RegistryError, SourceError) as error:
        return sides(rows, split, None), f"the rows that judged production cannot be read: {error}; {_WITHOUT}"
    judged = held_out(kept, theirs)
    trained = kept.keys[~judged] if champion["training"].get("training_rows_given") else None
    made = sides_beside_given(rows, split, kept.keys[judged], trained)
    return made, (
        f"production was fitted elsewhere, and {int(made.shared.sum())} of these rows are known to be new to it and to"
        f" this version: add rows that judged it to the data; {_WITHOUT}"
    )
