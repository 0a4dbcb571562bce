"""The two front ends themselves: what every other journey stands on."""

from __future__ import annotations

from tests.browser.conftest import Open


def test_a_cell_runs_and_its_output_is_saved(open_notebook: Open) -> None:
    page = open_notebook(["print(6*7)"])
    page.run_all()
    assert page.outputs(0)[0]["text"] == "42\n"
    assert page.text(0).strip() == "42"
    assert page.save()["cells"][0]["outputs"][0]["text"] == ["42\n"]


def test_an_edited_cell_keeps_its_id_when_run_again(open_notebook: Open) -> None:
    page = open_notebook(["print(get_ipython().get_parent()['metadata']['cellId'])"])
    page.run(0)
    page.edit(0, "print('again', get_ipython().get_parent()['metadata']['cellId'])")
    page.run(0)
    assert page.outputs(0)[0]["text"] == f"again {page.cell_id(0)}\n"


def test_the_stop_button_reaches_a_running_cell(open_notebook: Open) -> None:
    page = open_notebook(
        ["import threading; print('here', flush=True); threading.Event().wait(60)"]
    )
    page.start(0)
    page.wait_for_output(0, "here")
    page.interrupt()
    page.wait_for_output(0, "KeyboardInterrupt")
    page.wait_until_idle()


def test_a_restart_forgets_and_both_themes_are_there(open_notebook: Open) -> None:
    page = open_notebook(["x = 1", "print('x' in globals())"])
    page.run(0)
    page.restart()
    page.theme("dark")
    page.width(700)
    page.run(1)
    assert page.outputs(1)[0]["text"] == "False\n"
    page.theme("light")
