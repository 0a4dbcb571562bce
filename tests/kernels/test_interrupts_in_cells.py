"""The kernel's interrupt in every phase of a request: the wire, the cell, the row, what follows."""

from __future__ import annotations

import json
import time

import pytest

from tests.fault_table import LATE_S, Fault
from tests.kernels.fault_kernel import one_row
from tests.loopback import PATIENCE_S

pytestmark = pytest.mark.kernel

WITHIN_S = 2.0
PHASES = {
    # the phase: what is asked, its options, what the screen shows then, what has come
    "before the headers": ("stall-before-headers", "--stream", "waiting for", "", None),
    "before the headers, plain": ("stall-before-headers", "--no-stream", "waiting for", "", None),
    "in the stream": ("slow", "--stream", "word", "word ", 200),
    "in a stalled stream": ("stall-in-body", "--stream", "Hello", "Hello", 200),
    "in a stalled body": ("stall-in-body", "--no-stream", "waiting for", "", 200),
    "in a stream of comments": ("sse-comments-only", "--stream", "waiting for", "", 200),
    "in a retry's wait": ("wait-a-minute", "--stream", "503: trying again in 60 s", "", 503),
}


def interrupted_at(fault_kernel, cell, sign):
    """The cell, interrupted as soon as it shows the sign, and when that was."""
    kernel = fault_kernel.kernel
    started = kernel.start(cell)
    messages = []
    while not messages or sign not in str(messages[-1]["content"].get("data")):
        messages.append(kernel.next_message(started))
    at = time.monotonic()
    kernel.interrupt()
    return kernel.wait(started, seen=messages), at


@pytest.mark.parametrize("phase", PHASES)
def test_interrupt_ends_the_request_on_the_wire(fault_kernel, server, phase):
    model, options, sign, text, status = PHASES[phase]
    fault_kernel.prepare(server.base_url, LATE_S)
    cell = f"%%chat -m {model} {options}\nhello there"
    ran, at = interrupted_at(fault_kernel, cell, sign)
    [sent] = server.requests[1:]
    if status != 503:
        assert sent.left.wait(PATIENCE_S)
        assert sent.left_at - at < WITHIN_S
    assert ran.status == "error"
    [line] = ran.error["traceback"]
    assert line.startswith("Interrupted: Stopped")
    assert "\n" not in line
    assert text.strip() in ran.text
    left = fault_kernel.report()
    row = one_row(left)
    assert (row["status"], row["error_kind"], row["attempts"]) == ("interrupted", "interrupted", 1)
    assert (row["reply"] or "").startswith(text)
    [attempt] = json.loads(row["attempt_log"])
    assert attempt.get("status") == status
    assert len(left["messages"]) == 2
    follows = Fault("", "echo", "ok", text="hello there")
    assert fault_kernel.kernel.run(f"%%chat\n{follows.text}").error is None


def test_run_all_stops_at_an_interrupted_cell_and_keep_enters_its_text(fault_kernel, server):
    fault_kernel.prepare(server.base_url, LATE_S)
    ran, _ = interrupted_at(fault_kernel, "%%chat -m stall-in-body\nhello there", "Hello")
    assert ran.status == "error"
    fault_kernel.kernel.run("chatnb.session().keep()")
    texts = [message["content"] for message in fault_kernel.report()["messages"]]
    assert texts[2:] == ["hello there", "Hello"]


def test_interrupted_samples_are_rows_and_the_rest_is_not_sent(fault_kernel, server):
    fault_kernel.prepare(server.base_url, LATE_S)
    options = "seeds=range(9), parallel=3, model='stall-before-headers', progress=False"
    cell = fault_kernel.kernel.start(f"taken = chatnb.sample('hello there', {options})")
    server.wait_for_requests(1 + 3)
    at = time.monotonic()
    fault_kernel.kernel.interrupt()
    ran = fault_kernel.kernel.wait(cell)
    assert (ran.status, ran.error) == ("ok", None)
    assert "3 of 9 samples were sent; they are kept" in ran.stdout
    sent = server.requests[1:]
    assert all(request.left.wait(PATIENCE_S) for request in sent)
    assert max(request.left_at for request in sent) - at < WITHIN_S
    rows = fault_kernel.report()["rows"]
    assert [(row["status"], row["attempts"]) for row in rows] == [("interrupted", 1)] * 3


def test_an_interrupted_question_is_one_line_and_a_row(fault_kernel, server):
    fault_kernel.prepare(server.base_url, LATE_S)
    code = "answer = chatnb.ask('hello there', model='stall-before-headers')"
    cell = fault_kernel.kernel.start(code)
    server.wait_for_requests(1 + 1)
    fault_kernel.kernel.interrupt()
    ran = fault_kernel.kernel.wait(cell)
    [line] = ran.error["traceback"]
    assert line.startswith("Interrupted: Stopped before any text came.")
    assert one_row(fault_kernel.report())["status"] == "interrupted"
    assert "NameError" in str(fault_kernel.kernel.run("answer").error)
