"""A notebook in a browser: what a user does with it, and what they see.

Both front ends expose their application as `window.jupyterapp`; what is read comes from the
notebook's model, since cells off screen are not in the DOM.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import nbformat

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ElementHandle, Page

    from tests.browser.jupyter_servers import JupyterServer

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
PANEL = "const panel = window.jupyterapp.shell.currentWidget;"
# "Idle" is shown before a kernel exists, and what is run then is dropped.
KERNEL_IS_IDLE = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  return kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle'
    && panel.context.isReady;
}"""


class NotebookPage:
    """One open notebook. Cells count from 0; times are in seconds."""

    def __init__(self, context: BrowserContext, page: Page, server: JupyterServer, path: Path):
        self.context = context
        self.page = page
        self.server = server
        self.path = path
        self.outside: list[str] = []
        self.page_errors: list[str] = []
        self.dialogs: list[str] = []

    @classmethod
    def open(
        cls,
        browser: Browser,
        server: JupyterServer,
        cells: Sequence[str | dict[str, Any]] | Path,
        *,
        width: int = 1280,
        name: str | None = None,
    ) -> NotebookPage:
        """Open a notebook made of these cells (source texts, or nbformat cells), or a copy of a
        file, and wait for its kernel."""
        path = server.directory / f"{name or uuid.uuid4().hex[:12]}.ipynb"
        notebook = nbformat.read(cells, 4) if isinstance(cells, Path) else _notebook(cells)
        nbformat.write(notebook, path)
        context = browser.new_context(viewport={"width": width, "height": 900})
        self = cls(context, context.new_page(), server, path)
        self._watch()
        self.page.goto(server.address(path))
        self.wait_until_idle()
        return self

    def _watch(self) -> None:
        self.context.route(_leaves_loopback, lambda route: route.abort())
        self.context.on("request", self._note_request)
        self.page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        self.page.on("dialog", self._note_dialog)

    def _note_request(self, request: Any) -> None:
        if _leaves_loopback(request.url):
            self.outside.append(request.url)

    def _note_dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def close(self) -> None:
        """End the kernel and the page; fails where a request left loopback."""
        self.page.evaluate(f"async () => {{ {PANEL} await panel.sessionContext.shutdown(); }}")
        self.context.close()
        assert not self.outside, f"requests left loopback: {self.outside}"

    def run_all(self, *, timeout: float = 120) -> None:
        """Run every cell, as the menu does; an error stops it."""
        self._command("notebook:run-all-cells", timeout)

    def run(self, cell: int, *, timeout: float = 120) -> None:
        """Run one cell to its end."""
        self.select(cell)
        self._command("notebook:run-cell", timeout)

    def start(self, cell: int) -> None:
        """Run one cell without waiting for its end."""
        self.select(cell)
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell'); }")

    def _command(self, name: str, timeout: float) -> None:
        """Await the command in the page, which resolves when its cells have ended."""
        self.page.evaluate(
            "name => { window.commandDone = false; window.jupyterapp.commands.execute(name)"
            ".finally(() => { window.commandDone = true; }); }",
            name,
        )
        self.page.wait_for_function("() => window.commandDone", timeout=timeout * 1000)
        self.wait_until_idle(timeout=timeout)

    def wait_until_idle(self, *, timeout: float = 60) -> None:
        """Until a kernel is there, connected, and has nothing to do."""
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=timeout * 1000)

    def wait_for_output(self, cell: int, text: str, *, timeout: float = 60) -> None:
        """Until the cell's outputs, as JSON, contain the text."""
        self.page.wait_for_function(
            f"([cell, text]) => {{ {PANEL} return JSON.stringify("
            "panel.content.model.cells.get(cell).outputs.toJSON()).includes(text); }",
            arg=[cell, text],
            timeout=timeout * 1000,
        )

    def interrupt(self) -> None:
        """The stop button of the toolbar."""
        self.page.evaluate(
            "async () => { await window.jupyterapp.commands.execute('notebook:interrupt-kernel') }"
        )

    def restart(self) -> None:
        """A new kernel; the page stays."""
        self._panel("await panel.sessionContext.restartKernel();")
        self.wait_until_idle()

    def select(self, cell: int) -> None:
        """Make a cell the active one, and bring it onto the screen."""
        self._panel(
            "panel.content.activeCellIndex = argument; panel.content.deselectAll();"
            "await panel.content.scrollToItem(argument);",
            cell,
        )

    def outputs(self, cell: int) -> list[dict[str, Any]]:
        """The cell's outputs as the notebook's model holds them (nbformat's output objects)."""
        return list(
            self._panel("return panel.content.model.cells.get(argument).outputs.toJSON()", cell)
        )

    def text(self, cell: int) -> str:
        """What the cell shows, as text: its outputs, drawn."""
        self.select(cell)
        area = self.element(cell).query_selector(".jp-Cell-outputArea")
        return area.inner_text() if area else ""

    def element(self, cell: int) -> ElementHandle:
        """The cell in the page; `select` it first."""
        handle = self.page.evaluate_handle(
            f"cell => {{ {PANEL} return panel.content.widgets[cell].node; }}", cell
        )
        element = handle.as_element()
        assert element is not None
        return element

    def cell_id(self, cell: int) -> str:
        return str(self._panel("return panel.content.model.cells.get(argument).id", cell))

    def edit(self, cell: int, source: str) -> None:
        """Replace a cell's source; it stays the same cell."""
        self._panel(
            "panel.content.model.cells.get(argument[0]).sharedModel.setSource(argument[1])",
            [cell, source],
        )

    def save(self) -> dict[str, Any]:
        """Save as the user does, and read the file."""
        self._panel("await panel.context.save()")
        return dict(json.loads(self.path.read_text(encoding="utf-8")))

    def theme(self, name: Literal["light", "dark"]) -> None:
        self.page.evaluate(
            "async theme => { await window.jupyterapp.commands.execute("
            "'apputils:change-theme', { theme }) }",
            THEMES[name],
        )
        self.page.wait_for_function(
            "light => document.body.dataset.jpThemeLight === light",
            arg="true" if name == "light" else "false",
        )

    def width(self, pixels: int) -> None:
        """The window's width."""
        self.page.set_viewport_size({"width": pixels, "height": 900})

    def screenshot(self, name: str, *, cell: int | None = None) -> Path:
        """The page, or one cell, as screenshots/NAME.png."""
        path = SCREENSHOTS / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        if cell is None:
            self.page.screenshot(path=path)
        else:
            self.select(cell)
            self.element(cell).screenshot(path=path)
        return path

    def _panel(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(f"async argument => {{ {PANEL} {script} }}", argument)


def _notebook(cells: Sequence[str | dict[str, Any]]) -> nbformat.NotebookNode:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(
        metadata={"kernelspec": kernel},
        cells=[
            nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else nbformat.from_dict(cell)
            for cell in cells
        ],
    )


def _leaves_loopback(url: str) -> bool:
    address = urlsplit(url)
    is_network = address.scheme in ("http", "https", "ws", "wss")
    return is_network and address.hostname not in ("127.0.0.1", "localhost", "::1")
