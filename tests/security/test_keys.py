"""A key is in nothing that is shown, stored, sent to a front end or left behind in a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from chatnb.local.server_state import RunningServer
from tests.loopback import LoopbackServer
from tests.real_kernel import Ran, RealKernel
from tests.security.conftest import CANARY
from tests.security.key_echoes import COOKIE, ECHOES

pytestmark = pytest.mark.kernel

CELLS_ON_THE_LOG = (
    "%chat_log",
    "chatnb.log()",
    "chatnb.log().to_csv()",
    "chatnb.log().iloc[-1].to_dict()",
    "[list(each) for each in chatnb.log()['messages']]",
    "import pickle\npickle.dumps(chatnb.log())",
    "from chatnb.request_log.log_export import export\nexport(__import__('pathlib').Path('l.csv'))",
)
CELLS = (
    "%%chat\nHello",
    "%%chat --dry-run\nHello",
    "%chat_history",
    "%chat_set",
    "%chat_set budget=1",
    "%chat_connect",
    "%chat_panel",
    "chat",
    "chat.connection",
    "repr(chat.backend), vars(chat.connection), chat.state",
    "chat.last",
    "import pickle\npickle.dumps([chat.connection, chat.last.request])",
    *CELLS_ON_THE_LOG,
)


def shown(ran: Ran) -> str:
    """Everything that a cell sends to the front end: outputs, errors, comm traffic."""
    return json.dumps(ran.messages, default=str)


def left_behind(*roots: Path) -> dict[Path, bytes]:
    """Every file below these directories: the log, the spool, IPython's history, debug output."""
    files = (path for root in roots for path in root.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files}


def files_of_kernel(tmp_path: Path) -> dict[Path, bytes]:
    return left_behind(tmp_path, *(Path(os.environ[n]) for n in ("IPYTHONDIR", "XDG_STATE_HOME")))


def assert_nowhere(key: str, files: dict[Path, bytes]) -> None:
    assert not [path for path, content in files.items() if key.encode() in content]


DEBUG = "import logging\nlogging.basicConfig(level=logging.DEBUG, filename='debug.log')"


def test_no_cell_shows_the_key_and_no_file_keeps_it(
    keyed_kernel: RealKernel, server: LoopbackServer, key: str, tmp_path: Path
) -> None:
    for cell in (DEBUG, *CELLS):
        assert key not in shown(keyed_kernel.run(cell)), cell
    assert server.requests[0].headers["authorization"] == f"Bearer {key}"
    files = files_of_kernel(tmp_path)
    names = {path.name for path in files}
    assert {"log.sqlite", "debug.log", "history.sqlite", "l.csv"} <= names
    assert b"openai" in files[tmp_path / "debug.log"]  # the libraries did say something
    assert b"httpcore2" in files[tmp_path / "debug.log"]
    assert_nowhere(key, files)


def test_a_key_in_a_prompt_is_sent_and_in_no_row(
    keyed_kernel: RealKernel, server: LoopbackServer, key: str, tmp_path: Path
) -> None:
    keyed_kernel.run("import os\nsecret = os.environ['CANARY_KEY']")
    keyed_kernel.run("%%chat --fresh\nMy key is {{secret}}, is it good?")
    assert key in server.requests[0].body.decode()
    for cell in CELLS_ON_THE_LOG:
        assert key not in shown(keyed_kernel.run(cell)), cell
    assert_nowhere(key, files_of_kernel(tmp_path))


def test_a_server_that_repeats_the_key_makes_nobody_show_it(
    keyed_kernel: RealKernel, server: LoopbackServer, key: str, tmp_path: Path
) -> None:
    """In an answer, in pieces of one, in an error, a refusal, a name; plain and streamed."""
    for model in ECHOES:
        for stream in ("--stream", "--no-stream"):
            asked = f"%%chat -m {model} {stream}\nWhat is my key?"
            for cell in (asked, "%chat_history", "chat.last"):
                assert key not in shown(keyed_kernel.run(cell)), (model, stream, cell)
    for cell in CELLS_ON_THE_LOG:
        assert key not in shown(keyed_kernel.run(cell)), cell
    assert len(server.requests) >= 2 * len(ECHOES)
    assert_nowhere(key, files_of_kernel(tmp_path))


LOUD = f"""
import os
os.environ["OPENAI_LOG"] = "debug"
{DEBUG}
logging.getLogger().addHandler(logging.StreamHandler())
"""


def test_what_the_libraries_log_holds_neither_the_key_nor_a_cookie(
    keyed_kernel: RealKernel, key: str, tmp_path: Path
) -> None:
    """In a file and below the cell, of a server that repeats the key in its headers."""
    keyed_kernel.run(LOUD)
    said = ""
    for model in ECHOES:
        for stream in ("--stream", "--no-stream"):
            said += shown(keyed_kernel.run(f"%chat -m {model} {stream} What is my key?"))
    logged = (tmp_path / "debug.log").read_text()
    for said_by_a_library in ("x-echo", "set-cookie", "request_id: ", "HTTP Request: POST"):
        assert said_by_a_library in said
        assert said_by_a_library in logged
    assert "illegal status line" in logged
    assert [secret for secret in (key, COOKIE) if secret in said] == []
    for secret in (key, COOKIE):
        assert_nowhere(secret, files_of_kernel(tmp_path))


