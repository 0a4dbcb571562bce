"""The panel in a real JupyterLab: how long it takes to open, what it costs while text streams."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.answers import tokens
from tests.bench.environment import new_log
from tests.bench.server_process import ServerProcess
from tests.bench.table import Figure
from tests.browser import chromium, jupyter_servers
from tests.browser.conftest import FLAGS
from tests.browser.notebook_page import NotebookPage
from tests.browser.panel_page import PanelPage
from tests.loopback import LoopbackServer

Server = ServerProcess | LoopbackServer

_TOKENS, _PACE = 2_000, 200
_IMPORTS = "import time, chatnb, anywidget\nchat = chatnb.session()"
_OPEN = """begun = time.perf_counter()
panel = chatnb.panel()
display(panel)
print("seconds", time.perf_counter() - begun)"""
# How the loopback server misbehaves, what the stop means there, and what is seen before it.
_STOPPED = {
    "slow": ("while it streams: the client leaves", "word"),
    "stall-in-body": ("while it stalls: the client leaves", "Hello"),
    "wait-a-minute": ("while it waits to retry: the panel is free", "trying again"),
}
# Sent, not loaded: each has a receipt and a spending bar, from the log.
_TURNS = """for n in range(200):
    chat.send(f"prompt {n}: " + "some words " * 20)"""
_MEMORY = """import gc
def resident():
    gc.collect()
    fields = open("/proc/self/statm").read().split()
    return int(fields[1]) * 4096 / 1e6
def opened(times):
    for _ in range(times):
        panel = chatnb.panel()
        display(panel)
        panel.close()
    return resident()
