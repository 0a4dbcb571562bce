"""The conversation follows the notebook: cells edited, run again, looped, without ids."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.kernel


def prompts(server):
    return [m["content"] for m in server.requests[-1].json["messages"] if m["role"] == "user"]


def test_a_cell_that_runs_again_replaces_its_turn(chat_kernel, server):
    for cell in "abc":
        chat_kernel.run(f"%%chat\n{cell}", cell_id=cell)
    ran = chat_kernel.run("%%chat\nedited", cell_id="b")
    assert prompts(server) == ["a", "edited"]
    assert "re-run: replaces turn 2; turn 3 set aside" in ran.text
    chat_kernel.run("%%chat\nc", cell_id="c")
    assert prompts(server) == ["a", "edited", "c"]
    assert "set aside" in chat_kernel.run("%chat_history").text


def test_append_adds_a_turn(chat_kernel, server):
    chat_kernel.run("%%chat\na", cell_id="a")
    chat_kernel.run("%%chat --append\na", cell_id="a")
    assert prompts(server) == ["a", "a"]


def test_without_cell_ids_turns_append(chat_kernel, server):
    chat_kernel.run("%%chat\na")
    chat_kernel.run("%%chat\na")
    assert prompts(server) == ["a", "a"]


def test_two_lines_and_a_loop_in_one_cell_are_four_turns_again_and_again(chat_kernel, server):
    cell = "%chat a\n%chat b\nfor word in 'cd':\n    %chat {{word}}"
    for _ in range(2):
        chat_kernel.run(cell, cell_id="x")
        assert prompts(server) == ["a", "b", "c", "d"]


def test_a_message_added_in_a_cell_that_runs_again_is_there_once(chat_kernel, server):
    cell = (
        "import chatnb\nchat = chatnb.session()\n"
        "chat.add('user', 'Who?')\nchat.add('assistant', 'W.')"
    )
    for _ in range(2):
        chat_kernel.run(cell, cell_id="x")
    chat_kernel.run("%%chat\nHow long?", cell_id="y")
    roles = [message["role"] for message in server.requests[-1].json["messages"]]
    assert roles == ["user", "assistant", "user"]


def test_a_failed_cell_leaves_the_conversation_as_it_was(chat_kernel, server):
    chat_kernel.run("%%chat\na", cell_id="a")
    ran = chat_kernel.run("%%chat -m status-400\nb", cell_id="b")
    assert ran.status == "error"
    chat_kernel.run("%%chat\nc", cell_id="c")
    assert prompts(server) == ["a", "c"]


def test_the_conversation_comes_back_after_a_restart(log_path, server, tmp_path, monkeypatch):
    from tests.real_kernel import RealKernel

    monkeypatch.setenv("JPY_SESSION_NAME", "/somewhere/lesson.ipynb")
    load = f"%load_ext chatnb\n%chat_connect {server.base_url} -m echo"
    first = RealKernel(tmp_path)
    assert "resume" not in first.run(load).stdout
    first.run("%chat_system Be brief\n%chat a")
    first.run("%chat b")
    first.kill()
    second = RealKernel(tmp_path)
    try:
        assert "chatnb.session().resume()" in second.run(load).stdout
        second.run("import chatnb; chatnb.session().resume()")
        second.run("%chat c")
        assert prompts(server) == ["a", "b", "c"]
        assert server.requests[-1].json["messages"][0]["content"] == "Be brief"
    finally:
        second.close()
