"""What a server says reaches a terminal as text: nothing that it obeys."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatnb import cli
from chatnb.errors import RequestFailed
from chatnb.lab import notebooks_folder
from tests.loopback import USAGE, Exchange, LoopbackServer, completion, delta
from tests.misbehavior import answers

# A title, a cleared screen, a hyperlink, C1's own CSI, an overwritten line, reversed text.
OBEYED = "own\x1b]0;title\x07ed\x1b[2J\x1b]8;;http://x\x1b\\link\x9b31m\rover\x08\u202eback"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

SESSION = """
shell = get_ipython()
for cell in (
    "%load_ext chatnb",
    "%chat_connect {base_url} -m escapes",
    "%%chat\\nHello",
    "%chat Hello",
    "%%chat -m escapes-in-error\\nHello",
    "%%chat -m escapes-in-stream-error\\nHello",
    "%%chat -m escapes-in-refusal\\nHello",
    "%%chat -m escapes-in-names\\nHello",
    "%%chat --fresh\\nred \\x1b[31m \\x9b2J",
    "%chat_history",
    "%chat_log",
    "%chat_connect http://\\x1b[31m",
    "%chat_set stop=\\x1b[31m",
    "%chat_set conversation=own\\x1b[31m\\x9b2J",
    "import chatnb; chatnb.session()",
    "%chat_set conversation=unset",
    "%chat_set",
    "import chatnb; chatnb.session().last.reply",
    "chatnb.log()",
):
    shell.run_cell(cell, silent=False, store_history=True)
"""


@answers("escapes")
def escapes(exchange: Exchange) -> None:
    exchange.begin_stream()
    for letter in OBEYED:
        exchange.text(letter)
    exchange.finish()


@answers("escapes-in-error")
def escapes_in_error(exchange: Exchange) -> None:
    exchange.json({"error": {"message": OBEYED, "code": OBEYED, "param": OBEYED}}, 400)


@answers("escapes-in-stream-error")
def escapes_in_stream_error(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.text("Hello")
    exchange.event({"error": {"message": OBEYED}})
    exchange.end()


@answers("escapes-in-refusal")
def escapes_in_refusal(exchange: Exchange) -> None:
    value = completion(None)
    value["choices"][0]["message"]["refusal"] = OBEYED
    exchange.json(value)


@answers("escapes-in-names")
def escapes_in_names(exchange: Exchange) -> None:
    value = delta({"content": "Hello", "reasoning_content": OBEYED}, OBEYED)
    exchange.begin_stream()
    exchange.event(value | {"model": OBEYED, "usage": USAGE})
    exchange.event(b"[DONE]")
    exchange.end()


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as server:
        yield server


def test_nothing_that_a_terminal_obeys_is_printed(
    tmp_path: Path, log_path: Path, server: LoopbackServer
) -> None:
    script = tmp_path / "session.ipy"
    script.write_text(SESSION.replace("{base_url}", server.base_url), encoding="utf-8")
    command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    printed = (done.stdout + done.stderr).decode()
    assert printed.count("own") >= 10
    assert len(server.requests) >= 7
    assert "No requests" not in printed
    assert not [line for line in printed.splitlines() if CONTROLS.search(line)]


def test_the_name_of_a_file_is_text_for_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / OBEYED.replace("/", "")
    directory.mkdir()
    monkeypatch.setenv("CHATNB_LOG", str(directory / "log.sqlite"))
    monkeypatch.setenv("CHATNB_GGUF", str(directory))
    for command in (
        ["log", "export", str(directory / "l.csv")],
        ["log", "export", str(directory / "l.csv")],
        ["log", "purge"],
        ["local", "fetch"],
    ):
        cli.main(command)
    (directory / "log.sqlite").write_text("no database")
    cli.main(["log", "export", str(directory / "m.csv")])
    notebooks_folder(directory)
    told = capsys.readouterr()
    printed = told.out + told.err
    assert printed.count("]0;title") >= 6
    assert not [line for line in printed.split("\n") if CONTROLS.search(line)]


def test_the_line_of_an_error_is_one_line() -> None:
    error = RequestFailed(f"It says:\n\n{OBEYED}\u2028end")
    assert not CONTROLS.search(error.line)
    assert str(error).splitlines() == [error.line]
    assert error.line.startswith("It says: own")
