"""A panel without a browser, on a session that a fake backend answers."""

from __future__ import annotations

import pytest

from tests.waiting import wait_for


@pytest.fixture
def open_panel(chat):
    """Opens panels whose events are kept instead of sent."""
    from chatnb.playground.panels import Panel

    class RecordingPanel(Panel):
        def __init__(self, session):
            self.events = []
            super().__init__(session)

        def _tell(self, events):
            self.events.extend(events)

        def told(self, name):
            """The events of that name, in order."""
            return [event for event in self.events if event["event"] == name]

        def last(self, name):
            return self.told(name)[-1]

        def wait_for(self, name, count=1):
            """Until so many events of that name were told; the last of them."""
            wait_for(lambda: len(self.told(name)) >= count, f"{count} {name} of {self.events}")
            return self.last(name)

        def receive(self, **content):
            """A message as the front end sends it."""
            self._receive(None, content, ())

    panels = []

    def open_one(session=None):
        panels.append(RecordingPanel(session or chat))
        return panels[-1]

    yield open_one
    for each in panels:
        each.close()


@pytest.fixture
def panel(open_panel):
    return open_panel()
