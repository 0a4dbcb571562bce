"""What single classes of the fault matrix show and keep besides, in the same kernel."""

from __future__ import annotations

import json
import socket
import sys
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

from tests.fault_table import LATE_S, Fault
from tests.hostile_answers import BOMB_MB
from tests.kernels.fault_kernel import (
    assert_cell,
    assert_conversation,
    assert_row,
    named,
    one_row,
)
from tests.loopback import USAGE, LoopbackServer

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_is_not_there_is_three_attempts_in_the_row(fault_kernel, server, stream):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    fault = Fault(
        "connection refused", "nobody", "error", "connection",
        "Could not talk to {host}: Connection refused (3 tries). Is the server running there? "
        "%chat_connect names another.", attempts=(None,) * 3,
    )  # fmt: skip
    ran, left = fault_kernel.meet(fault, stream, server.base_url, f"http://127.0.0.1:{port}/v1")
    row, host = one_row(left), f"127.0.0.1:{port}"
    assert_row(row, fault, host)
    assert_cell(ran, fault, host)
    assert_conversation(left, fault)
    reasons = [attempt["reason"] for attempt in json.loads(row["attempt_log"])]
    assert reasons == ["Connection refused"] * 3


@pytest.mark.parametrize("stream", [False, True])
def test_the_token_limit_is_told_in_the_receipt(fault_kernel, server, stream):
    fault = replace(named("length"), options="--max_tokens 2")
    ran, left = fault_kernel.meet(fault, stream, server.base_url)
    assert "stopped at the token limit (2)" in ran.text
    assert one_row(left)["finish_reason"] == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_is_folded_and_never_sent_back(fault_kernel, server, stream):
    ran, left = fault_kernel.meet(named("thinking"), stream, server.base_url)
    assert one_row(left)["reasoning"] == "Hm, well."
    assert "<details" in ran.html
    assert "Hm, well." in ran.html
    fault_kernel.kernel.run("%chat And then?")
    assert server.requests[-1].json["messages"][-2:] == [
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "And then?"},
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_called_one(fault_kernel, server, stream):
    ran, _ = fault_kernel.meet(named("refusal"), stream, server.base_url)
    assert "refused" in ran.text


