"""What chatnb must survive: each gets one line that says what happened and what to do.

The lines stand here as a table; every row runs in a real kernel.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import sqlite3
from pathlib import Path

import pytest

from tests.real_kernel import RealKernel

pytestmark = pytest.mark.kernel


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def one_line(ran):
    assert ran.status == "error"
    assert ran.error is not None
    assert len(ran.error["traceback"]) == 1, ran.error["traceback"]
    assert "\n" not in ran.error["traceback"][0]
    return ran.error["traceback"][0]


def log_of(kernel):
    code = "import chatnb\nprint(chatnb.log(all=True)[['status', 'prompt']].to_csv(index=False))"
    return kernel.run(code).stdout.split()[1:]


LINES = {
    "no key and no model and no network": (
        {"CHATNB_OFFLINE": "1", "XDG_CACHE_HOME": "{nothing}"},
        "%chat hi",
        "The embedded model is not on this machine, and CHATNB_OFFLINE forbids to fetch it",
        "Set OPENAI_API_KEY to use a key",
    ),
    "a model file that is not there": (
        {"CHATNB_GGUF": "/nowhere/model.gguf"},
        "%chat hi",
        "/nowhere/model.gguf",
        "CHATNB_GGUF",
    ),
    "a key with a line break": (
        {"OPENAI_API_KEY": "sk-canary0canary0canary0\nx"},
        "%chat hi",
        "The value of OPENAI_API_KEY is not a usable API key",
        "set it again",
    ),
    "a server that is down": (
        {"OPENAI_BASE_URL": "http://127.0.0.1:{port}/v1", "CHATNB_MODEL": "any"},
        "%chat hi",
        "Could not talk to 127.0.0.1:{port}",
        "3 tries",
    ),
    "a wrong base_url": (
        {"OPENAI_BASE_URL": "{server}", "CHATNB_MODEL": "status-404"},
        "%chat hi",
        "has nothing at /v1/chat/completions",
        "Does base_url end in /v1?",
    ),
    "a key given in place of its name": (
        {},
        "%chat_connect https://api.openai.com/v1 --key sk-abcdefghijklmnopqrstuvwxyz",
        "--key takes the NAME of an environment variable",
        "never the key itself",
    ),
    "OpenAI's key for another host": (
        {"OPENAI_API_KEY": "sk-abcdefghijklmnopqrstuvwxyz"},
        "%chat_connect http://127.0.0.1:{port}/v1 --key OPENAI_API_KEY",
        "OPENAI_API_KEY belongs to api.openai.com:443",
        "variable of its own",
    ),
    "a server with several models": (
        {"OPENAI_BASE_URL": "{server}"},
        "%chat hi",
        "has 2 models (echo, slow)",
        "name one with -m MODEL",
    ),
}


@pytest.mark.parametrize("situation", LINES)
def test_each_situation_gets_one_line(situation, tmp_path, log_path, monkeypatch, server):
    environment, cell, what_happened, what_to_do = LINES[situation]
    port = free_port()

    def filled(text):
        named = {"{port}": str(port), "{server}": server.base_url, "{nothing}": str(tmp_path)}
        return functools.reduce(lambda text, name: text.replace(name, named[name]), named, text)

    for name, value in environment.items():
        monkeypatch.setenv(name, filled(value))
    kernel = RealKernel(tmp_path)
    try:
        kernel.run("%load_ext chatnb")
        line = one_line(kernel.run(filled(cell)))
        assert filled(what_happened) in line
        assert what_to_do in line
        assert "canary" not in line
        assert "abcdefghijklm" not in line
    finally:
        kernel.close()


def test_what_was_waited_for_goes_away_where_nothing_was_sent(
    tmp_path, log_path, server, monkeypatch
):
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)  # it lists two models
    kernel = RealKernel(tmp_path)
    try:
        kernel.run("%load_ext chatnb")
        run = kernel.run("%%chat\nhi")
        assert "has 2 models" in one_line(run)
        assert run.outputs == []
    finally:
        kernel.close()


def test_an_unwritable_log_costs_no_answer(chat_kernel, log_path, server):
    log_path.parent.mkdir(parents=True, exist_ok=True)
    log_path.mkdir()  # root may write anywhere, so a directory stands where the file would be
    ran = chat_kernel.run("%%chat\nhello")
    assert ran.status == "ok"
    assert "hello" in ran.text
    assert str(log_path) in ran.text
    assert log_of(chat_kernel) == ["ok,hello"]


def test_a_corrupt_log_is_moved_away_and_said_once(chat_kernel, log_path):
    log_path.parent.mkdir(parents=True, exist_ok=True)
    log_path.write_bytes(b"this is no database, it is a text" * 200)
    first = chat_kernel.run("%%chat\nhello")
    assert "moved" in first.text
    assert "moved" not in chat_kernel.run("%%chat\nagain").text
    assert log_of(chat_kernel) == ["ok,hello", "ok,again"]
    assert len([path for path in log_path.parent.iterdir() if path.name != log_path.name]) >= 1


def test_a_deleted_log_begins_again_with_the_next_row(chat_kernel, log_path):
    chat_kernel.run("%%chat\nbefore")
    for path in log_path.parent.glob("*.sqlite*"):
        path.unlink()
    chat_kernel.run("%%chat\nafter")
    assert rows_in(log_path)[-1] == "ok"


def rows_in(path: Path):
    with sqlite3.connect(path) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    assert tables
    from chatnb.request_log import RequestLog
    from chatnb.request_log.log_frame import frame

    log = RequestLog(path)
    statuses = list(frame(log, all=True)["status"])
    log.close()
    return statuses


def test_a_kernel_killed_in_mid_answer_leaves_a_lost_row(chat_kernel, log_path, server, tmp_path):
    started = chat_kernel.start("%%chat -m slow\nlong")
    server.wait_for_requests(1)
    while chat_kernel.next_message(started)["msg_type"] != "display_data":
        pass
    chat_kernel.kill()
    after = RealKernel(tmp_path)
    try:
        after.run(f"%load_ext chatnb\n%chat_connect {server.base_url} -m echo\n%chat next")
        assert log_of(after) == ["lost,long", "ok,next"]
    finally:
        after.close()


def test_two_kernels_write_one_log(chat_kernel, log_path, server, tmp_path):
    other = RealKernel(tmp_path)
    try:
        other.run(f"%load_ext chatnb\n%chat_connect {server.base_url} -m echo")
        loop = "for number in range(20):\n    %chat --fresh {{number}}"
        first, second = chat_kernel.start(loop), other.start(loop)
        assert chat_kernel.wait(first).status == other.wait(second).status == "ok"
        rows = log_of(other)
        assert len(rows) == 40
        assert len(server.requests) == 40
        assert {row.split(",")[0] for row in rows} == {"ok"}
    finally:
        other.close()


@pytest.mark.model
def test_the_next_cell_brings_a_killed_model_server_back(log_path, tmp_path, monkeypatch):
    runtime = tmp_path / "runtime"  # a server of this test's own: others use the run's
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    kernel = RealKernel(tmp_path)
    try:
        kernel.run("%load_ext chatnb\n%chat_connect local\nfrom chatnb.local import server")
        ask = "%%chat --fresh --temperature 0 --max_tokens 8\nHello"
        first = kernel.run(ask)
        assert "starting SmolLM2-135M-Instruct…" in str(first.messages)
        (pid,) = kernel.run("print(*[each.pid for each in server.status()])").stdout.split()
        os.kill(int(pid), signal.SIGKILL)
        second = kernel.run(ask)
        assert first.status == second.status == "ok"
        assert second.text.splitlines()[0] == first.text.splitlines()[0]
    finally:
        kernel.run("server.stop()")
        kernel.close()
