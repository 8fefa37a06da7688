"""The offline side of the models that the functions serve. `publish` takes a pipeline that is fitted already."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from functions.artifact import Manifest

__all__ = ["publish", "time_parts"]


def publish(
    pipeline: Any,
    X: Any,  # noqa: N803 - as scikit-learn names it
    y: Any,
    *,
    name: str,
    training: tuple[Any, Any] | None = None,
    target: str | None = None,
    redact: Collection[str] = (),
    bucket: str | None = None,
    config: Path | str | None = None,
) -> Manifest:
    """Publish a fitted scikit-learn *pipeline* as the next version of a model, blessed or not.

    It is written as a graph of numpy operators that answers exactly as the pipeline does, proved on the rows given,
    and put through the same gate as a model that was trained here. The pipeline itself never leaves this process.

    Args:
        X, y: Rows that it was not fitted to, and their target: they judge it.
        name: The model's name: lower-case letters, digits, `.`, `_`, `-`.
        training: X and y that it was fitted to: they give the ranges and the baseline of drift. Without them X does.
        target: The target's name; by default that of *y*, or "target".
        redact: Columns that no log and no page may show.
        bucket: By default $MODEL_BUCKET.
        config: A configuration whose gate judges; by default the one that is built in.

    Returns:
        The manifest: `.version`, and `.document` with `blessed`, `gate` and `metrics`.

    Raises:
        model.errors.ModelError: It cannot be published; the message says where, what was expected and what was found.
    """
    from model.workflows.by_hand import publish_here  # noqa: PLC0415 - `python -m model` must not wait for it

    return publish_here(
        pipeline, X, y, name=name, training=training, target=target, redact=redact, bucket=bucket, config=config
    )


def time_parts(frame: pd.DataFrame, **times: Sequence[str]) -> pd.DataFrame:
    """*frame* with the parts of its times in their place, as the functions make them; see training/frames.py."""
    from model.workflows import by_hand  # noqa: PLC0415 - as above

    return by_hand.time_parts(frame, **times)
