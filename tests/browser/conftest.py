"""A browser and the two front ends, once for all tests of this folder.

`open_in_lab(cells)` and `open_in_notebook(cells)` give a NotebookPage with a kernel of its own;
a test that asks for `open_notebook` runs in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import chromium, jupyter_servers
from tests.browser.notebook_page import NotebookPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.jupyter_servers import JupyterServer

Open = Callable[..., NotebookPage]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    path = chromium.find()
    assert path, "no chromium: `make test` installs one, or says why it cannot"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    server = jupyter_servers.start("lab", tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture(scope="package")
def notebook_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    server = jupyter_servers.start("notebook", tmp_path_factory.mktemp("notebook"))
    yield server
    server.stop()


def _opener(browser: Browser, server: JupyterServer) -> Iterator[Open]:
    pages: list[NotebookPage] = []

    def open_page(cells: Sequence[str | dict[str, Any]] | Path, **options: Any) -> NotebookPage:
        pages.append(NotebookPage.open(browser, server, cells, **options))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


@pytest.fixture
def open_in_lab(browser: Browser, lab_server: JupyterServer) -> Iterator[Open]:
    yield from _opener(browser, lab_server)


@pytest.fixture
def open_in_notebook(browser: Browser, notebook_server: JupyterServer) -> Iterator[Open]:
    yield from _opener(browser, notebook_server)


@pytest.fixture(params=["lab", "notebook"])
def open_notebook(request: pytest.FixtureRequest) -> Open:
    """The same journey in JupyterLab and in Notebook 7."""
    opener: Open = request.getfixturevalue(f"open_in_{request.param}")
    return opener
