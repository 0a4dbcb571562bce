"""One server for all kernels: found, shared, brought back, closed to others, ended."""

from __future__ import annotations

import http.client
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from chatnb.errors import Interrupted, InvalidInput, RequestFailed
from chatnb.local import server
from chatnb.local.connection import LocalConnection
from chatnb.local.model_file import ModelFile
from tests.waiting import wait_for

pytestmark = pytest.mark.model

ENSURE = "from chatnb.local import server, model_file as m; print(server.ensure(m.find()).pid)"
PATHS = (
    "/v1/models", "/models", "/api/tags", "/api/show", "/props", "/slots", "/slots/0", "/metrics",
    "/tokenize", "/detokenize", "/apply-template", "/completion", "/v1/completions", "/infill",
    "/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings", "/lora-adapters",
    "/none",
)  # fmt: skip
ORIGINS = ("https://evil.example", "null", "http://localhost:8888", "http://127.0.0.1:1")


def ensuring_process():
    return subprocess.Popen([sys.executable, "-c", ENSURE], stdout=subprocess.PIPE, text=True)


def ask(running, method, path, **headers):
    """The status and the headers of one bare request."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}


def test_three_processes_racing_get_one_server(model, own_runtime):
    racing = [ensuring_process() for _ in range(3)]
    pids = {process.communicate(timeout=120)[0].strip() for process in racing}
    assert len(pids) == 1
    [running] = server.status()
    assert {str(running.pid)} == pids


def test_it_outlives_the_process_that_started_it_and_its_interrupt(model, own_runtime):
    code = ENSURE + "\nimport sys, time; sys.stdout.flush(); time.sleep(600)"
    kernel = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    pid = int(kernel.stdout.readline())
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(kernel.pid, number)
        except ProcessLookupError:
            break
    kernel.wait(30)
    kernel.stdout.close()
    assert [running.pid for running in server.status()] == [pid]


def test_a_killed_server_is_started_again(model, own_runtime):
    first = server.ensure(model)
    os.kill(first.pid, signal.SIGKILL)
    wait_for(lambda: not first.listens(), "its end")
    assert server.status() == ()
    second = server.ensure(model)
    assert second.answers()
    assert second.token != first.token


def test_another_file_gets_another_server(model, own_runtime, tmp_path):
    other = tmp_path / "other.gguf"
    other.symlink_to(model.path)
    same = server.ensure(ModelFile(other, model.alias, "path"))
    assert server.ensure(model).pid == same.pid
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(model.path.read_bytes())
    another = server.ensure(ModelFile(copy, "copy", "path"))
    assert another.pid != same.pid
    assert {running.model for running in server.status()} == {model.alias, "copy"}
    assert another.request("GET", "/v1/models")[1]["data"][0]["id"] == "copy"
    assert len(server.stop()) == 2


def test_stopped_means_gone(model, own_runtime):
    running = server.ensure(model)
    assert server.stop() == (running,)
    assert not running.answers()
    assert server.status() == ()
    assert server.stop() == ()
    assert list(own_runtime.glob("*.json")) == []


def test_a_state_file_of_another_process_is_not_believed(model, own_runtime):
    with subprocess.Popen(["sleep", "600"]) as bystander:
        running = server.ensure(model)
        [state] = own_runtime.glob("*.json")
        told = json.loads(state.read_text())
        server.stop()
        state.write_text(json.dumps(told | {"pid": bystander.pid}))
        assert server.stop() == ()
        assert bystander.poll() is None
        bystander.kill()
    assert not running.answers()


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"url": 5}', "\x00"])
def test_a_broken_state_file_is_replaced(model, own_runtime, content):
    from chatnb.local.server_state import read_state

    own_runtime.mkdir(mode=0o700)
    state = own_runtime / "server-0.json"
    state.write_text(content)
    assert read_state(state) is None
    assert server.status() == ()


def test_files_are_private_under_any_umask(model, own_runtime):
    before = os.umask(0)
    try:
        server.ensure(model)
    finally:
        os.umask(before)
    assert stat.S_IMODE(own_runtime.stat().st_mode) == 0o700
    assert {path.suffix for path in own_runtime.iterdir()} == {".json", ".lock", ".log"}
    for path in own_runtime.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_an_open_runtime_directory_is_closed(own_runtime):
    own_runtime.mkdir(mode=0o755)
    server.status()
    assert stat.S_IMODE(own_runtime.stat().st_mode) == 0o700


def test_a_runtime_directory_behind_a_link_is_not_used(own_runtime, tmp_path):
    from chatnb.local.server_state import runtime_directory

    (tmp_path / "elsewhere").mkdir()
    own_runtime.symlink_to(tmp_path / "elsewhere")
    assert runtime_directory() != own_runtime


def test_the_token_is_in_no_argument_environment_or_repr(running):
    process = Path(f"/proc/{running.pid}")
    for part in ("cmdline", "environ"):
        assert running.token.encode() not in (process / part).read_bytes()
    assert running.token not in repr(running)
    assert running.token not in Path(running.log).read_text()


def test_no_key_reaches_the_server(model, own_runtime, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    running = server.ensure(model)
    assert b"canary" not in Path(f"/proc/{running.pid}/environ").read_bytes()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_path_needs_the_token_under_any_host(running, method):
    for path in PATHS:
        for host in (f"127.0.0.1:{running.port}", "localhost", "evil.example"):
            assert ask(running, method, path, Host=host)[0] == 401, (path, host)
            wrong = ask(running, method, path, Host=host, Authorization="Bearer wrong")
            assert wrong[0] == 401, (path, host)
    assert ask(running, "GET", "/health")[0] == 200
    # Where llama.cpp's own page would be, which is off.
    assert ask(running, method, "/")[0] == 404


def test_no_origin_is_allowed(running):
    authorized = f"Bearer {running.token}"
    for origin in ORIGINS:
        for path in (*PATHS, "/health"):
            for method in ("GET", "POST", "OPTIONS"):
                headers = {"Origin": origin, "Access_Control_Request_Method": "POST"}
                for more in ({}, {"Authorization": authorized}):
                    _, answered = ask(running, method, path, **headers, **more)
                    assert "access-control-allow-origin" not in answered, (origin, path, method)


def test_it_listens_on_loopback_only(running):
    lines = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=True).stdout
    [line] = [line for line in lines.splitlines() if f":{running.port} " in line]
    assert f"127.0.0.1:{running.port}" in line


def test_it_ends_when_nobody_asks(model, own_runtime, monkeypatch):
    monkeypatch.setenv("CHATNB_IDLE", "3")
    running = server.ensure(model)
    wait_for(lambda: asleep(running), "its sleep")
    # Being looked at keeps nobody awake.
    wait_for(lambda: not running.answers(), "its end")
    assert list(own_runtime.glob("*.json")) == []


def test_a_request_puts_the_end_off(model, own_runtime, monkeypatch):
    monkeypatch.setenv("CHATNB_IDLE", "4")
    running = server.ensure(model)
    for _ in range(3):
        wait_for(lambda: asleep(running), "its sleep")
        assert running.request("POST", "/tokenize", {"content": "Wake up"})[0] == 200
    assert server.ensure(model) == running


def asleep(running):
    return running.request("GET", "/props")[1].get("is_sleeping")


def test_it_ends_when_nobody_can_find_it_any_more(model, own_runtime):
    running = server.ensure(model)
    for path in own_runtime.iterdir():
        path.unlink()
    wait_for(lambda: not running.answers(), "its end")


def test_a_stop_while_it_starts_ends_it(model, own_runtime):
    with pytest.raises(Interrupted):
        server.ensure(model, stopped=lambda: bool(list(own_runtime.glob("*.log"))))
    assert server.status() == ()


def test_a_file_that_is_no_model_is_one_line_with_the_log(model, own_runtime, tmp_path):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model.path.read_bytes()[:20_000_000])
    with pytest.raises(RequestFailed) as caught:
        server.ensure(ModelFile(cut, "cut", "path"))
    assert caught.value.kind == "bad_model"
    [log] = own_runtime.glob("*.log")
    assert str(log) in caught.value.line
    assert "\n" not in caught.value.line
    assert "corrupted or incomplete" in caught.value.detail


@pytest.mark.parametrize(
    ("engine", "kind", "said"),
    [
        ("import os; os.kill(os.getpid(), 4)", "no_avx2", "AVX2"),
        ("raise ImportError('libgomp')", "no_engine", 'pip install "chatnb[local]"'),
        ("import os; os._exit(9)", "start_failed", "exit code 9"),
    ],
)
def test_a_failed_start_is_one_line_with_the_log(
    model, own_runtime, tmp_path, monkeypatch, engine, kind, said
):
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "xllamacpp.py").write_text(engine)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "engine"))
    with pytest.raises(RequestFailed) as caught:
        server.ensure(model)
    assert caught.value.kind == kind
    assert said in caught.value.line
    [log] = own_runtime.glob("*.log")
    assert str(log) in caught.value.line


def test_the_bare_sdk_talks_to_it(running):
    import openai

    connection = LocalConnection()
    with openai.OpenAI(**connection.client_options()) as client:
        completion = client.chat.completions.create(
            model=connection.model,
            messages=[{"role": "user", "content": "Say hello."}],
            max_tokens=5,
        )
    assert completion.model == connection.model
    assert completion.choices[0].message.content


def test_a_bad_path_is_told_before_anything_starts(own_runtime, tmp_path):
    with pytest.raises(InvalidInput):
        LocalConnection(path=str(tmp_path / "none.gguf")).client_options()
    assert not own_runtime.exists()


@pytest.mark.parametrize(
    ("idle", "seconds"), [("inf", 1800), ("nan", 1800), ("soon", 1800), ("1", 2), ("90", 90)]
)
def test_how_long_it_waits_is_a_number_of_seconds(monkeypatch, idle, seconds):
    monkeypatch.setenv(server.IDLE, idle)
    assert server._idle_s() == seconds
