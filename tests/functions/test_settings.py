"""Each setting by its variable, with a message for every malformed value."""

from __future__ import annotations

import pytest

from functions.settings import Settings, SettingsError, read

BUCKET = {"MODEL_BUCKET": "models"}


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        pytest.param({}, "MODEL_BUCKET must name the bucket that holds the model, it is not set", id="no-bucket"),
        pytest.param(
            {"MODEL_BUCKET": ""},
            "MODEL_BUCKET must name the bucket that holds the model, it is not set",
            id="empty-bucket",
        ),
        pytest.param(
            {**BUCKET, "MODEL_NAME": "Line"},
            "MODEL_NAME must be lower-case letters, digits, '.', '_' or '-', got 'Line'",
            id="upper-case-model",
        ),
        pytest.param(
            {**BUCKET, "MODEL_NAME": "../x"},
            "MODEL_NAME must be lower-case letters, digits, '.', '_' or '-', got '../x'",
            id="model-with-a-way-up",
        ),
        pytest.param(
            {**BUCKET, "MODEL_ALIAS": "a b"},
            "MODEL_ALIAS must be lower-case letters, digits, '.', '_' or '-', got 'a b'",
            id="alias-with-a-blank",
        ),
        pytest.param(
            {**BUCKET, "AIP_PREDICT_ROUTE": "predict"},
            "AIP_PREDICT_ROUTE must be a path like /predict, got 'predict'",
            id="predict-route-without-slash",
        ),
        pytest.param(
            {**BUCKET, "CORS_ORIGINS": "https://a.org, b.org"},
            "CORS_ORIGINS must be origins like https://example.org, separated by commas, or *, got 'b.org'",
            id="origin-without-scheme",
        ),
        pytest.param(
            {**BUCKET, "CORS_ORIGINS": "https://a.org/"},
            "CORS_ORIGINS must be origins like https://example.org, separated by commas, or *, got 'https://a.org/'",
            id="origin-with-a-path",
        ),
        pytest.param(
            {**BUCKET, "AIP_HEALTH_ROUTE": "/"},
            "AIP_HEALTH_ROUTE must be a path like /predict, got '/'",
            id="health-route-of-the-root",
        ),
        pytest.param(
            {**BUCKET, "MODEL_VERSION": "0"}, "MODEL_VERSION must be a whole number from 1, got '0'", id="version-zero"
        ),
        pytest.param(
            {**BUCKET, "MODEL_VERSION": "-1"},
            "MODEL_VERSION must be a whole number from 1, got '-1'",
            id="version-minus",
        ),
        pytest.param(
            {**BUCKET, "MODEL_VERSION": "1.0"},
            "MODEL_VERSION must be a whole number from 1, got '1.0'",
            id="version-with-a-point",
        ),
        pytest.param(
            {**BUCKET, "MODEL_VERSION": "latest"},
            "MODEL_VERSION must be a whole number from 1, got 'latest'",
            id="version-as-word",
        ),
        pytest.param(
            {**BUCKET, "MODEL_VERSION": "²"},
            "MODEL_VERSION must be a whole number from 1, got '²'",
            id="version-superscript",
        ),
        pytest.param(
            {**BUCKET, "MODEL_VERSION": "1" * 19},
            f"MODEL_VERSION must be a whole number from 1, got '{'1' * 19}'",
            id="version-beyond-64-bits",
        ),
        pytest.param(
            {**BUCKET, "MODEL_REFRESH_SECONDS": "-1"},
            "MODEL_REFRESH_SECONDS must be a number of seconds from 0 (0 = never), got '-1'",
            id="refresh-minus",
        ),
        pytest.param(
            {**BUCKET, "MODEL_REFRESH_SECONDS": "1m"},
            "MODEL_REFRESH_SECONDS must be a number of seconds from 0 (0 = never), got '1m'",
            id="refresh-with-unit",
        ),
        pytest.param(
            {**BUCKET, "MODEL_REFRESH_SECONDS": "nan"},
            "MODEL_REFRESH_SECONDS must be a number of seconds from 0 (0 = never), got 'nan'",
            id="refresh-nan",
        ),
        pytest.param(
            {**BUCKET, "MODEL_REFRESH_SECONDS": "inf"},
            "MODEL_REFRESH_SECONDS must be a number of seconds from 0 (0 = never), got 'inf'",
            id="refresh-inf",
        ),
        pytest.param(
            {**BUCKET, "MODEL_REFRESH_SECONDS": "1e400"},
            "MODEL_REFRESH_SECONDS must be a number of seconds from 0 (0 = never), got '1e400'",
            id="refresh-beyond-float64",
        ),
        pytest.param(
            {**BUCKET, "MAX_BODY_BYTES": "0"}, "MAX_BODY_BYTES must be a whole number from 1, got '0'", id="body-zero"
        ),
        pytest.param(
            {**BUCKET, "MAX_BODY_BYTES": "32MiB"},
            "MAX_BODY_BYTES must be a whole number from 1, got '32MiB'",
            id="body-with-unit",
        ),
        pytest.param(
            {**BUCKET, "MAX_BODY_BYTES": " 1"},
            "MAX_BODY_BYTES must be a whole number from 1, got ' 1'",
            id="body-with-blank",
        ),
        pytest.param({**BUCKET, "CAPTURE": "yes"}, "CAPTURE must be on or off, got 'yes'", id="capture-yes"),
        pytest.param({**BUCKET, "CAPTURE": "OFF"}, "CAPTURE must be on or off, got 'OFF'", id="capture-upper-case"),
        pytest.param(
            {**BUCKET, "CAPTURE_ROWS": "0"}, "CAPTURE_ROWS must be a whole number from 1, got '0'", id="rows-zero"
        ),
        pytest.param(
            {**BUCKET, "CAPTURE_ROWS": "all"}, "CAPTURE_ROWS must be a whole number from 1, got 'all'", id="rows-all"
        ),
    ],
)
def test_a_malformed_value_is_named_with_the_expected_form(environ, message):
    with pytest.raises(SettingsError) as caught:
        read(environ)

    assert str(caught.value) == message


