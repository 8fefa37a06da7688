"""Transport to Cloud Storage: a bucket that is away, processes killed between requests, answers that get lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from model.errors import RegistryError
from model.registry.registry import Moved, Registry
from tests.support.parts import MODEL, ROOT, Proxy, document, free_port


def test_a_bucket_out_of_reach_is_one_clear_error(monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{free_port()}")

    with pytest.raises(
        RegistryError,
        match=r"^gs://nowhere/linear-regression/versions/ cannot be reached: no answer from the emulator at http://127",
    ):
        Registry("nowhere", MODEL, deadline_seconds=0.3).newest()


@pytest.mark.parametrize("spelling", ["{}", "http://{}/"])
def test_the_address_of_an_emulator_may_lack_its_scheme_or_end_with_a_slash(bucket, emulator, monkeypatch, spelling):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", spelling.format(f"127.0.0.1:{emulator.port}"))

    assert Registry(bucket.name, MODEL).numbers() == []


def test_a_bucket_that_does_not_exist_is_one_clear_error(registry):
    missing = Registry("missing", MODEL)

    with pytest.raises(RegistryError, match=r"^gs://missing does not exist$"):
        missing.publish(document(), snapshot=b"rows", dataset="by-hand")


@pytest.mark.parametrize("answered", [pytest.param(False, id="before"), pytest.param(True, id="after")])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_a_trainer_killed_at_any_request_leaves_no_half_version(registry, emulator, step, answered):
    started = []
    with Proxy(emulator, lambda: os.kill(started[0].pid, signal.SIGKILL), at=step, answered=answered) as proxy:
        environ = {**os.environ, "STORAGE_EMULATOR_HOST": proxy.url}
        started.append(subprocess.Popen([sys.executable, "-m", "model", "train"], cwd=ROOT, env=environ))

        assert started[0].wait(100) == -signal.SIGKILL

        proxy.shutdown()
    visible = (step, answered) >= (4, True)
    assert [(entry.version, entry.error) for entry in registry.entries()] == ([(1, "")] if visible else [])
    assert (registry.report(1) is not None) is ((step, answered) == (5, True))


@pytest.mark.parametrize("step", [1, 3])
def test_a_write_whose_answer_is_lost_is_not_done_twice(registry, bucket, emulator, monkeypatch, step):
    with Proxy(emulator, lambda: None, at=step, answered=True) as proxy:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        through = Registry(bucket.name, MODEL)

        published = through.publish(document(), snapshot=b"rows", dataset="by-hand")

        proxy.shutdown()
    assert published.version == 1
    assert [entry.version for entry in registry.entries()] == [1]


def test_a_promotion_whose_answer_is_lost_is_one_entry(registry, bucket, emulator, publish, monkeypatch):
    publish()
    with Proxy(emulator, lambda: None, at=4, answered=True) as proxy:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        through = Registry(bucket.name, MODEL)

        moved = through.promote(1, alias="production", by="test", reason="test")

        proxy.shutdown()
    assert moved == Moved(version=1, before=None, changed=True)
    assert [entry["version"] for entry in registry.alias("production")[0].history] == [1]
