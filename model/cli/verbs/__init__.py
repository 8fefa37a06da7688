"""The verbs: arguments to a workflow, its result to the terminal; each gives the exit code.

A verb is a function `run_VERB` of one of these modules, which is imported when its verb is asked for: `history` does
not wait for scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping

MODULES: Mapping[str, str] = {
    "init": "rows",
    "validate": "rows",
    "train": "training",
    "publish": "publishing",
    "retrain": "training",
    "versions": "versions",
    "show": "versions",
    "history": "versions",
    "models": "versions",
    "promote": "versions",
    "rollback": "versions",
    "smoke": "serving",
    "predict": "serving",
    "report": "pages",
    "monitor": "pages",
}
"""The module of each verb."""
