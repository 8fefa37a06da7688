"""The SQL by which BigQuery asks the function `batch`, from the production model's manifest; and what `bq` says.

Usage: bigquery.py plan PROJECT DATASET NAME LOCATION CONNECTION ENDPOINT <production.json
       bigquery.py location|connection|function|functions <what `bq --format=json` printed

`plan` prints fields that end with NUL: of each SQL function its name, its shape and its statement; then an empty field
and a query. The others print one line of fields with | between them, `functions` a line a function. Only the standard
library: there may be no environment yet.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MOST_NAME_CHARACTERS = 128
MOST_CLASSES = 20
"""Classes up to which each gets a function for its probability."""

MOST_BATCH_ROWS = 10_000
"""Rows that BigQuery may send at once; more of them make a request longer and no faster."""

MOST_BATCH_BYTES = 8 << 20
"""A quarter of what the platform takes in a request: lengths of cells are estimates."""

_CELL_BYTES = {"BOOL": 6, "FLOAT64": 25, "INT64": 25, "TIMESTAMP": 32, "STRING": 40, "JSON": 40}
_SHOWN_ROWS = 2


class Parameter(NamedTuple):
    """An argument of the SQL function: the name and the type that it has there, and the column's own name."""

    name: str
    type: str
    column: str


class Call(NamedTuple):
    """Where BigQuery's requests go, and on whose behalf."""

    project: str
    dataset: str
    location: str
    connection: str
    endpoint: str


class SqlFunction(NamedTuple):
    """One function in the data set; *output* is its `user_defined_context`, None for the prediction."""

    name: str
    returns: str
    output: str | None = None


# The statements


def parameters(features: Sequence[Mapping[str, Any]]) -> list[Parameter]:
    """An argument for each feature, in order; its name has letters, digits and _, and is unique whatever the case."""
    taken: set[str] = set()
    made = []
    for feature in features:
        column = str(feature["name"])
        made.append(Parameter(unique(identifier(column), taken), type_of(feature), column))
    return made


def identifier(text: str) -> str:
    """*text* as a name that needs no quotes: of routines BigQuery takes no other."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode() if not text.isascii() else text
    name = re.sub("[^A-Za-z0-9_]", "_", plain)[:MOST_NAME_CHARACTERS]
    return name if re.match("[A-Za-z_]", name) else f"_{name}"


def unique(name: str, taken: set[str]) -> str:
    """*name*, or that with a number behind it; it joins *taken*."""
    made, number = name, 1
    while made.lower() in taken:
        number += 1
        made = f"{name}_{number}"
    taken.add(made.lower())
    return made


def type_of(feature: Mapping[str, Any]) -> str:
    """The SQL type of a feature. BigQuery turns INT64 and NUMERIC into FLOAT64 by itself."""
    kind = feature.get("kind", "number")
    if kind == "category":
        return type_of_values(feature.get("levels") or [""])
    return {"number": "FLOAT64", "boolean": "BOOL", "time": "TIMESTAMP"}[kind]


def type_of_values(values: Sequence[Any]) -> str:
    """The SQL type of labels or levels; JSON where they are of several types."""
    types = {type(value) for value in values}
    if types == {str}:
        return "STRING"
    if types == {bool}:
        return "BOOL"
    if types == {int}:
        return "INT64"
    return "FLOAT64" if types <= {int, float} else "JSON"


def functions_of(manifest: Mapping[str, Any], name: str) -> list[SqlFunction]:
    """The function for the prediction, and one for the probability of each class where there are few."""
    classes = manifest.get("classes") or []
    main = SqlFunction(identifier(name), type_of_values(classes) if classes else "FLOAT64")
    made, taken = [main], {main.name.lower()}
    if manifest.get("probabilities") and len(classes) <= MOST_CLASSES:
        for label in classes:
            spelled = label if isinstance(label, str) else json.dumps(label).replace("e+", "e")
            own = unique(f"{main.name}_probability_{identifier(spelled).lstrip('_') or 'class'}", taken)
            made.append(SqlFunction(own, "FLOAT64", f"probability:{spelled}"))
    return made


def batch_rows(manifest: Mapping[str, Any], types: Sequence[str]) -> int:
    """Rows a request, so that it stays far below what the platform takes."""
    row_bytes = sum(_CELL_BYTES[one] for one in types)
    for feature in manifest["features"]:
        row_bytes += max((len(str(level)) for level in feature.get("levels") or ()), default=0)
    return max(1, min(MOST_BATCH_ROWS, MOST_BATCH_BYTES // max(1, row_bytes)))


def statement(function: SqlFunction, arguments: Sequence[Parameter], call: Call, rows: int) -> str:
    """The DDL of *function*."""
    lines = []
    for place, argument in enumerate(arguments):
        comma = "," if place < len(arguments) - 1 else ""
        column = "" if argument.name == argument.column else f" -- {json.dumps(argument.column)}"
        lines.append(f"  {quoted(argument.name)} {argument.type}{comma}{column}")
    options = [f"endpoint = {text(call.endpoint)}", f"max_batching_rows = {rows}"]
    if function.output is not None:
        options.append(f"user_defined_context = [({text('output')}, {text(function.output)})]")
    return "\n".join(
        [
            f"CREATE OR REPLACE FUNCTION {path(call, function)}(",
            *lines,
            f") RETURNS {function.returns}",
            f"REMOTE WITH CONNECTION {'.'.join(map(quoted, (call.project, call.location, call.connection)))}",
            f"OPTIONS ({', '.join(options)});",
        ]
    )


def query(
    functions: Sequence[SqlFunction], arguments: Sequence[Parameter], manifest: Mapping[str, Any], call: Call
) -> str:
    """A query over golden rows, which works as it stands; over a table of yours where no value may be shown."""
    names = ", ".join(quoted(argument.name) for argument in arguments)
    taken = {argument.name.lower() for argument in arguments}
    columns = [
        f"{path(call, function)}({names}) AS {quoted(unique(function.name, taken))}" for function in functions[:2]
    ]
    head = "SELECT\n  *,\n  " + ",\n  ".join(columns)
    if any(feature.get("redact") for feature in manifest["features"]):
        return f"{head}\nFROM {quoted(call.project)}.{quoted(call.dataset)}.`your_table`;"
    fields = ", ".join(f"{quoted(argument.name)} {argument.type}" for argument in arguments)
    rows = []
    for entry in manifest["golden"][:_SHOWN_ROWS]:
        cells = ", ".join(literal(cell, one) for cell, one in zip(cells_of(entry, arguments), arguments, strict=True))
        rows.append(f"({cells})" if len(arguments) > 1 else f"STRUCT({cells})")
    return f"{head}\nFROM UNNEST(ARRAY<STRUCT<{fields}>>[\n  " + ",\n  ".join(rows) + "\n]);"


def cells_of(entry: Mapping[str, Any], arguments: Sequence[Parameter]) -> list[Any]:
    """The cells of a golden instance, in the order of *arguments*."""
    instance = entry["instance"]
    if isinstance(instance, dict):
        return [instance.get(argument.column) for argument in arguments]
    return list(instance) if isinstance(instance, list) else [instance]


def path(call: Call, function: SqlFunction) -> str:
    return ".".join(map(quoted, (call.project, call.dataset, function.name)))


def literal(cell: Any, argument: Parameter) -> str:
    """A JSON value as SQL of the argument's type."""
    if cell is None:
        return "NULL"
    if argument.type == "JSON":
        return f"JSON {text(json.dumps(cell))}"
    if argument.type == "BOOL":
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, str):
        return f"TIMESTAMP {text(cell.replace('/', '-'))}" if argument.type == "TIMESTAMP" else text(cell)
    return json.dumps(cell)


