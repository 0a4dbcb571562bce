"""`chatnb demo`: the notebook on a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import nbformat
import pytest

from chatnb.demo import PICTURE, as_text, new_part, run_demo
from chatnb.errors import ChatError
from chatnb.lab import FIRST_NOTEBOOK
from chatnb.local.server_state import RunningServer

STREAMED = """\
from IPython.display import clear_output, display
print("Why did", end="", flush=True)
print(" the\\n\\n**chicken**", end="", flush=True)
clear_output(wait=True)
display({"text/plain": "Why did the\\n**chicken** cross?\\nmodel, 7 tokens"}, raw=True)"""


@pytest.mark.parametrize(
    ("shown", "text", "fresh"),
    [
        ("", "all", "all"),
        ("A joke", "A joke: why", ": why"),
        ("one\n\ntwo", "one\ntwo\nreceipt", "\nreceipt"),
        ("same", "same", ""),
        ("another", "answer", "\nanswer"),
        ("longer than", "longer", "\nlonger"),
    ],
)
def test_only_what_is_new_is_printed(shown: str, text: str, fresh: str) -> None:
    assert new_part(shown, text) == fresh


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"text/plain": "<Figure size 640x480 with 1 Axes>", "image/png": "iVBO"}, PICTURE),
        ({"image/png": "iVBO"}, PICTURE),
        ({"text/plain": "a chart of 3 rows", "image/png": "iVBO"}, "a chart of 3 rows"),
        ({"text/plain": "<b>"}, "<b>"),
        ({"text/html": "<b>bold</b>"}, ""),
    ],
)
def test_a_picture_is_told_in_words(data: dict[str, str], text: str) -> None:
    assert as_text(data) == text


def _demo(tmp_path: Path, *cells: nbformat.NotebookNode) -> tuple[int, str]:
    path = tmp_path / "demo.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)
    out = io.StringIO()
    return run_demo(path, out), out.getvalue()


@pytest.mark.kernel
def test_an_answer_that_streams_is_printed_once(tmp_path: Path) -> None:
    code, printed = _demo(
        tmp_path,
        nbformat.v4.new_markdown_cell("# Start here"),
        nbformat.v4.new_code_cell(STREAMED),
        nbformat.v4.new_code_cell("{'a': 1}"),
    )
    answer = printed.split("raw=True)\n")[1]
    assert code == 0
    assert printed.startswith("\n# Start here\n\n>>> from IPython")
    assert answer.startswith("Why did the\n\n**chicken** cross?\nmodel, 7 tokens\n")
    assert printed.endswith(">>> {'a': 1}\n{'a': 1}\n")


@pytest.mark.kernel
def test_a_cell_that_fails_ends_the_demo_with_1(tmp_path: Path) -> None:
    code, printed = _demo(
        tmp_path, nbformat.v4.new_code_cell("1/0"), nbformat.v4.new_code_cell("'never'")
    )
    assert code == 1
    assert "ZeroDivisionError: division by zero" in printed
    assert "never" not in printed
    assert "\x1b" not in printed


@pytest.mark.model
@pytest.mark.kernel
def test_the_first_notebook_runs_on_a_terminal(
    model_server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notebooks").mkdir()  # somebody else's, with the same name
    planted = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print('planted')")])
    nbformat.write(planted, tmp_path / "notebooks" / FIRST_NOTEBOOK)
    out = io.StringIO()
    assert run_demo(out=out) == 0, out.getvalue()
    printed = out.getvalue()
    assert ">>> %%chat" in printed
    assert f"{model_server.model}" in printed
    assert "tokens" in printed
    assert "\x1b" not in printed


@pytest.mark.kernel
def test_a_kernel_that_dies_ends_the_demo(tmp_path: Path) -> None:
    with pytest.raises(ChatError, match="The kernel died while it ran this cell"):
        _demo(tmp_path, nbformat.v4.new_code_cell("import os; os._exit(1)"))
