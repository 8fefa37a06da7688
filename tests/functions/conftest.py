"""Functions over the models that most tests of a wire format ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.browser import Browser, opened
from tests.support.kinds import Functions, price, punctual, sealed
from tests.support.parts import document


@pytest.fixture(scope="module")
def prices() -> Functions:
    """A regression over columns of every kind."""
    return Functions(sealed(price()))


@pytest.fixture(scope="module")
def lateness() -> Functions:
    """A classifier with probabilities over the same columns."""
    return Functions(sealed(punctual()))


@pytest.fixture(scope="module")
def plane() -> Functions:
    """y = 1 + 2 a - b, with ranges from -1 to 1."""
    features = [{"name": name, "minimum": -1.0, "maximum": 1.0} for name in "ab"]
    linear = {"coefficients": [2.0, -1.0], "intercept": 1.0}
    golden = [{"instance": [1.0, 0.5], "prediction": 2.5}]
    return Functions(sealed((document(features=features, linear=linear, golden=golden), b"")))


@pytest.fixture(scope="module")
def browser(chromium, tmp_path_factory) -> Iterator[Browser]:
    with opened(chromium, tmp_path_factory.mktemp("browser")) as browser:
        yield browser