def test_the_bucket_alone_is_enough():
    assert read(BUCKET) == Settings(
        bucket="models",
        model="linear-regression",
        alias="production",
        version=None,
        refresh_seconds=60.0,
        max_body_bytes=33_554_432,
        capture=True,
        capture_rows=20,
        project="",
        log_execution_id=False,
    )


@pytest.mark.parametrize(
    ("environ", "changed"),
    [
        pytest.param({"MODEL_NAME": "house.prices_2-b"}, {"model": "house.prices_2-b"}, id="model"),
        pytest.param({"MODEL_ALIAS": "canary"}, {"alias": "canary"}, id="alias"),
        pytest.param({"MODEL_VERSION": "7"}, {"version": 7}, id="version"),
        pytest.param({"MODEL_REFRESH_SECONDS": "2.5"}, {"refresh_seconds": 2.5}, id="refresh"),
        pytest.param({"MODEL_REFRESH_SECONDS": "0"}, {"refresh_seconds": 0.0}, id="no-refresh"),
        pytest.param({"MAX_BODY_BYTES": "1000"}, {"max_body_bytes": 1000}, id="body"),
        pytest.param({"CAPTURE": "off"}, {"capture": False}, id="capture-off"),
        pytest.param({"CAPTURE": "on"}, {}, id="capture-on"),
        pytest.param({"CAPTURE_ROWS": "1"}, {"capture_rows": 1}, id="capture-rows"),
        pytest.param({"GOOGLE_CLOUD_PROJECT": "p-1"}, {"project": "p-1"}, id="project"),
        pytest.param({"LOG_EXECUTION_ID": "true"}, {"log_execution_id": True}, id="execution-id"),
        pytest.param({"LOG_EXECUTION_ID": "True"}, {"log_execution_id": True}, id="execution-id-upper-case"),
        pytest.param({"LOG_EXECUTION_ID": "1"}, {"log_execution_id": True}, id="execution-id-as-digit"),
        pytest.param({"LOG_EXECUTION_ID": "false"}, {}, id="execution-id-off"),
        pytest.param(
            {
                "MODEL_NAME": "",
                "MODEL_ALIAS": "",
                "MODEL_VERSION": "",
                "MODEL_REFRESH_SECONDS": "",
                "MAX_BODY_BYTES": "",
                "CAPTURE": "",
                "CAPTURE_ROWS": "",
                "LOG_EXECUTION_ID": "",
            },
            {},
            id="empty-is-not-set",
        ),
        pytest.param({"PATH": "/bin", "MODEL_COLOUR": "blue"}, {}, id="other-variables"),
    ],
)
def test_each_variable_sets_its_own_field(environ, changed):
    assert read({**BUCKET, **environ}) == Settings(**{"bucket": "models", **changed})