before = opened(1)
print("megabytes", opened(20) - before)"""
# What the kernel says to the panel, seen where it arrives.
_LISTEN = """() => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  window.pieces = 0;
  kernel.anyMessage.connect((_, { msg, direction }) => {
    for (const event of msg.content?.data?.content?.events ?? []) {
      if (direction === "recv" && event.event === "piece") {
        window.pieces += new TextEncoder().encode(event.html).length;
      }
      if (event.event === "values" && event.values.temperature === 1.9) {
        window.settled ??= performance.now();
      }
    }
  });
}"""
_DRAG = """async root => {
  const slider = root.querySelector("input[type=range]");
  for (let step = 1; step <= 100; step += 1) {
    slider.value = 0.9 + step / 100;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const last = performance.now();
  window.settled = undefined;
  while (window.settled === undefined && performance.now() - last < 5000) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return window.settled - last;
}"""


def panel(server: ServerProcess) -> Iterator[Figure]:
    """Opening, 200 turns, streaming, dragging, stopping, closing; in one JupyterLab."""
    with _lab() as open_notebook:
        yield from _opening(open_notebook, server, "", "opening the panel", 1.5)
        yield from _opening(open_notebook, server, _TURNS, "opening it with 200 turns", 3)
        yield from _streaming(open_notebook, server)
        yield from _dragging(open_notebook, server)
        yield from _stopping(open_notebook)
        yield from _closing(open_notebook, server)


def _opening(
    open_notebook: Any, server: ServerProcess, before: str, name: str, reach: float
) -> Iterator[Figure]:
    inside, shown = [], []
    turns = 200 if before else 0
    for _ in range(3):
        page = open_notebook([_connect(server), f"{_IMPORTS}\n{before}", _OPEN])
        page.run(0)
        page.run(1)
        begun = time.perf_counter()
        page.start(2)
        page.page.wait_for_function(
            "turns => document.querySelector('.chatnb-panel')"
            "&& document.querySelectorAll('.chatnb-turn').length >= turns",
            arg=turns,
            polling="raf",
        )
        shown.append(time.perf_counter() - begun)
        page.wait_for_output(2, "seconds")
        inside.append(_printed(page, 2, "seconds"))
        page.close()
    if not before:
        yield Figure(f"{name}, in the kernel", median(inside), 0.25, " s")
    yield Figure(f"{name}, on screen", median(shown), reach, " s")


def _streaming(open_notebook: Any, server: ServerProcess) -> Iterator[Figure]:
    shown = _panel(open_notebook, server, f"tokens-{_TOKENS}-at-{_PACE}")
    browser = shown.page.context.new_cdp_session(shown.page)
    browser.send("Performance.enable")
    shown.page.evaluate(_LISTEN)
    begun, busy = time.perf_counter(), _busy(browser)
    shown.send("Go")
    shown.wait_for_turn()
    share = (_busy(browser) - busy) / (time.perf_counter() - begun)
    told = shown.page.evaluate("window.pieces")
    size = len("".join(tokens(_TOKENS)).encode())
    name = f"{_TOKENS:,} tokens at {_PACE} a second in the panel"
    yield Figure(f"{name}, main thread busy", share, 0.3)
    beside = f"{told:,} bytes for {size:,}"
    yield Figure(f"{name}, bytes over the reply's", told / size, 4, "", beside)
    shown.notebook.close()


def _dragging(open_notebook: Any, server: ServerProcess) -> Iterator[Figure]:
    shown = _panel(open_notebook, server, "echo")
    shown.page.evaluate(_LISTEN)
    waits = [shown.root.evaluate(_DRAG) for _ in range(5)]
    yield Figure("a slider dragged through 100 steps settles", median(waits), 150, " ms")
    shown.notebook.close()


def _stopping(open_notebook: Any) -> Iterator[Figure]:
    """From the click: until the server sees the client leave, or until the panel is free."""
    with LoopbackServer() as server:
        shown = _panel(open_notebook, server, "slow")
        for model, (what, seen) in _STOPPED.items():
            shown.use(model)
            waits = [_stopped(shown, server, seen) for _ in range(5)]
            beside = f"at most {max(waits):.0f} ms of {len(waits)}"
            yield Figure(f"stop {what}", median(waits), 200, " ms", beside)
        shown.notebook.close()


def _stopped(shown: PanelPage, server: LoopbackServer, seen: str) -> float:
    """Milliseconds."""
    count = len(server.requests)
    shown.send("Go")
    received = server.wait_for_requests(count + 1)
    shown.root.locator(".chatnb-live").get_by_text(seen).first.wait_for()
    clicked = time.monotonic()
    shown.button("Stop").evaluate("stop => stop.click()")
    shown.root.locator(".chatnb-live").wait_for(state="detached")
    free = time.monotonic()
    if seen == "trying again":  # nobody to leave: the client has no answer to wait for
        return (free - clicked) * 1e3
    if not received.left.wait(10) or received.left_at is None:
        raise RuntimeError(f"the server does not see that the client has left ({seen})")
    return (received.left_at - clicked) * 1e3


def _closing(open_notebook: Any, server: ServerProcess) -> Iterator[Figure]:
    page = open_notebook([_connect(server), _IMPORTS, _MEMORY])
    page.run_all()
    grown = _printed(page, 2, "megabytes")
    yield Figure("memory after 20 opened and closed panels", grown, 5, " MB")
    page.close()


def _panel(open_notebook: Any, server: Server, model: str) -> PanelPage:
    page = open_notebook([_connect(server, model), "%chat_panel", ""])
    page.run_all()
    return PanelPage(page, 1, 2)


def _connect(server: Server, model: str = "echo") -> str:
    connect = f"%chat_connect {server.base_url} -m {model}"
    return f"%load_ext chatnb\n{connect}\n%chat_set max_requests=1000000"


def _busy(browser: Any) -> float:
    """Seconds that the page's main thread has worked so far."""
    metrics = browser.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def _printed(page: NotebookPage, cell: int, word: str) -> float:
    texts = [output.get("text", "") for output in page.outputs(cell)]
    return float("".join(texts).rpartition(word)[2].split()[0])


@contextmanager
def _lab() -> Iterator[Any]:
    """Opens notebooks in a JupyterLab and a browser of its own."""
    from playwright.sync_api import sync_playwright

    path = chromium.find()
    if path is None:
        raise RuntimeError("no chromium: make test installs one")
    new_log()
    server = jupyter_servers.start("lab", Path(os.environ["CHATNB_BENCH"]) / "lab")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            yield lambda cells: NotebookPage.open(browser, server, cells, width=1500)
            browser.close()
    finally:
        server.stop()
