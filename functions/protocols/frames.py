"""Tables as pandas and MLflow write them, TensorFlow's `inputs`, and a bare array of instances. Pure.

{"dataframe_split": {"columns": […], "data": [[…], …]}}, with an "index" that is not looked at
{"dataframe_records": [{…}, …]}
{"inputs": [instance, …]}, or {"inputs": {feature: [cell, …], …}}
[instance, …]

A body that is none of these is read as the functions' own format. All are answered in that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..columns.naming import order_of
from ..columns.schema import Feature, Level
from ..exchange import Answer, Content, Question, Request
from ..problems import PayloadError, Problem, escape, refuse, shown
from . import instances
from .parts.bounds import check_cells, most_rows, most_unread, most_with_top
from .parts.keys import column as key_column
from .parts.questions import question_of
from .parts.repeats import refuse_repeats
from .parts.strict_json import decode

_MEMBERS = ("dataframe_split", "dataframe_records", "inputs")
_BESIDE = ("params", "parameters")
_OWN = {"instances", "instance"}


def read(
    request: Request, features: Sequence[Feature], *, one: bool, most_bytes: int, classes: Sequence[Level] = ()
) -> Question:
    """Read the body of *request*.

    Raises:
        TooLargeError: The predictions alone could take more than *most_bytes*.
        PayloadError: See instances.read; columns that are unknown, forgotten, doubled or of different lengths.
    """
    most = most_rows(classes, most_bytes)
    if not request.body.strip():
        return instances.read(request, features, one=one, most_bytes=most_bytes, classes=classes)
    key, top = request.key, None
    check_cells(request.body, len(features) + bool(key), most_unread(request.body, classes, most_bytes))
    document = decode(request.body)
    member = _member(document)
    if isinstance(document, list):
        question = question_of(document, features, root="", single=False, one=one, most=most, key=key)
    elif isinstance(document, dict) and member:
        try:
            _check_members(document, member)
            top = _top(document, classes)
            if top:
                most = most_with_top(classes, top, most_bytes)
            question = _table(document[member], features, member, one=one, most=most, key=key)
        except PayloadError as error:
            from .parts.misdirected import to_tensors  # noqa: PLC0415 - only a refusal comes here

            raise to_tensors(error, document) from None
    else:
        _refuse_bare(document, features)
        return instances.read(request, features, one=one, most_bytes=most_bytes, classes=classes)
    refuse_repeats(request.body, document)
    return question._replace(top=top) if top else question


def render(answer: Answer) -> Content:
    """Write the answer as the functions' own protocol does."""
    return instances.render(answer)


def problem(document: Mapping[str, Any]) -> Content:
    """Write a problem document; these formats add no member of their own."""
    return instances.problem(document)


def by_columns(
    columns: Mapping[str, Any],
    features: Sequence[Feature],
    place: Callable[[str], str],
    *,
    root: str,
    one: bool,
    most: int,
    cell: Callable[[str, int], str] | None = None,
    key: str = "",
) -> Question:
    """The question of *columns*, each a list of cells, or of lists of one cell, by the name of its feature.

    Args:
        place: The JSON Pointer to a column by its name.
        root: The JSON Pointer to what holds the columns.
        cell: The JSON Pointer to a cell by the name of its column and its row, where it is not just below the column.

    Raises:
        PayloadError: See read.
    """
    names = list(columns)
    order = order_of(
        names, features, lambda detail, at: Problem(detail, root if at is None else place(names[at])), key=key
    )
    refuse(
        Problem(f"{shown(name)} must be an array of cells, got {shown(column)}", place(name))
        for name, column in columns.items()
        if not isinstance(column, list)
    )
    lengths = {name: len(column) for name, column in columns.items()}
    rows = max(lengths.values(), default=0)
    short = [name for name, length in lengths.items() if length != rows]
    if short:
        detail = f"all columns must be of one length: {shown(short[0])} holds {lengths[short[0]]} cells, another {rows}"
        raise PayloadError(Problem(detail, place(short[0])))
    cells = [
        [None] * rows if place_ is None else _flat(columns[feature.name])
        for feature, place_ in zip(features, order, strict=True)
    ]

    def pointer(relative: str) -> str:
        row, _, column = relative[1:].partition("/")
        if not column:
            return root
        name = features[int(column)].name
        return cell(name, int(row)) if cell else f"{place(name)}/{row}"

    keys = None
    if key and key in columns:
        keys = key_column(_flat(columns[key]), lambda row: f"{place(key)}/{row}")
    table = [list(row) for row in zip(*cells, strict=True)]
    return _question(table, features, pointer, root=root, one=one, most=most)._replace(keys=keys)


def _member(document: object) -> str | None:
    """The member that makes *document* one of these formats."""
    if not isinstance(document, dict) or not document.keys().isdisjoint(_OWN):
        return None
    return next((name for name in _MEMBERS if name in document), None)


