"""What every notebook of the kit keeps to, read from the file that is in git."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tests.notebooks.exercise_cells import CHECK, EXERCISE, paths, read, solution, tagged

MOST_CELLS, MOST_WORDS = 25, 770
BADGE = (
    "[![Open on Binder](images/binder.svg)]"  # a picture of our own: nothing is fetched on opening
    "(https://mybinder.org/v2/gh/chatnb/chatnb/HEAD?urlpath=lab/tree/notebooks/{name})"
)
FIRST_CELL = re.compile(
    r"%load_ext chatnb\n"
    r"%chat_connect local\n"
    r"# With a key \(gpt-6-luna, at most \$0\.\d+\), in place of the line above:\n"
    r"# %chat_connect https://api\.openai\.com/v1 --key OPENAI_API_KEY"
)
PALETTE = {"#7aa6c2", "#e0a458", "#8a8a8a", "#b5544d"}  # blue, amber, grey, red
ABBREVIATED = re.compile(r"<details>.*?</details>|!?\[[^\]]*\]\([^)]*\)|[`*_#|>-]", re.DOTALL)


@pytest.fixture(params=paths(), ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def notebook(path: Path) -> NotebookNode:
    return read(path)


def _prose(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _sources(notebook: NotebookNode) -> str:
    return "\n".join(cell.source for cell in _code(notebook))


def test_it_is_short(notebook: NotebookNode) -> None:
    words = sum(len(ABBREVIATED.sub(" ", text).split()) for text in _prose(notebook))
    assert (len(notebook.cells) <= MOST_CELLS, words <= MOST_WORDS) == (True, True), words


def test_it_begins_with_a_title_a_badge_and_one_goal(path: Path, notebook: NotebookNode) -> None:
    first = notebook.cells[0].source.split("\n\n")
    assert notebook.cells[0].cell_type == "markdown"
    assert re.fullmatch(r"# [A-Z0-9].+", first[0])
    assert first[1] == BADGE.format(name=path.name)
    assert re.fullmatch(r"\*\*Goal:\*\* [^.!?]+\.", first[2])
    assert re.search(r"\b(minutes?|seconds)\b", notebook.cells[0].source)


def test_its_first_code_cell_connects_to_the_embedded_model(notebook: NotebookNode) -> None:
    """And shows the switch to a live one, with what that costs."""
    assert FIRST_CELL.fullmatch(notebook.cells[1].source)


def test_its_cells_keep_one_word_and_their_number_as_id(notebook: NotebookNode) -> None:
    ids = [cell.id for cell in notebook.cells]
    assert len({each.rpartition("-")[0] for each in ids}) == 1
    assert all(re.fullmatch(r"[a-z]+-\d\d[a-z]?", each) for each in ids)
    assert ids == sorted(ids)


def test_an_experiment_is_in_the_bare_sdk_and_in_a_chat_cell(notebook: NotebookNode) -> None:
    assert "client.chat.completions.create(" in _sources(notebook)
    assert "%%chat" in _sources(notebook)


def test_every_exercise_has_a_line_to_edit_a_check_and_a_solution(
    path: Path, notebook: NotebookNode
) -> None:
    exercises, checks = tagged(notebook, EXERCISE), tagged(notebook, CHECK)
    assert list(exercises) == list(checks) != []
    for number, cell in exercises.items():
        assert number.startswith(f"{path.name[:2]}.")
        assert cell.source.count("# edit this line") == 1
        assert f'check("{number}"' in checks[number].source
        assert solution(notebook, number) != cell.source


def test_it_ends_in_a_picture_and_says_what_that_does_not_show(notebook: NotebookNode) -> None:
    pictures = [
        cell
        for cell in _code(notebook)
        if any("image/png" in out.get("data", {}) for out in cell.outputs)
    ]
    after = notebook.cells[notebook.cells.index(pictures[-1]) :]
    assert "does not show" in " ".join(_prose(NotebookNode(cells=after)))
    assert "figsize=(6.5, " in pictures[-1].source
    assert 'layout="constrained"' in pictures[-1].source


def test_its_pictures_keep_to_the_colors_of_the_kit(notebook: NotebookNode) -> None:
    assert set(re.findall(r"#[0-9a-fA-F]{6}\b", _sources(notebook))) <= PALETTE


def test_it_is_kept_with_outputs_and_without_traces_of_a_run(notebook: NotebookNode) -> None:
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert any(cell.outputs for cell in _code(notebook))
    for cell in _code(notebook):
        assert cell.execution_count is None
        assert set(cell.metadata) <= {"tags", "jupyter"}
        for output in cell.outputs:
            assert output.get("execution_count") is None


def test_an_error_is_kept_only_where_one_is_meant(notebook: NotebookNode) -> None:
    failed = [
        cell for cell in _code(notebook) for out in cell.outputs if out.output_type == "error"
    ]
    assert all("raises-exception" in cell.metadata.get("tags", []) for cell in failed)


def test_what_is_kept_of_a_widget_can_be_read_without_it(notebook: NotebookNode) -> None:
    """A front end without the widget's state shows what stands beside it."""
    view = "application/vnd.jupyter.widget-view+json"
    data = [out.data for cell in _code(notebook) for out in cell.outputs if "data" in out]
    assert all({"text/html", "image/png"} & set(each) for each in data if view in each)


def test_its_links_to_other_files_lead_somewhere(path: Path, notebook: NotebookNode) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", "\n".join(_prose(notebook)))
    assert not [target for target in targets if not (path.parent / target).exists()]
