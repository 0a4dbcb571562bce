"""The panel in its cell: the widget, and below it the transcript that a saved notebook keeps.

Two outputs, since a front end that finds no model for a widget shows an error and not the HTML
beside it, and since an update of the widget's own output would make its view anew, with the draft
in it lost. The widget hides the transcript as long as it lives.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

_VIEW = "application/vnd.jupyter.widget-view+json"
# Where the notebook is trusted and the widget gone: no "Error displaying widget" above the text.
_STYLE = (
    "<style>.jp-OutputArea-child:not(:has(.chatnb-panel))"
    ":has(+ .jp-OutputArea-child .chatnb-transcript-saved) { display: none }</style>"
)


class PanelOutput:
    """The outputs of one panel in one cell."""

    def __init__(self, model_id: str) -> None:
        self._model_id = model_id
        self._handle: Any = None

    def show(self, transcript: dict[str, str]) -> None:
        """Display the widget and the transcript in the cell that runs."""
        from IPython.display import display

        view = {"version_major": 2, "version_minor": 0, "model_id": self._model_id}
        widget = {_VIEW: view, "text/html": "<span></span>", "text/plain": "chatnb panel"}
        display(widget, raw=True)  # type: ignore[no-untyped-call]
        self._handle = display(  # type: ignore[no-untyped-call]
            _framed(transcript), raw=True, display_id=f"chatnb-{uuid4().hex[:8]}"
        )

    def update(self, transcript: dict[str, str]) -> None:
        """Say in the saved output what the conversation has become."""
        if self._handle is not None:
            self._handle.update(_framed(transcript), raw=True)


def _framed(transcript: dict[str, str]) -> dict[str, str]:
    html = f'{_STYLE}<div class="chatnb-transcript-saved">{transcript["text/html"]}</div>'
    return {"text/html": html, "text/plain": transcript["text/plain"]}
