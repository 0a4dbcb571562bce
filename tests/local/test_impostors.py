"""Who takes the port of a model server that has ended gets neither a token nor a prompt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from chatnb.local import server
from chatnb.local.server_state import RunningServer
from chatnb.request_log.process_identity import lives
from tests.loopback import LoopbackServer


def written_down(pid: int, impostor: LoopbackServer) -> RunningServer:
    url = f"http://127.0.0.1:{impostor.port}"
    return RunningServer(url, "canary-token", pid, "model", "path", "version", "log")


def test_a_process_that_has_ended_serves_nobody() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert ended.stdout is not None
    ended.stdout.read()
    with ended, LoopbackServer() as impostor:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        running = written_down(ended.pid, impostor)
        assert not running.listens()
        assert not running.answers()
        ended.wait()
        assert not running.listens()
        assert not running.answers()
        assert impostor.connections == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_of_somebody_else_serves_nobody() -> None:
    if os.geteuid() != 0:
        assert not lives(1)
        return
    child = os.fork()
    if child == 0:  # only root can become somebody else
        os.setuid(65_534)
        os._exit(int(lives(os.getppid())))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert lives(os.getpid())


@pytest.mark.model
def test_a_prompt_goes_to_a_new_server_when_another_took_the_port(
    model, own_runtime, asking
) -> None:
    asking.ask("Hello", max_tokens=2)
    [running] = server.status()
    os.kill(running.pid, signal.SIGKILL)
    os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)
    with LoopbackServer(running.port) as impostor:
        assert asking.ask("Hello", max_tokens=2).text
        assert impostor.connections == 0
