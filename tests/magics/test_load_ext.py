"""`%load_ext chatnb`: in every Jupyter it looks for an earlier conversation, and stays cheap."""

from __future__ import annotations

import json
import os

import pytest

from chatnb import log_lookup
from chatnb.errors import RequestFailed
from chatnb.magics.registration import say_resumable
from chatnb.request_log import RequestLog
from chatnb.sessions import Session
from tests.fake_backend import FakeBackend, connected

LESSON = "/somewhere/lesson.ipynb"
CHEAP = {
    "chatnb", "chatnb.errors", "chatnb.log_lookup", "chatnb.magics", "chatnb.magics.cell_prompts",
    "chatnb.magics.question_lines", "chatnb.magics.registration", "chatnb.playground",
    "chatnb.playground.panel_magic",
}  # fmt: skip


@pytest.fixture
def in_jupyter(log_path, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", LESSON)
    return log_path


@pytest.fixture
def earlier(log_path):
    """Gives the session of an earlier kernel of a notebook; its log is closed at the end."""
    logs = []

    def earlier(*answers, notebook=LESSON):
        logs.append(RequestLog(log_path, notebook=notebook))
        return Session(connected(FakeBackend(*answers)), logs[-1])

    yield earlier
    for log in logs:
        log.close()


def test_an_earlier_conversation_of_the_notebook_is_said_in_one_line(in_jupyter, earlier, capsys):
    chat = earlier()
    chat.send("first")
    chat.send("second", system="Be brief")
    say_resumable()
    said = capsys.readouterr().out
    assert said.startswith("The conversation of 20")
    assert said.endswith(" (2 turns) can go on: chatnb.session().resume()\n")


def test_it_is_the_last_one_that_was_answered_in_a_conversation(in_jupyter, earlier, capsys):
    earlier().send("first")
    later = earlier("fine", "fine", RequestFailed("down"))
    later.send("alone", fresh=True)
    later.ask("alone")
    with pytest.raises(RequestFailed):
        later.send("failed")
    say_resumable()
    assert "(1 turn) can go on" in capsys.readouterr().out


def test_other_notebooks_and_this_kernel_leave_nothing_to_resume(
    in_jupyter, earlier, backend, magics, capsys
):
    earlier(notebook="/somewhere/other.ipynb").send("first")
    magics.run_cell("%%chat\nHi")
    capsys.readouterr()
    magics.run_cell("%reload_ext chatnb")
    assert capsys.readouterr().out == ""


def test_looking_makes_no_file(in_jupyter, earlier):
    assert log_lookup.last_turns(in_jupyter, LESSON, "") is None
    assert not in_jupyter.parent.exists()
    chat = earlier()
    chat.send("first")
    chat.log.close()
    assert log_lookup.last_turns(in_jupyter, LESSON, "") is not None
    assert list(in_jupyter.parent.iterdir()) == [in_jupyter]


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_file_that_is_no_log_is_left_for_the_first_request_to_tell(in_jupyter, content, capsys):
    in_jupyter.parent.mkdir()
    in_jupyter.write_bytes(content)
    say_resumable()
    assert capsys.readouterr().out == ""
    assert in_jupyter.read_bytes() == content


def test_a_notebook_whose_path_is_no_text_is_left_alone(in_jupyter, earlier, monkeypatch, capsys):
    earlier().send("first")
    monkeypatch.setenv("JPY_SESSION_NAME", os.fsdecode(b"/\xff.ipynb"))
    say_resumable()
    assert capsys.readouterr().out == ""


@pytest.mark.kernel
def test_loading_in_jupyter_imports_no_engine(in_jupyter, earlier, kernel):
    earlier().send("first")
    ran = kernel.run(
        "import json, sys\n"
        "before = set(sys.modules)\n"
        "%load_ext chatnb\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    said, imported = ran.stdout.splitlines()
    assert "(1 turn) can go on: chatnb.session().resume()" in said
    of_others = ("IPython", "sqlite3", "platformdirs")
    found = {name for name in json.loads(imported) if not name.startswith(of_others)}
    assert found <= CHEAP
    assert kernel.run("%%chat?").error is None
