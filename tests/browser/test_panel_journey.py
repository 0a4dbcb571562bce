"""What a user does with the panel, in JupyterLab and in Notebook 7."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from tests.browser.conftest import Open
from tests.browser.panel_page import PanelPage, connect_to
from tests.loopback import LoopbackServer
from tests.waiting import wait_for


@pytest.fixture
def panel(open_notebook: Open, server: LoopbackServer) -> PanelPage:
    return PanelPage.open(open_notebook, connect_to(server), width=1500)


@pytest.mark.model
def test_a_prompt_sent_in_the_panel_is_answered_by_the_embedded_model(open_notebook: Open) -> None:
    connect = "%chat_connect local\n%chat_set max_tokens=20"  # others may be asking it meanwhile
    panel = PanelPage.open(open_notebook, connect, width=1500)
    panel.send("Name a color.")
    turn = panel.wait_for_turn()
    assert "SmolLM2-135M-Instruct on this machine" in turn.inner_text()
    assert panel.ask("chatnb.log()[['source', 'status']].values.tolist()") == [["panel", "ok"]]
    panel.screenshot("embedded")


def test_the_transcript_keeps_its_place_when_its_cell_leaves_the_page(
    open_notebook: Open, server: LoopbackServer
) -> None:
    asked = "\n".join(f"%chat question {number}" for number in range(8))
    connect = f"{connect_to(server)}\n{asked}"
    panel = PanelPage.open(open_notebook, connect, width=900)
    panel.turns().nth(7).wait_for()
    transcript = panel.root.get_by_role("region", name="Transcript")
    hidden = "box => box.scrollHeight - box.scrollTop - box.clientHeight"
    drawn = "await new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)));"
    # As JupyterLab does with cells that are out of sight.
    leave = f"""async panel => {{
        const at = panel.parentNode;
        panel.remove(); {drawn}
        at.append(panel); {drawn}
    }}"""
    assert transcript.evaluate("box => box.scrollHeight > box.clientHeight + 100")
    wait_for(lambda: transcript.evaluate(hidden) < 5, "the newest turn to be in sight")
    panel.root.evaluate(leave)
    wait_for(lambda: transcript.evaluate(hidden) < 5, "the newest turn to be in sight again")
    transcript.evaluate(f"async box => {{ box.scrollTop = 50; {drawn} }}")
    panel.root.evaluate(leave)
    wait_for(lambda: transcript.evaluate("box => box.scrollTop") == 50, "the reader's place")


def test_a_slider_moved_by_keyboard_reaches_the_wire_and_unset_is_absent(
    panel: PanelPage, server: LoopbackServer
) -> None:
    panel.send("Hello")
    panel.wait_for_turn()
    assert "temperature" not in server.requests[-1].json
    slider = panel.root.get_by_role("slider", name="temperature")
    slider.focus()
    for _ in range(3):
        panel.page.keyboard.press("ArrowLeft")
    wait_for(
        lambda: panel.ask("chatnb.session().parameters.temperature") == 0.85,
        "the slider's value in the kernel",
    )
    panel.send("Hello")
    panel.wait_for_turn(2)
    assert server.requests[-1].json["temperature"] == 0.85
    slider.focus()
    panel.page.keyboard.press("Delete")
    panel.send("Hello")
    panel.wait_for_turn(3)
    assert "temperature" not in server.requests[-1].json


def test_an_answer_given_in_a_cell_appears_in_the_panel_as_it_streams(panel: PanelPage) -> None:
    panel.use("slow")
    panel.start("%%chat\nTell me")
    panel.live().get_by_text("word word word").first.wait_for()
    assert panel.turns().count() == 0
    panel.notebook.interrupt()
    panel.unfinished().wait_for()


@pytest.mark.parametrize(
    "model", ["slow", "stall-in-body", "stall-before-headers", "wait-a-minute"]
)
def test_stop_ends_the_request_on_the_wire(
    panel: PanelPage, server: LoopbackServer, model: str
) -> None:
    """While it streams, stalled, before its headers, and while it waits for another try."""
    panel.use(model)
    panel.send("Hello")
    wait_for(lambda: server.requests, "the request")
    panel.root.locator(".chatnb-live").wait_for()
    if model == "slow":
        panel.live().get_by_text("word").first.wait_for()
    count = len(server.requests)
    clicked = time.monotonic()
    panel.button("Stop").click()
    panel.unfinished().wait_for()
    if model != "wait-a-minute":
        received = server.requests[-1]
        assert received.left.wait(5)
        assert received.left_at is not None
        assert received.left_at - clicked < 2  # 0.2 s on a machine with nothing else to do
    assert len(server.requests) == count
    row = panel.ask("chatnb.log()[['status', 'reply']].fillna('').values.tolist()[-1]")
    assert row[0] == "interrupted"
    assert (model == "slow") == ("word" in row[1])
    assert panel.prompt.input_value() == "Hello"


@pytest.fixture
def nobody() -> Iterator[socket.socket]:
    """A server whose queue is full: a connection to it hangs until it is closed."""
    with contextlib.ExitStack() as held:
        server = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = held.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses")
def test_while_a_connection_hangs_there_is_a_word_and_stop_gives_the_panel_back(
    open_in_lab: Open, server: LoopbackServer, nobody: socket.socket
) -> None:
    address = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
    connect = f"%chat_connect {address} -m echo\n%chat_set connect_timeout=120"
    panel = PanelPage.open(open_in_lab, connect, width=1500)
    panel.send("Hello")
    panel.root.get_by_text("no connection to 127.0.0.1").wait_for()
    panel.button("Stop").click()
    panel.unfinished().wait_for()
    assert "gives up connecting within 120 s" in panel.unfinished().inner_text()
    assert panel.prompt.input_value() == "Hello"

    def refused() -> bool:
        """A machine with much to do may also say that its kernel is busy."""
        panel.button("Send").click()
        return "The stopped request gives up connecting" in panel.root.inner_text()

    wait_for(refused, "the line that nothing can be sent yet")
    assert panel.ask("chatnb.session().busy")
    nobody.close()
    panel.unfinished().get_by_text("Stopped before any text came.").wait_for(timeout=90_000)
    panel.run(f"%chat_connect {server.base_url} -m echo")
    panel.button("Send").click()
    panel.wait_for_turn()
    assert panel.ask("chatnb.log()['status'].tolist()") == ["interrupted", "ok"]


def test_send_pressed_while_a_cell_runs_sends_nothing_late(
    open_notebook: Open, server: LoopbackServer
) -> None:
    """The first message of a page waits for the cell, whatever the front end's settings."""
    panel = PanelPage.open(
        open_notebook,
        connect_to(server),
        panel="import time\nimport chatnb\ndisplay(chatnb.panel())\n",
        width=1500,
    )
    panel.start("import time\nprint('begun')\ntime.sleep(5)")
    panel.notebook.wait_for_output(panel.free, "begun")
    panel.prompt.fill("Hello")
    panel.button("Send").click()
    panel.button("Send").click(force=True)
    wait_for(lambda: server.requests or "busy" in panel.root.inner_text(), "an answer, or the line")
    sent_at_once = len(server.requests)
    panel.notebook.wait_until_idle()
    panel.ask("1")  # whatever waited has been carried out by now
    assert len(server.requests) == sent_at_once
    assert sent_at_once <= 1
    if not sent_at_once:
        assert "The kernel is busy; interrupt stops it." in panel.root.inner_text()
        assert panel.prompt.input_value() == "Hello"


