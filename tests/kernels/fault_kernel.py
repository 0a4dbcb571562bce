"""A kernel that is led through one fault after another, and what each must leave behind."""

from __future__ import annotations

import json
from hashlib import sha256

from tests.fault_table import CANARY, FAULTS, KEY_VARIABLE, Fault
from tests.real_kernel import RealKernel

ENTERS = ("ok", "refused")

PREPARE = """
%chat_connect {base_url} -m echo --key {key}
%chat_reset
%chat_set first_token_timeout={patience} idle_timeout={patience}
before = len(chatnb.log())
%chat the turn before
'the value before'
"""
# As one JSON text: what the cell left in the log, the conversation and IPython's own variables.
REPORT = """
import json
rows = chatnb.log()
new = rows.iloc[before + 1:]
print(json.dumps({
    'rows': json.loads(new[[
        'status', 'error_kind', 'error', 'error_detail', 'reply', 'reasoning', 'attempts',
        'attempt_log', 'http_status', 'choices', 'finish_reason',
        'seconds', 'prompt', 'model', 'stream',
        'prompt_tokens', 'completion_tokens', 'total_tokens', 'response',
    ]].to_json(orient='records', double_precision=15)),
    'started': int((rows['status'] == 'started').sum()),
    'messages': chatnb.session().messages,
    'value': repr(_),
    'outs': len(Out),
    'canary': sum(CANARY in str(value) for value in new.astype(str).to_numpy().ravel()),
}))
"""


class FaultKernel:
    """A kernel that is led through one fault after another."""

    def __init__(self, kernel: RealKernel) -> None:
        self.kernel = kernel
        self.kernel.run(
            "%load_ext chatnb\nimport chatnb\n%chat_set max_requests=100000\n"
            # A server that resets cannot say how long to wait.
            "from chatnb.wire import retries\nretries.FIRST_WAIT_S = 0.001\n"
            f"CANARY = {CANARY!r}"
        )

    def meet(self, fault: Fault, stream: bool, base_url: str, then_url: str | None = None):
        """The cell that meets the fault, and what it left behind.

        `then_url`: where the fault is, if not where the turn before was.
        """
        self.prepare(base_url, fault.patience_s)
        if then_url:
            self.kernel.run(f"%chat_connect {then_url} -m echo --key {KEY_VARIABLE}")
        outs = self.outs()
        options = f'-m "{fault.model}" {"--stream" if stream else "--no-stream"} {fault.options}'
        ran = self.kernel.run(f"%%chat {options}\nhello there")
        left = self.report()
        assert left["outs"] == outs
        assert left["value"] == "'the value before'"
        return ran, left

    def prepare(self, base_url: str, patience: float) -> None:
        """Connected there, with one turn in an otherwise empty conversation."""
        prepared = self.kernel.run(
            PREPARE.format(base_url=base_url, key=KEY_VARIABLE, patience=patience)
        )
        assert prepared.error is None, prepared.error

    def report(self):
        """What is left of everything since: rows, conversation, IPython's own variables."""
        report = self.kernel.run(REPORT)
        assert report.error is None, report.error
        return json.loads(report.stdout)

    def outs(self) -> int:
        return int(self.kernel.run("print(len(Out))").stdout)


def one_row(left):
    """The row of the fault: there is one, it has ended, and no key is in it."""
    assert left["started"] == 0
    assert left["canary"] == 0
    [row] = left["rows"]
    assert row["seconds"] > 0
    assert row["prompt"] == "hello there"
    return row


def short(text: str) -> str:
    return text if len(text) < 1_000 else f"{len(text)} {sha256(text.encode()).hexdigest()}"


def assert_row(row, fault: Fault, host: str) -> None:
    assert (row["status"], row["error_kind"]) == (fault.status, fault.kind)
    assert row["model"] == fault.model
    assert row["http_status"] == fault.http_status
    assert short(row["reply"] or "") == short(fault.text)
    assert row["attempts"] == len(fault.attempts)
    attempts = json.loads(row["attempt_log"])
    assert [attempt.get("status") for attempt in attempts] == list(fault.attempts)
    assert all(attempt["wait"] > 0 for attempt in attempts[:-1])
    assert "wait" not in attempts[-1]
    if fault.status in ENTERS:
        assert (row["error"], row["error_detail"]) == (None, None)
    else:
        assert row["error"].startswith(fault.line_of(host))
        assert row["error_detail"].startswith(f"{fault.error.__name__}: {row['error']}")


def assert_cell(ran, fault: Fault, host: str) -> None:
    """An answer returns, anything else raises one line; what had come stays on screen."""
    for word in fault.text.split()[:10]:
        assert word in ran.text
        assert word in ran.html
    assert "None" not in ran.text
    if fault.status in ENTERS:
        assert (ran.status, ran.error) == ("ok", None)
        return
    assert ran.status == "error"
    [line] = ran.error["traceback"]
    assert "\n" not in line
    assert line.startswith(f"{fault.error.__name__}: {fault.line_of(host)}")
    assert CANARY not in str(ran.messages)


def assert_conversation(left, fault: Fault) -> None:
    """An answer entered it; any other end left no trace, no dangling prompt either."""
    before = ["the turn before", "the turn before"]
    after = ["hello there", short(fault.text)] if fault.status in ENTERS else []
    assert [short(message["content"]) for message in left["messages"]] == before + after


def named(model: str) -> Fault:
    return next(fault for fault in FAULTS if fault.model == model)
