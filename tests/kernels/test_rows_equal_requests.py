"""Whatever happens, in whatever order: the log's rows are the requests that the server saw."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter

import pytest

from tests.fault_table import FAULTS, SOON_S, Fault, tried

pytestmark = pytest.mark.kernel

EVENTS = 60
STALLED = ("slow", "stall-before-headers", "stall-in-body", "wait-a-minute", "sse-comments-only")
ROWS = """
import json
new = chatnb.log().iloc[before + 1:][
    ['prompt', 'status', 'attempts', 'model', 'attempt_log']
]
print(new.to_json(orient='values'))
"""


def faults_to_meet(chance: random.Random) -> list[tuple[Fault, bool]]:
    quick = [fault for fault in FAULTS if fault.of_class != "long"]
    return chance.sample(tried(quick), 40)


class Mix:
    """Cells of all kinds, each with a prompt of its own."""

    def __init__(self, kernel, server, chance: random.Random) -> None:
        self.kernel = kernel
        self.server = server
        self.chance = chance
        self.prompts = (f"prompt {number}" for number in range(10_000))

    def meets(self, fault: Fault, stream: bool) -> None:
        option = "--stream" if stream else "--no-stream"
        self.kernel.run(f"%%chat -m {fault.model} {option} {fault.options}\n{next(self.prompts)}")

    def interrupted(self) -> None:
        """At some moment after the server has the request."""
        self.patience(600)
        seen = len(self.server.requests)
        model = self.chance.choice(STALLED)
        cell = self.kernel.start(f"%%chat -m {model}\n{next(self.prompts)}")
        self.server.wait_for_requests(seen + 1)
        threading.Event().wait(self.chance.random() / 20)
        self.kernel.interrupt()
        self.kernel.wait(cell)
        self.patience(SOON_S)

    def answered(self) -> None:
        self.kernel.run(f"%%chat\n{next(self.prompts)}")

    def asked(self) -> None:
        self.kernel.run(f"chatnb.ask({next(self.prompts)!r}, model='status-503-then-ok')")

    def sampled(self) -> None:
        models = ["echo", "status-429", "html", "cut-mid-stream"]
        asked = f"{next(self.prompts)!r}, model={models}, progress=False"
        self.kernel.run(f"_ = chatnb.sample({asked})")

    def patience(self, seconds: float) -> None:
        self.kernel.run(f"%chat_set first_token_timeout={seconds} idle_timeout={seconds}")


@pytest.mark.parametrize("seed", [5])
def test_rows_and_attempts_equal_what_the_server_saw(fault_kernel, server, seed):
    chance = random.Random(seed)
    fault_kernel.prepare(server.base_url, SOON_S)
    mix = Mix(fault_kernel.kernel, server, chance)
    events = [lambda case=case: mix.meets(*case) for case in faults_to_meet(chance)]
    events += [mix.interrupted] * 12 + [mix.answered] * 4 + [mix.asked] * 2 + [mix.sampled] * 2
    assert len(events) == EVENTS
    chance.shuffle(events)
    for event in events:
        event()
    rows = json.loads(fault_kernel.kernel.run(ROWS).stdout)
    sent = Counter(request.json["messages"][-1]["content"] for request in server.requests[1:])
    assert {status for _, status, *_ in rows} <= {
        "ok", "refused", "partial", "empty", "error", "interrupted",
    }  # fmt: skip
    attempts: Counter[str] = Counter()
    for prompt, _, count, *_ in rows:
        attempts[prompt] += count or 0
    different = {prompt for prompt in attempts | sent if attempts[prompt] != sent[prompt]}
    assert [row for row in rows if row[0] in different] == []
    assert different == set()
    assert len(rows) == EVENTS + 6  # the samples of two cells are four rows each
