"""Real kernels, timed as a front end sees them: when each message arrived, how long a cell took."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.manager import KernelManager

from tests.bench.environment import new_log
from tests.real_kernel import RealKernel

_SHOWS = ("display_data", "update_display_data", "execute_result", "stream", "clear_output")


@dataclass(frozen=True)
class Arrived:
    """One message of a cell, and when it came by time.monotonic()."""

    at: float
    kind: str
    content: dict[str, Any]

    def content_bytes(self) -> int:
        """What it brings, without its framing."""
        texts = [self.content.get("text", ""), *self.content.get("data", {}).values()]
        return sum(len(_as_text(text).encode()) for text in texts)


@dataclass(frozen=True)
class TimedRun:
    """What a cell sent to the front end, from its start to its end."""

    began: float
    ended: float
    messages: tuple[Arrived, ...]

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def shown(self) -> tuple[Arrived, ...]:
        """The messages that change what is on screen."""
        return tuple(
            message
            for message in self.messages
            if message.kind in _SHOWS or message.kind.startswith("comm_")
        )

    @property
    def streamed(self) -> tuple[Arrived, ...]:
        """Those while it streams: HTML alone. The final output has text/plain beside it."""
        return tuple(
            each for each in self.shown if "text/plain" not in each.content.get("data", {})
        )

    @property
    def printed(self) -> str:
        return "".join(each.content["text"] for each in self.messages if each.kind == "stream")


class TimedKernel(RealKernel):
    """A kernel whose cells are timed from the request to its idle status."""

    def __init__(self, directory: Path) -> None:
        self.manager = KernelManager()
        # ipykernel warns on stderr that loopback TCP is not encrypted.
        self.manager.start_kernel(cwd=str(directory), stderr=subprocess.DEVNULL)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def timed(self, code: str) -> TimedRun:
        """Run a cell; an error in it ends the figure."""
        began = time.monotonic()
        message_id = self.start(code)
        arrived = list(self._until_idle(message_id))
        self._reply(message_id, 60)
        for message in arrived:
            if message.kind == "error":
                raise RuntimeError(f"{message.content['ename']}: {message.content['evalue']}")
        return TimedRun(began, arrived[-1].at, tuple(arrived))

    def value(self, expression: str) -> Any:
        """What an expression gives there, by way of JSON."""
        return json.loads(self.timed(f"import json\nprint(json.dumps({expression}))").printed)

    def memory_mb(self) -> float:
        """Resident memory of the kernel's process, in MB."""
        provisioner: Any = self.manager.provisioner
        return float(psutil.Process(provisioner.pid).memory_info().rss) / 1e6

    def _until_idle(self, message_id: str) -> Iterator[Arrived]:
        socket, session = self.client.iopub_channel.socket, self.client.session
        while socket.poll(120_000):
            parts = socket.recv_multipart()
            at = time.monotonic()
            _, frames = session.feed_identities(parts)
            message = session.deserialize(frames)
            if message["parent_header"].get("msg_id") != message_id:
                continue
            yield Arrived(at, message["msg_type"], message["content"])
            if message["content"].get("execution_state") == "idle":
                return
        raise TimeoutError("the kernel said nothing for 120 s")


@contextmanager
def started_kernel(log: Path | None = None) -> Iterator[TimedKernel]:
    """A fresh kernel that has run a few empty cells, with a log of its own."""
    log = new_log(log)
    kernel = TimedKernel(log.parent)
    try:
        for _ in range(5):
            kernel.timed("pass")
        yield kernel
    finally:
        kernel.client.shutdown()
        kernel.manager.finish_shutdown()
        kernel.close()


@contextmanager
def connected_kernel(base_url: str, log: Path | None = None) -> Iterator[TimedKernel]:
    """A kernel in which `%%chat` and the bare SDK's `client` have both had their first reply."""
    with started_kernel(log) as kernel:
        kernel.timed(load_and_connect(base_url))
        kernel.timed(bare_start(base_url))
        kernel.timed(chat("Hello"))
        kernel.timed(RESET)
        yield kernel


RESET = "%chat_reset"


def load_and_connect(base_url: str) -> str:
    return f"%load_ext chatnb\n%chat_connect {base_url} -m echo\n%chat_set max_requests=1000000"


def bare_start(base_url: str) -> str:
    """Import the SDK, keep one client, make the first call."""
    return (
        "import openai\n"
        f"client = openai.OpenAI(base_url={base_url!r}, api_key='no-key-needed')\n"
        f"{bare_call('Hello')}"
    )


def chat(prompt: str, model: str = "echo") -> str:
    return f"%%chat -m {model}\n{prompt}"


def bare_call(prompt: str) -> str:
    """One call without history and display, as a user of the SDK would write it."""
    message = {"role": "user", "content": prompt}
    return (
        f"reply = client.chat.completions.create(model='echo', messages=[{message!r}])\n"
        "text = reply.choices[0].message.content"
    )


def bare_turn(prompt: str) -> str:
    """One call with the whole history, in a list that a user of the SDK would keep."""
    return (
        f"messages.append({{'role': 'user', 'content': {prompt!r}}})\n"
        "reply = client.chat.completions.create(model='echo', messages=messages)\n"
        "answer = reply.choices[0].message.content\n"
        "messages.append({'role': 'assistant', 'content': answer})"
    )


def bare_stream(prompt: str, model: str) -> str:
    """The loop that the SDK's own documentation shows, without display."""
    message = {"role": "user", "content": prompt}
    return (
        "text = ''\n"
        "for chunk in client.chat.completions.create(\n"
        f"    model={model!r}, messages=[{message!r}], stream=True\n"
        "):\n"
        "    if chunk.choices:\n"
        "        text += chunk.choices[0].delta.content or ''"
    )


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