def text(value: str) -> str:
    """A string literal."""
    return f"'{escaped(value)}'"


def quoted(name: str) -> str:
    """A quoted identifier; it has the escapes of a string literal."""
    return f"`{escaped(name)}`"


def escaped(value: str) -> str:
    made = []
    for character in value:
        if character in "\\'`":
            made.append(f"\\{character}")
        elif character.isprintable():
            made.append(character)
        else:
            made.append(f"\\U{ord(character):08x}")
    return "".join(made)


# What is there already


def shape(arguments: Sequence[Sequence[str]], returns: str, options: Mapping[str, Any]) -> str:
    """All that makes one function another one, in a line."""
    connection = "/".join(str(options.get("connection", "")).split("/")[3::2]).lower()
    rows, context = int(options.get("maxBatchingRows") or 0), options.get("userDefinedContext") or {}
    return json.dumps([list(map(list, arguments)), returns, options.get("endpoint"), connection, rows, context])


def found_shape(routine: Mapping[str, Any]) -> str:
    arguments = [
        (one.get("name", ""), one.get("dataType", {}).get("typeKind", "")) for one in routine.get("arguments", [])
    ]
    returns = routine.get("returnType", {}).get("typeKind", "")
    return shape(arguments, returns, routine.get("remoteFunctionOptions") or {})


def plan(production: Mapping[str, Any], name: str, call: Call) -> list[str]:
    """The fields that the usage names."""
    manifest = production["manifest"]
    arguments = parameters(manifest["features"])
    functions = functions_of(manifest, name)
    rows = batch_rows(manifest, [argument.type for argument in arguments])
    fields = []
    for function in functions:
        options = {
            "endpoint": call.endpoint,
            "connection": f"projects/{call.project}/locations/{call.location}/connections/{call.connection}",
            "maxBatchingRows": rows,
            "userDefinedContext": {"output": function.output} if function.output is not None else {},
        }
        wanted = shape([(argument.name, argument.type) for argument in arguments], function.returns, options)
        fields += [function.name, wanted, statement(function, arguments, call, rows)]
    return [*fields, "", query(functions, arguments, manifest, call)]


def line(kind: str, found: Any) -> str:
    """The line, or lines, of what `bq` printed."""
    match kind:
        case "location":
            return str(found["location"])
        case "connection":
            account = found.get("cloudResource", {}).get("serviceAccountId", "")
            return f"{account}|{found.get('description', '')}"
        case "function":
            connection = str((found.get("remoteFunctionOptions") or {}).get("connection", ""))
            return f"{'/'.join(connection.split('/')[3::2]).lower()}|{found_shape(found)}"
        case _:
            return "\n".join(one["routineReference"]["routineId"] for one in found or [])


def main(arguments: list[str]) -> None:
    kind, *words = arguments
    try:
        found = json.load(sys.stdin)
        if kind == "plan":
            project, dataset, name, *rest = words
            sys.stdout.write("".join(f"{field}\0" for field in plan(found, name, Call(project, dataset, *rest))))
        else:
            print(line(kind, found))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        sys.exit(f"bigquery.py {kind}: not the JSON that was expected ({type(error).__name__}: {error})")


if __name__ == "__main__":
    main(sys.argv[1:])
