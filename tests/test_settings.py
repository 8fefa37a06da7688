"""What the environment may set, and how a wrong value is named."""

from __future__ import annotations

import pytest

from functions.settings import Settings, SettingsError, read


def test_a_bucket_is_enough():
    assert read({"MODEL_BUCKET": "b"}) == Settings(bucket="b")


def test_everything_can_be_set():
    environ = {
        "MODEL_BUCKET": "b",
        "MODEL_NAME": "m",
        "MODEL_ALIAS": "staging",
        "MODEL_VERSION": "7",
        "MODEL_REFRESH_SECONDS": "0",
        "MAX_BODY_BYTES": "100",
        "GOOGLE_CLOUD_PROJECT": "p",
        "LOG_EXECUTION_ID": "true",
    }

    assert read(environ) == Settings("b", "m", "staging", 7, 0.0, 100, "p", log_execution_id=True)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MODEL_BUCKET", "", "MODEL_BUCKET must name the bucket that holds the model, it is not set"),
        ("MODEL_NAME", "A/b", "MODEL_NAME must be lower-case letters, digits, '.', '_' or '-', got 'A/b'"),
        ("MODEL_ALIAS", "..", "MODEL_ALIAS must be lower-case letters, digits, '.', '_' or '-', got '..'"),
        ("MODEL_VERSION", "0", "MODEL_VERSION must be a whole number from 1, got '0'"),
        ("MODEL_VERSION", "²", "MODEL_VERSION must be a whole number from 1, got '²'"),
        ("MAX_BODY_BYTES", "1e6", "MAX_BODY_BYTES must be a whole number from 1, got '1e6'"),
        (
            "MODEL_REFRESH_SECONDS",
            "-1",
            "MODEL_REFRESH_SECONDS must be a number of seconds from 0 (0 = never), got '-1'",
        ),
        (
            "MODEL_REFRESH_SECONDS",
            "inf",
            "MODEL_REFRESH_SECONDS must be a number of seconds from 0 (0 = never), got 'inf'",
        ),
        (
            "MODEL_REFRESH_SECONDS",
            "nan",
            "MODEL_REFRESH_SECONDS must be a number of seconds from 0 (0 = never), got 'nan'",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(variable, value, message):
    with pytest.raises(SettingsError) as raised:
        read({"MODEL_BUCKET": "b", variable: value})

    assert str(raised.value) == message
