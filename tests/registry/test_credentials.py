"""Who talks to the bucket: gcloud's account when that was asked for, with tokens that go nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request

from model.registry import credentials
from model.registry.registry import Registry
from tests.support.parts import Emulator, Proxy


@pytest.fixture
def gcloud(tmp_path: Path) -> Path:
    """Gives a new token each time, and notes what it was asked."""
    path = tmp_path / "a folder" / "gcloud"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\necho "$@" >>"{tmp_path}/asked"\necho "token-$(wc -l <"{tmp_path}/asked")"\n')
    path.chmod(0o755)
    return path


def test_gcloud_is_asked_when_a_token_is_due_and_not_before(gcloud, tmp_path):
    account = credentials.of_gcloud(str(gcloud))

    for _ in range(3):
        account.before_request(Request(), "GET", "https://x", headers := {})

    assert headers["authorization"] == "Bearer token-1"
    assert (tmp_path / "asked").read_text() == "auth print-access-token\n"


@pytest.mark.parametrize("text", ["exit 1", "exec no-such-program"])
def test_a_gcloud_that_gives_none_is_named_without_its_words(gcloud, text):
    gcloud.write_text(f"#!/bin/sh\necho secret\n{text}\n")

    with pytest.raises(RefreshError, match="gives no access token; gcloud auth login") as caught:
        credentials.of_gcloud(str(gcloud)).refresh(Request())

    assert "secret" not in str(caught.value)


def test_the_registry_reads_with_the_token(emulator: Emulator, bucket, gcloud, monkeypatch):
    proxy = Proxy(emulator)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)

    found = Registry(bucket.name, "a", credentials=credentials.of_gcloud(str(gcloud))).entries()

    proxy.shutdown()
    proxy.server_close()
    assert found == []
    assert proxy.requests != []


def test_a_missing_gcloud_is_one_line(model, bucket):
    ended = model("versions", MODEL_CREDENTIALS="gcloud", GCLOUD="/nowhere/gcloud")

    assert ended.returncode == 1
    assert ended.stderr.endswith("cannot be reached: /nowhere/gcloud gives no access token; gcloud auth login\n")
    assert ended.stderr.count("\n") == 1


def test_other_credentials_are_refused_by_name(model, bucket):
    ended = model("versions", MODEL_CREDENTIALS="key.json")

    assert (ended.returncode, ended.stderr) == (2, "MODEL_CREDENTIALS must be gcloud, or not set, got 'key.json'\n")
