"""One request for a prediction: its instances are read, the model is asked, the answer is written and noted."""

from __future__ import annotations

from ..columns.schema import PayloadError, Problem
from ..exchange import Answer, Content, Question, Request, WireFormat
from ..flags import check_predictions, flags
from ..predictor import Predictor
from ..runtimes import Predictions
from ..telemetry.record import Record
from . import router
from .router import Route

WARNINGS = "X-Prediction-Warnings"
"""The header of an answer in any format that says how many values are flagged."""


def predict(
    request: Request,
    route: Route,
    protocol: WireFormat,
    model: Predictor,
    record: Record,
    *,
    one: bool,
    most_bytes: int,
) -> Content:
    """The answer of *model* to *request*, which *protocol* reads; *record* is filled in.

    Args:
        one: Exactly one instance is taken.
        most_bytes: The longest answer, see WireFormat.

    Raises:
        PayloadError: The request cannot be read or answered; see WireFormat.
    """
    manifest = model.manifest
    features, classes = manifest.features, manifest.classes
    record.protocol = router.name_of(protocol, route)
    record.begin("parse")
    try:
        question = protocol.read(request, features, one=one, most_bytes=most_bytes, classes=classes)
    except PayloadError as error:
        from ..beside import named  # noqa: PLC0415 - only a refusal comes here
        from ..protocols.parts.misdirected import other_type  # noqa: PLC0415 - as above

        raise named(other_type(error, request, features, one=one), manifest) from None
    record.begin("predict")
    if question.request_id:
        record.identify(question.request_id)
    if question.rows is None:
        predicted = _predicted(model, question)
    else:
        from ..leniency import answered  # noqa: PLC0415 - most processes are never asked for it

        question, predicted = answered(model, question)
        record.refuse(question.refused)
    values, chances = predicted.values, predicted.probabilities
    if chances is None and (question.top or question.needs) and len(values):
        raise _no_probabilities(question)
    record.begin("render")
    warnings, flagged, *counts = flags(question, features)
    answer = Answer(question, values, manifest.model, manifest.version, warnings, flagged, classes, chances)
    content = router.writer_of(protocol, route, request.headers).render(answer)
    keys = question.keys if manifest.key else None
    record.answer(question.table, values, *counts, probabilities=chances, places=question.rows, keys=keys)
    if flagged:
        content = content._replace(headers=(*content.headers, (WARNINGS, str(flagged))))
    return content


def _predicted(model: Predictor, question: Question) -> Predictions:
    """The answer of *model*, all finite.

    Raises:
        PayloadError: A row cannot be answered; pointers start at the body.
    """
    try:
        predicted = model.predict(question.table)
    except PayloadError as error:
        problems = (Problem(each.detail, question.pointer(each.pointer)) for each in error.problems)
        raise PayloadError(*problems) from None
    check_predictions(predicted.values, predicted.probabilities, question)
    return predicted


def _no_probabilities(question: Question) -> PayloadError:
    if question.top:
        return PayloadError(Problem("'top' shortens probabilities, and this model gives none", "/parameters/top"))
    return PayloadError(Problem("a probability is asked for, and this model gives none", question.needs))
