"""Functions over the models that most tests of a wire format ask."""

from __future__ import annotations

import pytest

from tests.support.kinds import Functions, price, punctual, sealed


@pytest.fixture(scope="module")
def prices() -> Functions:
    """A regression over columns of every kind."""
    return Functions(sealed(price()))


@pytest.fixture(scope="module")
def lateness() -> Functions:
    """A classifier with probabilities over the same columns."""
    return Functions(sealed(punctual()))
