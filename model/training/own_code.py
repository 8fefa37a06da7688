"""A user's own code by import path: functions that make estimators, modules that register exporters.

Modules are looked for among the installed ones first, then in the folders given: the configuration's, and the one that
the command runs in.
"""

from __future__ import annotations

import importlib
import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor

from model.errors import CandidateError, ConfigError

_MODULE = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
_FUNCTION = re.compile(rf"{_MODULE}:[A-Za-z_]\w*")
_MOST_NAMES = 12


def look_in(folders: Iterable[Path]) -> None:
    """Import from *folders*, too, from now on: a module of a user's may import another one later."""
    for folder in map(str, (folder.absolute() for folder in folders)):
        if folder not in sys.path:
            sys.path.append(folder)


def register_exporters(names: Iterable[str]) -> None:
    """Import modules that register exporters.

    Raises:
        ConfigError: One of them cannot be imported; the message names its place in the configuration.
    """
    for number, name in enumerate(names):
        key = f"training.exporters[{number}]"
        if not re.fullmatch(_MODULE, name):
            raise ConfigError(f"{key}: expected the import path of a module, like mine.exporters, got {name!r:.80}")
        _imported(name, key)


def estimator(path: str, key: str = "pipeline") -> BaseEstimator:
    """An unfitted estimator from the function at *path*, `package.module:function`.

    Raises:
        CandidateError: There is no such function, it fails, or its result is no estimator of numbers or classes.
    """
    if not _FUNCTION.fullmatch(path):
        raise CandidateError(f"{key}: expected package.module:function, like mine.churn:make, got {path!r:.80}")
    module, _, name = path.partition(":")
    made = _called(_imported(module, key), name, f"{key}: {path}")
    if isinstance(made, type):
        raise CandidateError(f"{key}: {path} gave the class {made.__name__}; expected an estimator, {made.__name__}()")
    if not hasattr(made, "fit") or not hasattr(made, "predict"):
        raise CandidateError(f"{key}: {path} gave {_shown(made)}; expected a scikit-learn estimator")
    try:
        unfitted = clone(made)
        regressor = is_regressor(unfitted)
        classifier = is_classifier(unfitted)
    except Exception as error:  # a class of a user's own may raise anything
        raise CandidateError(
            f"{key}: {path} gave {_shown(made)}, which scikit-learn cannot clone: {_said(error)}"
        ) from error
    if not (regressor or classifier):
        raise CandidateError(f"{key}: {path} gave {_shown(made)}, which is no regressor and no classifier")
    return unfitted


def _imported(name: str, key: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            looked = ", ".join(dict.fromkeys(folder or "." for folder in (sys.path[0], *sys.path[-2:])))
            raise CandidateError(f"{key}: there is no module {error.name}; looked in {looked}") from error
        raise CandidateError(f"{key}: {name} cannot be imported: {_said(error)}") from error
    except (Exception, SystemExit) as error:  # the module's own code may raise anything
        raise CandidateError(f"{key}: {name} cannot be imported: {_said(error)}") from error


def _called(module: ModuleType, name: str, where: str) -> Any:
    function = getattr(module, name, None)
    if function is None:
        names = [other for other, value in vars(module).items() if callable(value) and not other.startswith("_")]
        others = ", ".join(sorted(names)[:_MOST_NAMES]) or "no function at all"
        raise CandidateError(f"{where}: {module.__file__} has no {name}; it has {others}")
    if not callable(function):
        raise CandidateError(f"{where} is {_shown(function)}; expected a function that returns an estimator")
    try:
        return function()
    except (Exception, SystemExit) as error:  # as above
        raise CandidateError(f"{where} failed: {_said(error)}") from error


def _said(error: BaseException) -> str:
    """An error in a line: its class, its message, and the file and line that raised it."""
    text = str(error).strip().split("\n", 1)[0]
    if isinstance(error, SyntaxError):
        place = f"{error.filename}, line {error.lineno}" if error.filename else ""
        text = error.msg or ""
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if not frame.filename.startswith(("<frozen", importlib.__file__ or "<"))]
        place = f"{own[-1].filename}, line {own[-1].lineno}" if own and own[-1].filename != __file__ else ""
    told = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{told} ({place})" if place else told


def _shown(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