def _refuse_bare(document: object, features: Sequence[Feature]) -> None:
    """Refuse what pandas' to_json writes, as it is, with what to send in its place."""
    if not isinstance(document, dict) or not document.keys().isdisjoint(_OWN):
        return
    if document.keys() in ({"columns", "data"}, {"columns", "index", "data"}):
        raise PayloadError(Problem('a table goes into a member of the body: {"dataframe_split": {"columns": …}}', ""))
    if isinstance(document.get("calls"), list):
        detail = "this looks like a call of BigQuery, which /batch takes, with 'calls' or one of its own members first"
        raise PayloadError(Problem(detail, "/calls"))
    rows = [value for value in document.values() if isinstance(value, dict)]
    names = {feature.name for feature in features}
    if document.keys() == {"schema", "data"} or (
        rows and len(rows) == len(document) and not names.isdisjoint({*document, *rows[0]})
    ):
        detail = 'from pandas send {"dataframe_split": …} with to_json(orient="split") in it, or orient="records" alone'
        raise PayloadError(Problem(detail, ""))


def _check_members(document: Mapping[str, Any], member: str) -> None:
    refuse(
        Problem(f"unknown member {shown(name)}; expected {member!r} alone", f"/{escape(name)}")
        for name in document
        if name != member and name not in _BESIDE
    )


def _top(document: Mapping[str, Any], classes: Sequence[Level]) -> int | None:
    """How many classes `parameters`, or MLflow's `params`, ask for; None for all."""
    given = [name for name in _BESIDE if document.get(name) not in (None, {})]
    if not given:
        return None
    if not classes:
        raise PayloadError(Problem(instances.NO_PARAMETERS.format(given[0]), f"/{given[0]}"))
    if len(given) > 1:
        raise PayloadError(Problem("'params' and 'parameters' exclude each other", "/params"))
    from .parts.leading import top_of  # noqa: PLC0415 - most processes are never asked for it

    return top_of(document[given[0]], given[0])


def _table(table: Any, features: Sequence[Feature], member: str, *, one: bool, most: int, key: str) -> Question:
    """The question of what *member* of the body holds."""
    root = f"/{member}"
    if member == "dataframe_split":
        return _split(table, features, one=one, most=most, key=key)
    if isinstance(table, dict) and member == "inputs":
        return by_columns(
            table, features, lambda name: f"{root}/{escape(name)}", root=root, one=one, most=most, key=key
        )
    return question_of(table, features, root=root, single=False, one=one, most=most, key=key)


def _split(frame: object, features: Sequence[Feature], *, one: bool, most: int, key: str) -> Question:
    root = "/dataframe_split"
    if not isinstance(frame, dict) or "data" not in frame:
        detail = f"'dataframe_split' must be an object with 'columns' and 'data', got {shown(frame)}"
        raise PayloadError(Problem(detail, root))
    unknown = [name for name in frame if name not in {"columns", "index", "data"}]
    if unknown:
        detail = f"unknown member {shown(unknown[0])}; expected 'columns', 'index' and 'data'"
        raise PayloadError(Problem(detail, f"{root}/{escape(unknown[0])}"))
    data, columns = frame["data"], frame.get("columns")
    if columns is None:
        return question_of(data, features, root=f"{root}/data", single=False, one=one, most=most, key=key)
    if not isinstance(columns, list) or not all(type(name) is str for name in columns):
        raise PayloadError(Problem(f"'columns' must be an array of names, got {shown(columns)}", f"{root}/columns"))
    header = f"{root}/columns"
    order = order_of(
        columns, features, lambda detail, at: Problem(detail, header if at is None else f"{header}/{at}"), key=key
    )
    keys = None
    if isinstance(data, list):
        _check_rows(data, columns, f"{root}/data")
        if key and key in columns:
            at = columns.index(key)
            keys = key_column([row[at] for row in data], lambda row: f"{root}/data/{row}/{at}")
        if order != [*range(len(columns))]:
            data = [[None if place is None else row[place] for place in order] for row in data]

    def pointer(relative: str) -> str:
        row, slash, column = relative[1:].partition("/")
        return f"{root}/data/{row}{slash}{order[int(column)] if column else ''}"

    return _question(data, features, pointer, root=f"{root}/data", one=one, most=most)._replace(keys=keys)


def _check_rows(data: list[Any], columns: list[str], root: str) -> None:
    if {*map(type, data)} == {list} and {*map(len, data)} == {len(columns)}:
        return
    expected = f"must be an array of {len(columns)} cells, one a column"
    refuse(
        Problem(f"row {row}: {expected}, got {shown(cells)}", f"{root}/{row}")
        for row, cells in enumerate(data)
        if type(cells) is not list or len(cells) != len(columns)
    )


def _question(
    rows: Any, features: Sequence[Feature], pointer: Callable[[str], str], *, root: str, one: bool, most: int
) -> Question:
    """The question of *rows* in feature order, which the body holds otherwise; *pointer* says where."""
    return question_of(rows, features, root=root, single=False, one=one, most=most, place=pointer)


def _flat(column: list[Any]) -> list[Any]:
    """A column of cells, or of lists of one cell, as cells."""
    if {*map(type, column)} == {list} and {*map(len, column)} == {1}:
        return [cell for (cell,) in column]
    return column
