"""kill -9 at any moment: every request that the server saw has a row."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chatnb.request_log import RequestLog
from chatnb.request_log.log_frame import frame
from tests.log.exchanges import logged, request
from tests.loopback import LoopbackServer

ROOT = Path(__file__).parents[2]
# The real backend at the engine's own seam; at the given moment it says so and waits to be killed.
PROGRAM = """
import sys
from pathlib import Path
from chatnb.backend import Connection
from chatnb.openai_backend import OpenAIBackend
from chatnb.prompts import Connected
from chatnb.request_log import RequestLog
from chatnb.sessions import Session
path, base_url, model, moment = sys.argv[1:]

def reached(what):
    if what == moment:
        print(what, flush=True)
        sys.stdin.read()

class Watched(OpenAIBackend):
    def complete(self, request, flight):
        reached("before the send")
        attempt, delta = flight.attempt, flight.delta
        flight.attempt = lambda *told: (attempt(*told), reached("after the headers"))
        flight.delta = lambda *told: (delta(*told), reached("in mid-stream"))
        reply = super().complete(request, flight)
        reached("between answer and final row")
        return reply

connection = Connection(base_url, model)
chat = Session(lambda: Connected(connection, Watched(connection)), RequestLog(Path(path)))
for number in range(1_000):
    chat.send(f"prompt {number}")
"""


def start(log_path: Path, server: LoopbackServer, model: str, moment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(log_path), server.base_url, model, moment]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


@pytest.mark.parametrize(
    ("moment", "model", "requests"),
    [
        ("before the send", "echo", 0),
        ("after the headers", "echo", 1),
        ("in mid-stream", "slow", 1),
        ("between answer and final row", "echo", 1),
    ],
)
def test_a_kill_at_each_moment_leaves_one_lost_row(
    log_path: Path, server: LoopbackServer, moment: str, model: str, requests: int
) -> None:
    process = start(log_path, server, model, moment)
    assert process.stdout is not None
    assert process.stdout.readline() == f"{moment}\n"
    kill(process)
    rows = frame(RequestLog(log_path), all=True)
    assert rows[["status", "prompt"]].values.tolist() == [["lost", "prompt 0"]]
    assert len(server.requests) == requests


@pytest.mark.parametrize("count", [1, 7, 40])
def test_a_kill_in_the_middle_of_many_loses_no_row(
    log_path: Path, server: LoopbackServer, count: int
) -> None:
    process = start(log_path, server, "echo", "never")
    server.wait_for_requests(count)
    kill(process)
    rows = frame(RequestLog(log_path), all=True)
    sent = [received.json["messages"][-1]["content"] for received in server.requests]
    assert rows["prompt"].tolist()[: len(sent)] == sent
    assert len(rows) - len(sent) in (0, 1)  # the row comes first
    assert (rows["status"][:-1] == "ok").all()
    assert rows["status"].iloc[-1] in ("ok", "lost")


def test_after_a_kill_the_log_goes_on(log_path: Path, server: LoopbackServer) -> None:
    process = start(log_path, server, "slow", "in mid-stream")
    assert process.stdout is not None
    process.stdout.readline()
    kill(process)
    log = RequestLog(log_path)
    logged(log, request("next"))
    assert frame(log, all=True)["status"].tolist() == ["lost", "ok"]
    assert log.read(lambda db: db.execute("PRAGMA integrity_check").fetchone()) == ("ok",)
