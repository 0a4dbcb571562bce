"""The first notebook without a browser: its cells in a real kernel, its answers on a terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any, TextIO

from chatnb.errors import ChatError
from chatnb.lab import FIRST_NOTEBOOK, shipped_notebooks
from chatnb.rendering import terminal_text

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

Message = dict[str, Any]
SHOWS = ("display_data", "update_display_data", "execute_result")
PROMPT, CONTINUED = ">>> ", "... "
FOLLOW = "from chatnb.demo import print_answers; print_answers()"
STARTUP_TIMEOUT = 60.0
PICTURE = "(a picture: see it in `chatnb lab`)"
QUIET = ["--InteractiveShell.colors=nocolor", "--log-level=ERROR"]


def run_demo(notebook: Path | None = None, out: TextIO | None = None) -> int:
    """Run the notebook's cells one after the other; 0, or 1 where a cell failed."""
    if find_spec("jupyter_client") is None or find_spec("ipykernel") is None:
        raise ChatError('There is no Jupyter kernel here: pip install "chatnb[lab]"')
    from jupyter_client.manager import KernelManager

    # Not one of the working directory: that may be anybody's, and its cells would be run unseen.
    path = notebook or shipped_notebooks() / FIRST_NOTEBOOK
    terminal = Terminal(out or sys.stdout)
    manager = KernelManager()
    manager.start_kernel(cwd=str(path.parent), extra_arguments=QUIET)
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=STARTUP_TIMEOUT)
        return _run_cells(client, path, terminal)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def print_answers() -> None:
    """In the demo's kernel: print every answer as it grows."""
    from chatnb.kernel import session

    shown = 0

    def follow(change: Mapping[str, Any]) -> None:
        nonlocal shown
        live = change["new"].live
        text = live.texts[0] if live is not None and live.texts else ""
        print(text[shown:], end="", flush=True)
        shown = len(text)

    session().observe(follow, "state")


def _run_cells(client: BlockingKernelClient, path: Path, terminal: Terminal) -> int:
    client.execute(FOLLOW, silent=True)
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            terminal.text(source)
        elif cell["cell_type"] == "code" and source.strip():
            terminal.prompt(source)
            for message in _messages(client, source):
                terminal.take(message)
            if terminal.failed:
                return 1
    return 0


def _messages(client: BlockingKernelClient, source: str) -> Iterator[Message]:
    """What the kernel sends to the front end while one cell runs."""
    message_id = client.execute(source, allow_stdin=False)
    while True:
        message = _next_message(client)
        if message["parent_header"].get("msg_id") != message_id:
            continue
        yield message
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return


def _next_message(client: BlockingKernelClient) -> Message:
    while True:
        try:
            return client.get_iopub_msg(timeout=1)
        except Empty:
            # A cell may be silent for long; only a kernel that is gone says nothing more.
            if not client.is_alive():
                raise ChatError("The kernel died while it ran this cell.") from None


class Terminal:
    """Prints what a notebook would show, each piece of it once.

    An answer is printed as it grows, then displayed whole in the place of what was shown, as in a
    notebook. A terminal cannot take back, so what is on it already is left out.
    """

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.failed = False
        self._at_line_start = True
        self._shown = ""
        self._cleared = ""

    def text(self, markdown: str) -> None:
        self._write(f"\n{markdown.strip()}\n")

    def prompt(self, source: str) -> None:
        self._shown = self._cleared = ""
        lines = source.rstrip().splitlines()
        marks = [PROMPT] + [CONTINUED] * (len(lines) - 1)
        self._write(
            "\n" + "".join(f"{mark}{line}\n" for mark, line in zip(marks, lines, strict=True))
        )

    def take(self, message: Message) -> None:
        """One message of the kernel."""
        content, kind = message["content"], message["msg_type"]
        if kind == "stream":
            self._show(content["text"])
        elif kind in SHOWS and (text := as_text(content["data"])):
            shown = self._shown if kind == "update_display_data" else self._cleared
            self._show(new_part(shown, text) + "\n")
            self._cleared = ""
        elif kind == "clear_output":
            self._cleared, self._shown = self._shown, ""
        elif kind == "error":
            self.failed = True
            self._write("" if self._at_line_start else "\n")
            self._write("\n".join(content["traceback"]) + "\n")

    def _show(self, text: str) -> None:
        self._shown += text
        self._write(text)

    def _write(self, text: str) -> None:
        self._at_line_start = text.endswith("\n") if text else self._at_line_start
        self.out.write(terminal_text(text))
        self.out.flush()


def as_text(data: Mapping[str, Any]) -> str:
    """What a terminal shows of an output; a picture's text is only the name of its type."""
    text = str(data.get("text/plain", ""))
    is_picture = any(kind.startswith("image/") for kind in data)
    return PICTURE if is_picture and re.fullmatch(r"(<.*>)?", text) else text


def new_part(shown: str, text: str) -> str:
    """What of the text is not on the screen yet; all of it, on a new line, where it is another.

    >>> new_part("A joke", "A joke: why")
    ': why'

    White space does not count: an answer that streamed block by block is drawn whole at its end.
    """
    rest = iter(range(len(text)))
    for character in (character for character in shown if not character.isspace()):
        position = next((at for at in rest if not text[at].isspace()), None)
        if position is None or text[position] != character:
            return f"\n{text}"
    return text[next(rest, len(text)) :]