def test_regenerate_undo_revert_and_edit(panel: PanelPage, server: LoopbackServer) -> None:
    panel.send("one")
    panel.wait_for_turn()
    panel.button("Regenerate").click()
    panel.root.locator(".chatnb-stale").wait_for()
    assert len(server.requests) == 2
    panel.button("Undo").click()
    panel.root.get_by_text("Took back the re-run of turn 1.").wait_for()
    panel.button("Revert").click()
    panel.root.locator(".chatnb-stale").wait_for()
    live = panel.root.locator("article.chatnb-turn")
    live.get_by_role("button", name="Edit prompt").click()
    panel.root.get_by_label("New words").fill("two")
    panel.button("Send again").click()
    wait_for(lambda: len(server.requests) == 3, "the edited prompt")
    assert server.requests[-1].json["messages"] == [{"role": "user", "content": "two"}]


def test_the_second_of_three_choices_is_kept(panel: PanelPage, server: LoopbackServer) -> None:
    panel.use("interleaved-choices")
    panel.send("Count")
    panel.wait_for_turn()
    panel.button("Keep this one").click()
    panel.root.locator(".chatnb-card:nth-child(2).chatnb-kept").wait_for()
    assert panel.ask("chatnb.session().messages[-1]['content']").startswith("1:one")
    panel.send("Count again")
    panel.wait_for_turn(2)
    first = panel.turns().first
    first.get_by_role("button", name="Keep this one").click()
    first.locator(".chatnb-card:nth-child(1).chatnb-kept").wait_for()
    said = panel.ask("[each['content'][:5] for each in chatnb.session().messages]")
    assert said == ["Count", "0:one", "Count", "0:one"]


