"""`make notebooks` keeps what a notebook shows, and changes nothing when nothing changed."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.notebooks.execution import executed, same, settled

pytestmark = pytest.mark.kernel

CELLS = [
    "import time, os; print(f'took {time.perf_counter():.3f} s'); print(os.getcwd())",
    "'a result'",
]


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "notebook.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_a_second_run_changes_nothing(notebook: Path, tmp_path: Path) -> None:
    first = settled(executed(notebook), nbformat.read(notebook, 4), tmp_path)
    nbformat.write(first, notebook)
    second = settled(executed(notebook), nbformat.read(notebook, 4), tmp_path)
    assert nbformat.writes(second) == nbformat.writes(first)


def test_what_is_kept_has_outputs_and_no_traces_of_the_run(notebook: Path, tmp_path: Path) -> None:
    kept = settled(executed(notebook), nbformat.read(notebook, 4), tmp_path)
    assert kept.cells[0].outputs[0].text.splitlines()[-1] == "~"
    assert kept.cells[1].outputs[0].data["text/plain"] == "'a result'"
    assert kept.cells[1].outputs[0].execution_count is None
    assert {cell.execution_count for cell in kept.cells} == {None}
    assert "widgets" not in kept.metadata


def test_another_word_is_another_output() -> None:
    def output(text: str) -> list[nbformat.NotebookNode]:
        return [nbformat.v4.new_output("stream", text=text)]

    assert same(output("17 + 26 = 43 tokens · 0.8 s"), output("17 + 26 = 43 tokens · 1.2 s"))
    assert same(output("43 tokens · 0.8 s (first token 0.2 s)"), output("43 tokens · 1.2 s"))
    assert same(output("id: chatcmpl-4GcJ, 1795688702"), output("id: chatcmpl-aKEU, 1795692634"))
    assert not same(output("17 + 26 = 43 tokens · 0.8 s"), output("17 + 27 = 44 tokens · 0.8 s"))


def test_a_new_output_brings_all_outputs_of_its_run(tmp_path: Path) -> None:
    def notebook(*shown: str) -> nbformat.NotebookNode:
        cells = [nbformat.v4.new_code_cell("show()", id=name) for name in "ab"]
        for cell, text in zip(cells, shown, strict=True):
            cell.outputs = [nbformat.v4.new_output("stream", text=text)]
        return nbformat.v4.new_notebook(cells=cells)

    kept = settled(notebook("0.8 s", "another word"), notebook("1.2 s", "a word"), tmp_path)
    assert [cell.outputs[0].text for cell in kept.cells] == ["0.8 s", "another word"]
    kept = settled(notebook("0.8 s", "a word"), notebook("1.2 s", "a word"), tmp_path)
    assert [cell.outputs[0].text for cell in kept.cells] == ["1.2 s", "a word"]


def test_what_a_cell_draws_of_time_stays_until_its_source_changes(tmp_path: Path) -> None:
    def notebook(source: str, shown: str, *tags: str) -> nbformat.NotebookNode:
        cell = nbformat.v4.new_code_cell(source, id="a", metadata={"tags": list(tags)})
        cell.outputs = [nbformat.v4.new_output("display_data", {"image/png": shown})]
        return nbformat.v4.new_notebook(cells=[cell])

    def kept(new: nbformat.NotebookNode, old: nbformat.NotebookNode) -> str:
        return str(settled(new, old, tmp_path).cells[0].outputs[0].data["image/png"])

    old = notebook("draw()", "before", "measures-time")
    assert kept(notebook("draw()", "after", "measures-time"), old) == "before"
    assert kept(notebook("draw(2)", "after", "measures-time"), old) == "after"
    assert kept(notebook("draw()", "after"), notebook("draw()", "before")) == "after"
