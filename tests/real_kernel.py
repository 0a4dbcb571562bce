"""A real kernel, as a front end sees it: run a cell, get what it displays."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager


@dataclass
class Ran:
    """What one cell left behind, as a saved notebook would keep it."""

    outputs: list[dict[str, Any]] = field(default_factory=list)
    streams: dict[str, str] = field(default_factory=lambda: {"stdout": "", "stderr": ""})
    error: dict[str, Any] | None = None
    status: str = "ok"
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def stdout(self) -> str:
        return self.streams["stdout"]

    @property
    def text(self) -> str:
        """The text/plain of all outputs, in order."""
        return "\n".join(output["data"].get("text/plain", "") for output in self.outputs)

    @property
    def html(self) -> str:
        """The text/html of all outputs, in order."""
        return "\n".join(output["data"].get("text/html", "") for output in self.outputs)


class RealKernel:
    """An ipykernel of its own process; `cell_id` is what JupyterLab would send along.

    `python` is that of another environment.
    """

    def __init__(self, directory: Path, *, python: Path | None = None) -> None:
        self.manager = _manager_for(python, directory) if python else KernelManager()
        self.manager.start_kernel(cwd=str(directory))
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str, *, cell_id: str | None = None, timeout: float = 120) -> Ran:
        """Run a cell to its end."""
        return self.wait(self.start(code, cell_id=cell_id), timeout=timeout)

    def start(self, code: str, *, cell_id: str | None = None) -> str:
        """Send a cell and return at once; `wait` takes what this returns."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        metadata = {"cellId": cell_id} if cell_id else {}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def wait(
        self, message_id: str, *, timeout: float = 120, seen: Iterable[dict[str, Any]] = ()
    ) -> Ran:
        """Everything that cell displays, once it has ended; `seen` was taken before."""
        collector = _Collector()
        for message in seen:
            collector.take(message)
        while True:
            message = self.next_message(message_id, timeout=timeout)
            collector.take(message)
            if _is_idle(message):
                break
        reply = self._reply(message_id, timeout)
        collector.ran.status = reply["content"]["status"]
        return collector.ran

    def next_message(self, message_id: str, *, timeout: float = 120) -> dict[str, Any]:
        """The next thing that cell sends to the front end."""
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=timeout)
            except Empty:
                raise AssertionError(f"the kernel said nothing for {timeout} s") from None
            if message["parent_header"].get("msg_id") == message_id:
                return dict(message)

    def _reply(self, message_id: str, timeout: float) -> dict[str, Any]:
        while True:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == message_id:
                return dict(reply)

    def interrupt(self) -> None:
        """What the front end's stop button does."""
        self.manager.interrupt_kernel()

    def kill(self) -> None:
        """kill -9, and nothing before it: shutting a kernel down interrupts it first."""
        self.manager.signal_kernel(signal.SIGKILL)
        self.manager.shutdown_kernel(now=True)

    def close(self) -> None:
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)


def _manager_for(python: Path, directory: Path) -> KernelManager:
    """A manager whose one kernel runs in another environment."""
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = directory / "kernels" / "other"
    spec.mkdir(parents=True)
    description = {"argv": argv, "display_name": "other", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(description), encoding="utf-8")
    known = KernelSpecManager(kernel_dirs=[str(spec.parent)], ensure_native_kernel=False)
    return KernelManager(kernel_name="other", kernel_spec_manager=known)


def _is_idle(message: dict[str, Any]) -> bool:
    return message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"


class _Collector:
    """Applies display, update and clear messages as a front end does."""

    def __init__(self) -> None:
        self.ran = Ran()
        self._clear_before_next = False

    def take(self, message: dict[str, Any]) -> None:
        self.ran.messages.append(message)
        handler = getattr(self, f"_{message['msg_type']}", None)
        if handler is not None:
            handler(message["content"])

    def _display_data(self, content: dict[str, Any]) -> None:
        self._make_room()
        self.ran.outputs.append(dict(content))

    _execute_result = _display_data

    def _update_display_data(self, content: dict[str, Any]) -> None:
        display_id = content["transient"]["display_id"]
        for output in self.ran.outputs:
            if output.get("transient", {}).get("display_id") == display_id:
                output.update(data=content["data"], metadata=content["metadata"])

    def _stream(self, content: dict[str, Any]) -> None:
        self._make_room()
        self.ran.streams[content["name"]] += content["text"]

    def _error(self, content: dict[str, Any]) -> None:
        self._make_room()
        self.ran.error = content

    def _clear_output(self, content: dict[str, Any]) -> None:
        self._clear_before_next = True
        if not content["wait"]:
            self._make_room()

    def _make_room(self) -> None:
        if self._clear_before_next:
            self.ran.outputs.clear()
            self.ran.streams.update(stdout="", stderr="")
            self._clear_before_next = False