def test_the_answer_to_a_picture_is_edited_and_not_its_prompt(
    open_in_lab: Open, server: LoopbackServer
) -> None:
    parts = [{"type": "text", "text": "What is this?"}]
    asked, answered = {"role": "user", "content": parts}, {"role": "assistant", "content": "A cat."}
    load = f"import chatnb\nchatnb.session().load({[asked, answered]})"
    panel = PanelPage.open(open_in_lab, f"{connect_to(server)}\n{load}", width=1500)
    panel.button("Edit answer").click()
    panel.root.get_by_label("New words").fill("A dog.")
    panel.button("Save").click()
    panel.root.get_by_text("A dog.").wait_for()
    edited = {**answered, "content": "A dog."}
    assert panel.ask("chatnb.session().messages") == [asked, edited]


def test_what_failed_in_one_conversation_is_not_shown_in_another(
    open_in_lab: Open, server: LoopbackServer
) -> None:
    panel = PanelPage.open(open_in_lab, connect_to(server, "text-400"), width=1500)
    panel.send("Hello")
    panel.unfinished().wait_for()
    panel.run("import chatnb\nchatnb.session().settings.conversation = 'other'")
    panel.unfinished().wait_for(state="hidden")
    panel.root.get_by_text("Nothing has been said yet.").wait_for()
    panel.run("chatnb.session().settings.conversation = None")
    panel.unfinished().wait_for()
    assert not panel.root.get_by_text("Nothing has been said yet.").is_visible()


def test_reset_removes_a_system_message_before_the_first_turn_too(
    open_in_lab: Open, server: LoopbackServer
) -> None:
    connect = f"{connect_to(server)}\n%chat_system Be brief."
    panel = PanelPage.open(open_in_lab, connect, width=1500)
    panel.root.get_by_text("System message: Be brief.").wait_for()
    panel.button("Reset").click()
    panel.root.get_by_text("System message: none").wait_for()
    assert panel.button("Reset").is_disabled()


def test_a_second_view_of_a_panel_leaves_what_is_typed_in_the_first(
    open_in_lab: Open, server: LoopbackServer
) -> None:
    shown = "import chatnb\nplayground = chatnb.panel()\nplayground"
    panel = PanelPage.open(open_in_lab, connect_to(server), panel=shown, width=1500)
    panel.send("Hello")
    panel.wait_for_turn()
    panel.button("Edit prompt").click()
    panel.root.get_by_label("New words").fill("Good evening")
    panel.run("display(playground)")
    second = panel.page.locator(".chatnb-panel").nth(1)
    second.locator("article.chatnb-turn").wait_for()
    panel.ask("1")  # whatever the second view was told has been drawn by now
    words = panel.root.get_by_label("New words")
    assert words.input_value() == "Good evening"
    words.fill("Hello")
    panel.button("Save").click()  # nothing has changed
    words.wait_for(state="detached")


def test_the_keyboard_stays_in_the_turn_that_it_changed(
    open_in_lab: Open, server: LoopbackServer
) -> None:
    panel = PanelPage.open(open_in_lab, connect_to(server), width=1500)
    panel.send("Hello")
    turn = panel.wait_for_turn()
    is_there = "turn => turn.contains(document.activeElement)"
    for words in ("Good evening", None):
        turn.get_by_role("button", name="Edit prompt").press("Enter")
        box = panel.root.get_by_label("New words")
        if words:
            box.fill(words)
        panel.button("Save" if words else "Cancel").press("Enter")
        box.wait_for(state="detached")
        wait_for(lambda: turn.evaluate(is_there), "the focus in the turn", timeout=10)


def test_two_panels_on_one_session_stay_in_step(
    open_notebook: Open, server: LoopbackServer
) -> None:
    panel = PanelPage.open(
        open_notebook,
        connect_to(server),
        panel="import chatnb\ndisplay(chatnb.panel())\ndisplay(chatnb.panel())",
        width=1500,
    )
    panels = panel.page.locator(".chatnb-panel")
    panel.send("Hello")
    for number in range(2):
        turn = panels.nth(number).locator("article.chatnb-turn:not(.chatnb-live)")
        turn.wait_for()
        assert "Hello" in turn.inner_text()