@pytest.mark.parametrize(
    ("said", "known", "raw"),
    [
        ("missing", (None, None, None), None),
        ("null", (None, None, None), None),
        ("text", (None, None, None), "five"),
        ("partial", (3, None, None), {"prompt_tokens": 3}),
        (
            "strings", (None, None, None),
            {"prompt_tokens": "3", "completion_tokens": 2.5, "total_tokens": True},
        ),
        ("in-the-choice", (3, 2, 5), USAGE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_of_the_usage_what_is_a_count_is_kept_and_all_of_it_raw(
    fault_kernel, server, said, known, raw, stream
):
    _, left = fault_kernel.meet(named(f"usage-{said}"), stream, server.base_url)
    row = one_row(left)
    assert (row["prompt_tokens"], row["completion_tokens"], row["total_tokens"]) == known
    assert json.loads(row["response"]).get("usage") == raw


@pytest.mark.parametrize("stream", [False, True])
def test_choices_are_kept_apart(fault_kernel, server, stream):
    ran, left = fault_kernel.meet(named("interleaved-choices"), stream, server.base_url)
    assert one_row(left)["choices"] == ["0:one 0:two 0:three", "1:one 1:two 1:three"]
    assert "1:one 1:two 1:three" in ran.text


@pytest.mark.parametrize("stream", [False, True])
def test_of_a_very_long_answer_the_screen_shows_a_part_and_says_so(fault_kernel, server, stream):
    ran, _ = fault_kernel.meet(named("five-megabytes"), stream, server.base_url)
    assert "100,000 of 5,000,000 characters shown" in ran.html
    assert len(ran.html) < 1_000_000
    shown = sum(len(json.dumps(message["content"])) for message in ran.messages)
    assert shown < 1_000_000


WAITS = {
    # the header, and the wait that it asks for: None where it asks for none that makes sense
    "retry-after: 0.25": 0.25,
    "retry-after-ms: 250": 0.25,
    "retry-after: Wed, 21 Oct 2015 07:28:00 GMT": None,
    "retry-after: -5": None,
    "retry-after: nan": None,
    "retry-after: 0": None,
    "retry-after: soon": None,
    "retry-after: ": None,
    "": None,
}


@pytest.mark.parametrize("header", WAITS)
def test_the_wait_that_a_server_asks_for_is_shown_and_in_the_row(fault_kernel, server, header):
    fault = Fault("retry-after", f"busy={header}", "ok", text="hello there", attempts=(429, 200))
    ran, left = fault_kernel.meet(fault, True, server.base_url)
    row = one_row(left)
    assert_row(row, fault, "")
    wait = json.loads(row["attempt_log"])[0]["wait"]
    assert wait == WAITS[header] if WAITS[header] else 0 < wait <= 0.001
    assert "429: trying again in" in str(ran.messages)
    assert "2 tries" in ran.text


@pytest.mark.parametrize("stream", [False, True])
def test_a_redirect_to_another_server_takes_nothing_there(fault_kernel, server, stream):
    with LoopbackServer() as other:
        where = f"{other.base_url}/chat/completions"
        fault = Fault(
            "redirect", f"redirect-to={where}", "error", "redirect",
            f"{{host}} redirected the request to {where}; not followed.", attempts=(307,),
        )  # fmt: skip
        ran, left = fault_kernel.meet(fault, stream, server.base_url)
        assert other.connections == 0
    assert_row(one_row(left), fault, f"127.0.0.1:{server.port}")
    assert_cell(ran, fault, f"127.0.0.1:{server.port}")


def test_no_proxy_sees_what_goes_to_this_machine(fault_kernel, server):
    names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")
    with LoopbackServer() as proxy:
        proxies = dict.fromkeys(names, f"http://127.0.0.1:{proxy.port}")
        fault_kernel.kernel.run(f"import os\nos.environ |= {proxies!r}")
        try:
            ran, _ = fault_kernel.meet(named("thinking"), True, server.base_url)
        finally:
            fault_kernel.kernel.run(f"for name in {names!r}: os.environ.pop(name)")
        assert ran.status == "ok"
        assert proxy.connections == 0


@pytest.mark.parametrize(
    ("setting", "model", "line"),
    [
        ("first_token_timeout", "stall-before-headers", "No answer from {host} within 0.3 s"),
        ("first_token_timeout", "stall-after-headers", "{host} stopped sending; 0 characters"),
        ("first_token_timeout", "sse-comments-only", "{host} stopped sending; 0 characters"),
        ("idle_timeout", "stall-in-body", "{host} stopped sending; 5 characters"),
        ("idle_timeout", "stall-without-line-end", "{host} stopped sending; 5 characters"),
    ],
)
def test_each_deadline_is_a_setting_of_its_own(fault_kernel, server, setting, model, line):
    fault_kernel.prepare(server.base_url, 600)
    began = time.monotonic()
    ran = fault_kernel.kernel.run(f"%chat_set {setting}=0.3\n%chat -m {model} hello there")
    assert time.monotonic() - began < LATE_S
    [said] = ran.error["traceback"]
    assert line.format(host=f"127.0.0.1:{server.port}") in said
    assert f"%chat_set {setting}=0.6 waits longer." in said


@pytest.fixture
def deaf_port():
    """A port that accepts nobody: those who came before fill its queue."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as waiting:
        while True:
            client = waiting.enter_context(socket.socket())
            client.settimeout(0.2)
            try:
                client.connect(listener.getsockname())
            except TimeoutError:
                break
        yield listener.getsockname()[1]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse where the queue is full")
def test_the_deadline_for_connecting_is_a_setting_too(fault_kernel, server, deaf_port):
    fault = Fault(
        "silence before headers", "nobody", "error", "timeout",
        "No answer from {host} within 0.3 s (3 tries). %chat_set connect_timeout=0.6 waits longer.",
        attempts=(None,) * 3,
    )  # fmt: skip
    kernel, host = fault_kernel.kernel, f"127.0.0.1:{deaf_port}"
    kernel.run("%chat_set connect_timeout=0.3")
    ran, left = fault_kernel.meet(fault, True, server.base_url, f"http://{host}/v1")
    kernel.run("%chat_set connect_timeout=unset")
    assert_row(one_row(left), fault, host)
    assert_cell(ran, fault, host)


PEAK = """
from pathlib import Path
def peak_mb(anew=False):
    if anew:
        Path('/proc/self/clear_refs').write_text('5')
    status = Path('/proc/self/status').read_text()
    return int(status.partition('VmHWM:')[2].split()[0]) // 1_000
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells the peak since then")
@pytest.mark.parametrize("model", ["bomb", "bomb-400", "bomb-in-stream", "line-without-end"])
def test_an_answer_without_measure_does_not_fill_the_memory(fault_kernel, server, model):
    kernel = fault_kernel.kernel
    for stream in named(model).streams:
        before = int(kernel.run(f"{PEAK}\nprint(peak_mb(anew=True))").stdout)
        fault_kernel.meet(named(model), stream, server.base_url)
        assert int(kernel.run("print(peak_mb())").stdout) - before < BOMB_MB


def test_the_cells_after_a_fault_are_not_run(fault_kernel, server):
    fault_kernel.prepare(server.base_url, LATE_S)
    first = fault_kernel.kernel.start("%%chat -m status-503\nhello there")
    second = fault_kernel.kernel.start("%%chat\nand then?")
    assert fault_kernel.kernel.wait(first).status == "error"
    assert fault_kernel.kernel.wait(second).status == "aborted"
    assert {request.model for request in server.requests[1:]} == {"status-503"}
