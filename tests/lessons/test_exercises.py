"""`check` and `hint`: found by number, judged by the log, never a traceback for a student."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chatnb import kernel
from chatnb.errors import InvalidInput
from chatnb.lessons import Finding, check, exercise, exercises, hint
from tests.fake_backend import FakeBackend, connected


@pytest.fixture
def session(shell: Any, log_path: Path) -> Any:
    """This kernel's session, answered by a fake; its rows are what checks read."""
    this = kernel.this_kernel()
    this.connected = connected(FakeBackend())()
    return this.session


@pytest.fixture(autouse=True)
def exercises_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    exercises.exercises()  # a lesson is imported once in a process
    monkeypatch.setattr(exercises, "_known", dict(exercises._known))
    monkeypatch.setattr(exercises, "_asked", {})


def one_request(rows: Any) -> Finding:
    return Finding(len(rows) >= 1, f"{len(rows)} requests", "One is enough.")


def test_a_check_reads_the_log_of_this_kernel(session: Any) -> None:
    exercise("my.1")(one_request)
    assert not check("my.1")
    session.send("Hello")
    finding = check("my.1")
    assert finding
    assert finding == Finding(True, "1 requests", "One is enough.", "my.1")


def test_an_exercise_may_ask_for_a_value(session: Any) -> None:
    @exercise("my.2")
    def names_the_field(rows: Any, answer: str) -> Finding:
        return Finding(answer.lower() == "finish_reason", answer, "It says why it stopped.")

    assert check("my.2", "finish_reason")
    assert not check("my.2", "usage")
    assert not check("my.2")
    assert check("my.2").measured == "no answer given"


def test_an_answer_that_cannot_be_read_is_no_traceback(session: Any) -> None:
    @exercise("my.3")
    def is_long(rows: Any, answer: str) -> Finding:
        return Finding(len(answer) > 3, answer, "")

    finding = check("my.3", 12)
    assert not finding
    assert finding.measured == "int, 12"


def test_an_answer_where_none_is_asked_for_is_one_line(session: Any) -> None:
    exercise("my.4")(one_request)
    with pytest.raises(InvalidInput, match="takes no answer, it reads the log"):
        check("my.4", 3)


def test_an_unknown_number_names_those_there_are(session: Any) -> None:
    with pytest.raises(InvalidInput, match=r"no exercise '00.7'\. There are: 00\.1"):
        check("00.7")
    exercise("my.1")(one_request)
    with pytest.raises(InvalidInput, match=r"no exercise 'my.2'\. There are: my\.1\."):
        hint("my.2")
    with pytest.raises(InvalidInput, match=r"There are: 00\.1, .*my\.1"):
        check("../sys")
    with pytest.raises(InvalidInput, match="no exercise 5"):
        check(5)  # type: ignore[arg-type]


def test_hints_come_one_rung_at_a_time_and_then_no_more() -> None:
    exercise("my.5", hints=("vague", "plainer", "plain"))(one_request)
    shown = [str(hint("my.5")) for _ in range(4)]
    assert shown[0] == "1. vague\n2 more: hint('my.5') again"
    assert shown[1].splitlines()[:2] == ["1. vague", "2. plainer"]
    assert shown[2] == shown[3] == "1. vague\n2. plainer\n3. plain\nThat was the last hint."


def test_an_exercise_without_hints_says_so() -> None:
    exercise("my.6")(one_request)
    assert str(hint("my.6")) == "This exercise has no hints."


def test_an_exercise_that_is_defined_again_replaces_the_first(session: Any) -> None:
    exercise("my.7")(one_request)
    exercise("my.7")(lambda rows: Finding(True, "the second", ""))
    assert check("my.7").measured == "the second"


def test_every_exercise_of_the_kit_has_three_hints() -> None:
    own = [number for number in exercises.exercises() if number[:2].isdigit()]
    assert own
    assert {len(exercises._known[number].hints) for number in own} == {3}


def test_only_the_lesson_that_is_asked_for_is_imported() -> None:
    code = (
        "import sys; from chatnb.lessons import hint; hint('00.1')\n"
        "names = [name for name in sys.modules if 'lesson_' in name]\n"
        "heavy = [name for name in ('matplotlib', 'numpy', 'openai') if name in sys.modules]\n"
        "print(names, heavy)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.stdout.strip() == "['chatnb.lessons.lesson_00'] []", result.stderr


def test_a_finding_shows_itself_as_html_and_as_text() -> None:
    finding = Finding(True, "<b>$1$</b>", "because", "05.1")
    shown = finding._repr_mimebundle_()
    assert shown["text/plain"] == "05.1 passed: <b>$1$</b>\nbecause"
    assert "&lt;b&gt;$1$&lt;/b&gt;" in shown["text/html"]
    assert "mathjax_ignore" in shown["text/html"]
    assert "not yet" in Finding(False, "0 rows", "")._repr_mimebundle_()["text/html"]


def test_a_finding_lets_no_control_character_onto_a_terminal() -> None:
    assert str(Finding(False, "red \x1b[31m", "")) == "not yet: red [31m"