def test_other_cells_run_while_the_panel_streams(panel: PanelPage) -> None:
    panel.use("slow")
    panel.send("Go")
    panel.live().get_by_text("word").first.wait_for()
    assert panel.ask("6 * 7") == 42
    assert panel.root.locator(".chatnb-live").count() == 1
    panel.start("%%chat\nMe too")
    panel.notebook.wait_for_output(panel.free, "still answering")
    panel.button("Stop").click()
    panel.unfinished().wait_for()
    assert panel.ask("len(chatnb.log())") == 1


def test_hostile_answers_stay_text_in_the_panel(panel: PanelPage, server: LoopbackServer) -> None:
    hostile = (
        "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\n"
        f"[link](javascript:window.hacked=3) ![beacon]({server.base_url}/beacon.png)\n"
        "<b onmouseover='window.hacked=5'>bold</b> \u05e9\u05dc\u05d5\u05dd"
    )
    panel.send(hostile)
    panel.wait_for_turn()
    panel.tab("Code")
    panel.tab("Log")
    panel.tab("Chat")
    assert panel.page.evaluate("window.hacked") is None
    assert "window.hacked = 1" in panel.turns().first.inner_text()
    assert not [request for request in server.requests if "beacon" in request.path]
    assert not panel.notebook.dialogs


def test_the_saved_notebook_shows_the_transcript_without_a_kernel(panel: PanelPage) -> None:
    panel.send("Remember this")
    panel.wait_for_turn()
    shown = panel.page.locator(".chatnb-transcript-saved")
    assert not shown.is_visible()
    saved = panel.notebook.save()
    outputs = saved["cells"][panel.cell]["outputs"]
    html = "".join(outputs[1]["data"]["text/html"])
    assert html.count("Remember this") == 2
    assert "Remember this" in "".join(outputs[1]["data"]["text/plain"])
    panel.notebook.restart()
    shown.wait_for()
    assert not panel.page.locator(".chatnb-panel").count()


def test_no_key_is_in_the_saved_notebook(panel: PanelPage, server: LoopbackServer) -> None:
    panel.run(
        "import os\nos.environ['CANARY_KEY'] = 'canary-' + 'a1b2c3d4e5'\n"
        f"%chat_connect {server.base_url} -m echo-key --key CANARY_KEY"
    )
    panel.send("What is my key?")
    panel.unfinished().wait_for()  # the server refuses the key and repeats it
    assert "canary-a1b2c3d4e5" not in panel.root.inner_text()
    for tab in ("Code", "Log", "Chat"):
        panel.tab(tab)
    panel.page.evaluate(
        "window.jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')"
    )
    panel.notebook.save()
    assert "canary-a1b2c3d4e5" not in panel.notebook.path.read_text(encoding="utf-8")


def test_a_key_typed_anywhere_is_in_no_notebook(panel: PanelPage, server: LoopbackServer) -> None:
    key = "canary-" + "f6g7h8i9j0"
    panel.run(
        f"import os\nos.environ['CANARY_KEY'] = 'canary-' + '{key[7:]}'\n"
        f"%chat_connect {server.base_url} -m echo --key CANARY_KEY"
    )
    panel.root.get_by_text("System message: none").click()
    panel.root.get_by_label("System message", exact=True).fill(f"The key is {key}.")
    panel.button("Set").click()
    panel.root.locator(".chatnb-system-shown").get_by_text(key).wait_for()
    panel.side.get_by_placeholder("add a text").fill(key)
    panel.page.keyboard.press("Enter")
    panel.send(f"My key is {key}, is it?")
    panel.wait_for_turn()
    assert key in panel.turns().first.inner_text()  # to whom it was typed it may be shown
    panel.prompt.fill(f"And this draft has {key}")
    panel.tab("Compare")
    panel.root.get_by_label("Prompt for every lane").fill(key)
    panel.root.get_by_label("Prompt for every lane").press("Control+Enter")
    panel.root.get_by_text("Done. In the log: comparison").wait_for()
    panel.tab("Code")
    panel.root.get_by_role("region", name="Code").get_by_text("And this draft").wait_for()
    panel.button("Insert as a cell").click()
    panel.root.get_by_text("Inserted below.").wait_for()
    panel.tab("Log")
    panel.root.get_by_role("button", name="Exchange at").first.click()
    panel.root.get_by_label("Request as JSON").wait_for()
    panel.page.evaluate(
        "window.jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')"
    )
    panel.notebook.save()
    saved = panel.notebook.path.read_text(encoding="utf-8")
    assert key not in saved
    assert "My key is [key removed], is it?" in saved
    assert "And this draft has [key removed]" in saved
