"""The shown Python, cell and curl, run: the server receives the body of the request."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chatnb.backend import Connection
from chatnb.local.connection import LocalConnection
from chatnb.records import Message, Origin, Request
from chatnb.request_code import cell_code, curl_code, json_code, python_code

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not on this machine")

ODD = '  It\'s "odd": {lone} {{name}} $HOME `ls` %d \\n \\ é🎉\u2028\x85 !\n\n\tend \n\n'
EVERYTHING = {
    "temperature": 0,
    "top_p": 0.1,
    "n": 2,
    "stop": ["\n", 'it\'s "x"'],
    "max_tokens": 7,
    "presence_penalty": -0.5,
    "logit_bias": {"50256": -100, "7": 0},
    "user": "it's me",
    "seed": 0,
    "logprobs": False,
    "top_logprobs": 0,
    "reasoning_effort": "none",
    "response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}},
    "store": False,
    "metadata": {},
}
EXTRA = {"top_k": 5, "extra": {"a": [None, True, 0, 1e-7]}, "tools": None, "timeout": 3}


def asking(*messages, **fields):
    return Request(**{"model": "echo", "messages": messages, "stream": True} | fields)


REQUESTS = [
    asking(Message("user", "Hi")),
    asking(Message("user", "Hi"), stream=False),
    asking(Message("system", "Be 'brief'."), Message("user", ODD), stream=False),
    asking(Message("system", 'Two\nlines, "it\'s"'), Message("user", ODD)),
    asking(Message("user", "What is this?\n>>> 1 + 1\n    2")),
    asking(Message("user", "unset"), parameters=EVERYTHING, extra=EXTRA),
    asking(Message("user", "--raw"), parameters=EVERYTHING, extra=EXTRA, stream=False),
]
HISTORY = (
    Message("system", "Be brief."),
    Message("developer", "Politely."),
    Message("user", [{"type": "text", "text": "Hi"}], {"name": "Ann"}),
    Message("assistant", "It's {{me}}"),
)
CONTINUED = asking(
    *HISTORY, Message("user", "And then?"), origin=Origin("panel", "old friends")
)  # fmt: skip


@pytest.fixture
def connection(server):
    return Connection(server.base_url, model="echo", key="MY_KEY")


def ran(command: list[str], directory: Path) -> str:
    """What a command prints, in an environment that has the key; `python` may be any other."""
    environment = {**os.environ, "MY_KEY": "secret"}
    done = subprocess.run(
        command, capture_output=True, check=False, encoding="utf-8", cwd=directory, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ran_by_shell(code: str, directory: Path) -> str:
    (directory / "code.sh").write_text(code, encoding="utf-8")
    return ran(["sh", "code.sh"], directory)


def assert_received(server, requests):
    """Exactly these bodies; 0 is neither 0.0 nor False."""
    received = [json.dumps(request.json, sort_keys=True) for request in server.requests]
    assert received == [json.dumps(request.body(), sort_keys=True) for request in requests]


def test_the_shown_python_sends_the_request(connection, server, tmp_path):
    requests = [*REQUESTS, CONTINUED]
    for number, request in enumerate(requests):
        (tmp_path / f"{number}.py").write_text(python_code(request, connection), encoding="utf-8")
    # In one process, since importing the SDK takes a second.
    run_all = "import runpy, sys\nfor name in sys.argv[1:]: runpy.run_path(name)"
    names = [f"{number}.py" for number in range(len(requests))]
    printed = ran([sys.executable, "-X", "utf8", "-c", run_all, *names], tmp_path)
    assert_received(server, requests)
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer secret"}
    assert printed.startswith("HiHi\n")


@needs_curl
def test_the_shown_curl_sends_the_request(connection, server, tmp_path):
    # The last one is longer than Linux lets an argument be.
    requests = [*REQUESTS, CONTINUED, asking(Message("user", "it's\n" + "é" * 100_000))]
    for request in requests:
        assert ran_by_shell(curl_code(request, connection), tmp_path)
    assert_received(server, requests)
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer secret"}
    assert {request.headers["content-type"] for request in server.requests} == {"application/json"}


def test_the_shown_json_is_the_body():
    for request in [*REQUESTS, CONTINUED]:
        assert json.loads(json_code(request)) == request.body()


@pytest.mark.kernel
def test_the_shown_cell_sends_the_request(chat_kernel, server):
    for request in REQUESTS:
        cell = chat_kernel.run(cell_code(request), cell_id="one")
        assert cell.error is None, cell.error
    assert_received(server, REQUESTS)


@pytest.mark.kernel
def test_the_shown_cell_continues_its_conversation_and_leaves_the_others(chat_kernel, server):
    history = [message.to_wire() for message in HISTORY]
    chat_kernel.run(f"""
import chatnb
chat = chatnb.session()
chat.settings.conversation = "old friends"
chat.load({history!r})
chat.settings.conversation = None
chat.system("Of another conversation.")""")
    for request in (CONTINUED, REQUESTS[0]):
        cell = chat_kernel.run(cell_code(request))
        assert cell.error is None, cell.error
    assert_received(server, [CONTINUED, REQUESTS[0]])


@pytest.mark.model
@needs_curl
def test_the_embedded_model_answers_the_shown_python_and_curl(model_server, tmp_path):
    local = LocalConnection()
    parameters = {"max_tokens": 5, "temperature": 0}
    question = (Message("user", "Say it's fine."),)
    request = Request(str(local.model), question, parameters, stream=False, embedded=True)
    answer = json.loads(ran_by_shell(curl_code(request, local), tmp_path))
    text = answer["choices"][0]["message"]["content"]
    assert text
    assert ran([sys.executable, "-c", python_code(request, local)], tmp_path) == f"{text}\n"