# A panel that keeps what it tells its front end, from the first piece of an answer on.
PANEL = """
import json, threading
from chatnb.playground.panels import Panel
class KeepingPanel(Panel):
    told = []
    def _tell(self, events):
        events = list(events)
        self.told.extend(events)
        super()._tell(events)
panel = KeepingPanel(chat)
def works():
    return chat.busy or any(each.name == "chatnb-panel" for each in threading.enumerate())
def finish():
    while works():
        threading.Event().wait(0.02)
def ask(model):
    chat.parameters.model = model
    panel.run("send", {"prompt": "What is my key?"})
    finish()
def look():
    panel._on_models()
    finish()
    panel.run("compare", {"prompt": "And now?", "lanes": [{"model": "key-in-answer"}, {}]})
    finish()
    for page in ("log", "code", "compare", "chat"):
        panel._on_page(page)
    panel._on_hello()
"""


@pytest.mark.parametrize("key", [CANARY], indirect=True)
def test_no_message_to_the_panel_holds_the_key(keyed_kernel: RealKernel, key: str) -> None:
    keyed_kernel.run(PANEL)
    for model in ECHOES:
        ran = keyed_kernel.run(f"ask({model!r})")
        assert ran.error is None, ran.error
        assert key not in shown(ran), model
    ran = keyed_kernel.run("look()")
    assert ran.error is None, ran.error
    counted = keyed_kernel.run(
        "import os\ntold = json.dumps(panel.told)\n"
        "print(len(panel.told), told.count('removed'), told.count(os.environ['CANARY_KEY']),"
        " 'model-[key removed]' in told)"
    )
    events, removed, keys, models = counted.stdout.split()
    assert int(events) > 30
    assert int(removed) > 8
    assert (keys, models) == ("0", "True")


@pytest.mark.model
def test_the_token_of_the_embedded_model_is_shown_nowhere(
    log_path: Path, kernel: RealKernel, model_server: RunningServer, tmp_path: Path
) -> None:
    kernel.run(f"{DEBUG}\n%load_ext chatnb\nimport chatnb\n%chat_connect local")
    kernel.run("chat = chatnb.session()\n%chat_set max_tokens=4 temperature=0")
    for cell in CELLS:
        assert model_server.token not in shown(kernel.run(cell)), cell
    files = files_of_kernel(tmp_path)
    assert b"max_tokens" in files[log_path] + files[log_path.with_name("log.sqlite-wal")]
    assert_nowhere(model_server.token, files)


MODES = ("Plain", "Context", "Verbose", "Minimal", "Docs")
# What people write around a request; each raises an error of their own with ours behind it.
WRAPPED = """
import chatnb, logging
chat = chatnb.session()
connection, backend = chat.connection, chat.backend
def ask_wrapped(model):
    mine, theirs = chat.connection, chat.backend
    try:
        chat.send("Hello", model=model)
    except BaseException as error:
        raise ValueError("of my own") from error
def ask_and_stumble(model):
    try:
        chat.send("Hello", model=model)
    except BaseException:
        1 / 0
"""
FAILING = (
    "chat.send('Hello', model='echo-key')",
    "ask_wrapped('key-in-page')",
    "ask_wrapped('echo-key-in-stream')",
    "ask_wrapped('cut-mid-stream')",
    "ask_wrapped('reset')",
    "ask_and_stumble('html')",
    "%tb",
)


@pytest.mark.parametrize("key", [CANARY], indirect=True)
def test_no_traceback_shows_the_key(keyed_kernel: RealKernel, key: str) -> None:
    keyed_kernel.run(WRAPPED)
    for mode in MODES:
        keyed_kernel.run(f"%xmode {mode}")
        for cell in FAILING:
            ran = keyed_kernel.run(cell)
            # IPython 9.18 cannot format a chain of errors under Docs, and prints it instead.
            assert ran.status == "error" or cell == "%tb", cell
            assert key not in shown(ran), (mode, cell)


@pytest.mark.parametrize("key", [CANARY], indirect=True)
def test_no_traceback_of_an_interrupt_shows_the_key(
    keyed_kernel: RealKernel, server: LoopbackServer, key: str
) -> None:
    keyed_kernel.run(f"{WRAPPED}\n%xmode Verbose")
    asked = keyed_kernel.start("ask_wrapped('stall-before-headers')")
    server.wait_for_requests(1)
    keyed_kernel.interrupt()
    ran = keyed_kernel.wait(asked)
    assert ran.error is not None
    assert "of my own" in ran.error["evalue"]
    assert key not in shown(ran)


@pytest.mark.parametrize("tail", ["\nx", " x", "ü", "\x1b[0m"])
def test_a_key_that_cannot_be_used_is_not_shown(
    tail: str,
    tmp_path: Path,
    log_path: Path,
    server: LoopbackServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CANARY_KEY", CANARY + tail)
    kernel = RealKernel(tmp_path)
    try:
        kernel.run(f"%load_ext chatnb\n%chat_connect {server.base_url} -m echo --key CANARY_KEY")
        kernel.run(WRAPPED)
        for mode in MODES:
            kernel.run(f"%xmode {mode}")
            for cell in ("%chat hi", "ask_wrapped('m')", "ask_and_stumble('m')"):
                ran = kernel.run(cell)
                assert ran.status == "error"
                assert CANARY not in shown(ran), (mode, cell)
    finally:
        kernel.close()
    assert not server.requests
    assert_nowhere(CANARY, files_of_kernel(tmp_path))
