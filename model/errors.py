"""Errors that end a verb, by who must act. `main` catches ModelError alone and exits with its class's code.

ModelError
├── OperatorError       1  something failed: a file, the bucket, this machine
│   ├── SourceError         a file of rows, labels or log lines cannot be read at all
│   ├── RegistryError       the bucket is out of reach, refuses, or holds an object that does not verify
│   │   └── AbsentError     there is no such bucket or object
│   ├── ReportError         a page cannot be made
│   └── SandboxError        the functions could not be started on this machine
├── UsageError          2  the command line or the configuration is wrong
│   ├── ConfigError         a key, a value or a setting; one line a problem
│   │   └── CandidateError  an estimator or its grid cannot be used
│   └── NotFoundError       there is no such version or alias
└── RefusedError        3  the data, the gate or the monitor said no, and nothing has changed
    ├── DataError           the rows were read, and cannot be trained on, or there are none
    ├── ExportError         an estimator cannot be written as a model that answers exactly as it does
    └── PromotionError      the registry refuses to move an alias
        └── MovedOnError    production is another version than the one that the gate compared with
"""

from __future__ import annotations

from typing import ClassVar


class ModelError(Exception):
    """Ends a verb; the message says where, what was expected and what was found, one line a problem."""

    exit_code: ClassVar[int] = 1


class OperatorError(ModelError):
    """Something failed outside this program; the same command may succeed later."""

    exit_code: ClassVar[int] = 1


class UsageError(ModelError):
    """The command line or the configuration must change first."""

    exit_code: ClassVar[int] = 2


class RefusedError(ModelError):
    """The data, the gate or the monitor said no, and nothing has changed."""

    exit_code: ClassVar[int] = 3


class SourceError(OperatorError):
    """A file of rows, labels or log lines is absent, unreadable, or holds other things; the message names it."""


class RegistryError(OperatorError):
    """The bucket did not do its part; the message names bucket, object and reason."""


class AbsentError(RegistryError):
    """There is no such bucket or object."""


class ReportError(OperatorError):
    """A page cannot be made."""


class SandboxError(OperatorError):
    """A process did not start; the message names it and gives the last line that it printed."""


class ConfigError(UsageError):
    """The configuration cannot be used; one line a problem."""


class CandidateError(ConfigError):
    """A candidate cannot be used; the message names it and what was expected."""


class NotFoundError(UsageError):
    """There is no such version or alias; the message says which there are."""


class DataError(RefusedError):
    """Rows that were read cannot be trained on, or a file holds none."""


class ExportError(RefusedError):
    """An estimator cannot be written exactly; the message names its class, its place and what would help."""


class PromotionError(RefusedError):
    """The registry refuses to move an alias."""


class MovedOnError(PromotionError):
    """The gate compared with a version that production does not hold any more."""
