"""The panel in a notebook page: what a user does with it, and what they see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import Open
    from tests.browser.notebook_page import NotebookPage
    from tests.loopback import LoopbackServer


class PanelPage:
    """A panel in the cell with this number, in a notebook whose last cell is free for code."""

    def __init__(self, notebook: NotebookPage, cell: int, free: int) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.cell = cell
        self.free = free
        notebook.select(cell)
        self.root = self.page.locator(".chatnb-panel:not(.chatnb-docked)").first
        self.root.wait_for()
        self.side = self.root.locator(".chatnb-side")  # the parameters
        self.prompt = self.root.get_by_label("Prompt", exact=True)

    @classmethod
    def open(
        cls, opener: Open, connect: str, *, panel: str = "%chat_panel", **options: Any
    ) -> PanelPage:
        """A notebook with a panel, connected as this line says."""
        notebook = opener([f"%load_ext chatnb\n{connect}", panel, ""], **options)
        notebook.run_all()
        return cls(notebook, 1, 2)

    def run(self, code: str) -> str:
        """Run code in the free cell; what it prints."""
        self.notebook.edit(self.free, code)
        self.notebook.run(self.free)
        printed = [output.get("text", "") for output in self.notebook.outputs(self.free)]
        self.notebook.select(self.cell)
        return "".join(printed).strip()

    def start(self, code: str) -> None:
        """Run code in the free cell without waiting for its end."""
        self.notebook.edit(self.free, code)
        self.notebook.start(self.free)
        self.notebook.select(self.cell)

    def ask(self, code: str) -> Any:
        """The value of an expression in the kernel, where `chatnb` is imported."""
        return json.loads(self.run(f"import chatnb, json\nprint(json.dumps({code}))"))

    def use(self, model: str) -> None:
        """Let another model of the server answer."""
        self.run(f"import chatnb\nchatnb.session().parameters.model = {model!r}")

    def send(self, text: str) -> None:
        self.prompt.fill(text)
        self.prompt.press("Control+Enter")

    def turns(self) -> Locator:
        return self.root.locator(".chatnb-turn:not(.chatnb-live):not(.chatnb-unfinished)")

    def wait_for_turn(self, number: int = 1) -> Locator:
        """Until the turn is there and nothing is in the air."""
        turn = self.turns().nth(number - 1)
        turn.wait_for()
        self.root.locator(".chatnb-live").wait_for(state="detached")
        return turn

    def live(self) -> Locator:
        """The text of the answer as it comes."""
        return self.root.locator(".chatnb-live .chatnb-assistant")

    def unfinished(self) -> Locator:
        return self.root.locator(".chatnb-unfinished")

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def tab(self, name: str) -> None:
        self.root.get_by_role("tab", name=name).click()

    def screenshot(self, name: str) -> None:
        self.notebook.screenshot(f"panel-{name}-{self.notebook.server.front_end}", cell=self.cell)


def connect_to(server: LoopbackServer, model: str = "echo") -> str:
    return f"%chat_connect {server.base_url} -m {model}"
