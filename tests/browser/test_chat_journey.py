"""What a user does with chatnb, in JupyterLab and in Notebook 7, with the embedded model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.browser.conftest import Open
from tests.loopback import LoopbackServer

START = Path(__file__).parents[2] / "notebooks" / "00-start-here.ipynb"

PICTURE = [
    "%load_ext chatnb\n%chat_connect local",
    "import chatnb\n\nchat = chatnb.session()\n"
    'chat.add("user", "Who was the first president of America?")\n'
    'chat.add("assistant", "George Washington.")',
    "%%chat --temperature 0\nFor how long?",
    "%%chat --fresh --temperature 0.8 --n 2 --seed 19 --max_tokens 20\nName a color.",
    "%chat_log",
]

HOSTILE = """<script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">
[link](javascript:window.hacked=3) ![beacon](BEACON) <iframe src="javascript:window.hacked=4">
</iframe><svg onload="window.hacked=5"></svg> <b onmouseover="window.hacked=6">bold</b>
<a data-commandlinker-command="notebook:restart-kernel">click</a>
"""


def connect(server: LoopbackServer) -> str:
    return f"%load_ext chatnb\n%chat_connect {server.base_url} -m echo"


@pytest.mark.model
def test_a_user_runs_the_first_notebook_from_top_to_bottom(open_notebook: Open) -> None:
    page = open_notebook(START, width=1000)
    page.run_all(timeout=240)
    saved = page.save()
    code = [cell for cell in saved["cells"] if cell["cell_type"] == "code"]
    assert not [cell for cell in code for out in cell["outputs"] if out["output_type"] == "error"]
    chats = [cell for cell in code if cell["source"] and cell["source"][0].startswith("%%chat")]
    assert len(chats) >= 4
    for cell in chats:
        (output,) = cell["outputs"]
        assert set(output["data"]) == {"text/html", "text/plain"}
        assert "tokens" in "".join(output["data"]["text/plain"])
    page.screenshot(f"first-notebook-{page.server.front_end}")


@pytest.mark.model
def test_the_picture_of_the_readme(open_in_lab: Open) -> None:
    """What a chat looks like; `make picture` puts it into the README."""
    page = open_in_lab(PICTURE, width=920, name="00-start-here")
    page.page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.run_all()
    page.select(0)
    page.screenshot("readme")


@pytest.mark.model
def test_a_cell_that_runs_again_replaces_its_turn(open_notebook: Open) -> None:
    page = open_notebook(
        [
            "%load_ext chatnb\n%chat_connect local\n%chat_set temperature=0 max_tokens=8",
            "%%chat\nName a color.",
            "%%chat\nName another one.",
            "%chat_history",
        ]
    )
    page.run_all()
    page.edit(1, "%%chat\nName an animal.")
    page.run(1)
    assert "re-run: replaces turn 1; turn 2 set aside" in page.text(1)
    page.run(3)
    shown = page.text(3)
    assert "Conversation main: 1 turn will be sent" in shown
    assert "set aside" in shown


@pytest.mark.model
def test_a_long_answer_streams_and_can_be_stopped(open_notebook: Open) -> None:
    page = open_notebook(
        [
            "%load_ext chatnb\n%chat_connect local",
            '%%chat --temperature 0 --extra {"ignore_eos": true} --max_tokens 2000\n'
            "Tell me a story about a dog.",
            "import chatnb\n"
            "print(chatnb.log()[['status', 'reply']].to_json(), len(chatnb.session().messages))",
        ]
    )
    page.run(0)
    page.start(1)
    page.wait_for_output(1, " dog")
    page.interrupt()
    page.wait_for_output(1, "Interrupted")
    page.wait_until_idle()
    assert " dog" in page.text(1)
    assert "Traceback" not in page.text(1)
    page.run(2)
    printed, messages = page.outputs(2)[0]["text"].rsplit(" ", 1)
    row = json.loads(printed)
    assert row["status"]["0"] == "interrupted"
    assert " dog" in row["reply"]["0"]
    assert int(messages) == 0


def test_hostile_text_stays_text(open_notebook: Open, server: LoopbackServer) -> None:
    """In an answer, in the history, in the log, and when the saved notebook is opened again."""
    prompt = HOSTILE.replace("BEACON", server.base_url + "/beacon.png")
    page = open_notebook([connect(server), f"%%chat\n{prompt}", "%chat_history", "%chat_log"])
    page.run_all()
    for cell in range(1, 4):
        page.select(cell)
        assert "hacked" in page.text(cell)
    assert page.page.evaluate("window.hacked") is None
    assert not page.dialogs
    page.save()
    page.page.reload()
    page.wait_until_idle()
    assert page.page.evaluate("window.hacked") is None
    assert not [request for request in server.requests if "beacon" in request.path]


def test_the_conversation_follows_cells_with_several_entries(
    open_notebook: Open, server: LoopbackServer
) -> None:
    """Two lines, a loop and a hand-written turn: run again, each is there once."""
    page = open_notebook(
        [
            connect(server),
            "import chatnb\nchat = chatnb.session()\n"
            "chat.add('user', 'a')\nchat.add('assistant', 'A')",
            "%chat b\n%chat c\nfor word in 'de':\n    %chat {{word}}",
            "%chat f",
        ]
    )
    page.run_all()
    for cell in (1, 2, 3):
        page.run(cell)
    sent = server.requests[-1].json["messages"]
    assert "".join(message["content"] for message in sent) == "aAbbccddeef"


def test_opening_a_notebook_sends_nothing(open_notebook: Open, server: LoopbackServer) -> None:
    page = open_notebook([connect(server), "%%chat\nHi"])
    page.run_all()
    sent = len(server.requests)
    page.save()
    page.page.reload()
    page.wait_until_idle()
    assert len(server.requests) == sent == 1


def test_nothing_moves_when_a_streamed_answer_ends(
    open_notebook: Open, server: LoopbackServer
) -> None:
    """The text does not jump: what stands above the receipt keeps its place."""
    page = open_notebook([connect(server), "%%chat -m slow\nHi"])
    page.run(0)
    page.start(1)
    page.wait_for_output(1, "text/html")
    page.select(1)
    top = page.page.evaluate(FIRST_TEXT)
    page.wait_until_idle()
    assert page.page.evaluate(FIRST_TEXT) == pytest.approx(top, abs=1)


FIRST_TEXT = """() => {
  const box = document.querySelector('.jp-OutputArea-output .chatnb-reply, .jp-OutputArea-output p')
    .getBoundingClientRect();
  return [box.left, box.top];
}"""
