"""The playground: a panel on the same conversation as the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatnb.errors import InvalidInput

if TYPE_CHECKING:
    from chatnb.playground.panels import Panel
    from chatnb.sessions import Session


def panel(session: Session | None = None, *, dock: bool = False) -> Panel:
    """The playground: chat, sliders for every sampling parameter, comparison, log and code.

    >>> chatnb.panel()                                      # doctest: +SKIP

    It shares this kernel's session with `%%chat`, or shows a `session` of your own. `dock=True`
    puts it into JupyterLab's right sidebar (`pip install "chatnb[dock]"`); where there is none, as
    in Notebook 7, it stands in its cell. `close()` takes it away.
    """
    from chatnb.kernel import session as this_session
    from chatnb.playground.panels import Panel

    made = Panel(session or this_session())
    if dock:
        _dock(made)
    return made


def _dock(panel: Panel) -> None:
    try:
        from sidecar import Sidecar
    except ImportError:
        panel.close()
        raise InvalidInput(
            'dock=True needs sidecar: %pip install "chatnb[dock]", then reload the page.',
            kind="usage",
        ) from None
    panel.show_in(Sidecar(title="chatnb", anchor="right"))
