"""Which outputs a request of the Open Inference Protocol asks for, and in which form. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...columns.schema import Level
from ...problems import PayloadError, Problem, refuse, shown

PREDICT, PROBABILITIES = "predict", "predict_proba"
"""Names of the outputs, those of MLServer."""

_NOT_HERE = ("classification", "shared_memory_region")
"""Parameters of an output that ask for an extension of Triton's."""


def wanted_outputs(outputs: object, parameters: Mapping[str, Any], classes: Sequence[Level]) -> dict[str, bool]:
    """The names of the outputs that are asked for, and whether as bytes; all where none is named.

    Args:
        outputs, parameters: The members of the request, the second an object.

    Raises:
        PayloadError: An output is none of the model's, or has a parameter that cannot be followed.
    """
    if parameters.get("top") is not None:
        advice = f"{PROBABILITIES} holds every class" if classes else "this model is a regression"
        raise PayloadError(Problem(f"'top' has no place in 'parameters' here; {advice}", "/parameters/top"))
    names = [PREDICT, PROBABILITIES] if classes else [PREDICT]
    binary = _flag(parameters, "binary_data_output", "/parameters", default=False)
    if not outputs and (outputs is None or outputs == []):
        return dict.fromkeys(names, binary)
    if not isinstance(outputs, list):
        raise PayloadError(Problem(f"'outputs' must be an array, got {shown(outputs)}", "/outputs"))
    refuse(
        Problem(f"an output must be an object with a name, got {shown(output)}", f"/outputs/{place}")
        for place, output in enumerate(outputs)
        if not isinstance(output, dict)
    )
    refuse(
        Problem(f"an output's name must be {' or '.join(names)}, got {shown(output.get('name'))}", f"/outputs/{place}")
        for place, output in enumerate(outputs)
        if output.get("name") not in names
    )
    wanted = {}
    for place, output in enumerate(outputs):
        root, own = f"/outputs/{place}/parameters", output.get("parameters")
        own = {} if own is None else own
        if not isinstance(own, dict):
            raise PayloadError(Problem(f"'parameters' must be an object, got {shown(own)}", root))
        refuse(Problem(f"'{name}' is not answered here", f"{root}/{name}") for name in _NOT_HERE if name in own)
        wanted[output["name"]] = _flag(own, "binary_data", root, default=binary)
    return wanted


def _flag(parameters: Mapping[str, Any], name: str, root: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise PayloadError(Problem(f"'{name}' must be true or false, got {shown(value)}", f"{root}/{name}"))
    return value
