"""A notebook's screen without a notebook: a publisher that keeps what a front end would show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
import traitlets
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from chatnb.records import Choice, Exchange, Live, Message, Reply, Request, Usage


class Screen(DisplayPublisher):
    """Shows outputs as a front end does, and counts what travels to it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.outputs: list[tuple[str | None, dict[str, str]]] = []
        self.messages: list[dict[str, str]] = []
        self.clears = 0
        self._clear_next = False

    def publish(self, data, metadata=None, *, transient=None, update=False, **options):
        name = (transient or {}).get("display_id")
        self.messages.append(data)
        if update:
            assert name in [each for each, _ in self.outputs], "an update of nothing is lost"
            self.outputs = [(each, data if each == name else old) for each, old in self.outputs]
            return
        if self._clear_next:
            self.outputs.clear()
        self._clear_next = False
        self.outputs.append((name, data))

    def clear_output(self, wait=False):
        assert wait, "clearing at once flickers"
        self.clears += 1
        self._clear_next = True

    @property
    def html(self) -> str:
        return "".join(data["text/html"] for _, data in self.outputs)

    @property
    def bytes(self) -> int:
        return sum(len(part.encode()) for data in self.messages for part in data.values())


class ScreenShell(InteractiveShell):
    display_pub_class = traitlets.Type(Screen)


WITHOUT_HISTORY = Config({"HistoryManager": {"enabled": False}})


@pytest.fixture
def screen() -> Iterator[Screen]:
    shell = ScreenShell.instance(config=WITHOUT_HISTORY)
    yield shell.display_pub
    ScreenShell.clear_instance()


@pytest.fixture
def notebook(screen: Screen) -> Any:
    """The shell whose publisher `screen` is."""
    return ScreenShell.instance()


@pytest.fixture
def terminal() -> Iterator[Any]:
    yield InteractiveShell.instance(config=WITHOUT_HISTORY)
    InteractiveShell.clear_instance()


@dataclass(frozen=True, eq=False)
class State:
    live: Live | None = None
    last: Exchange | None = None


@dataclass(frozen=True)
class Script:
    """What a request does: the states of its turn in the air, then how it ended."""

    lives: list[Live] = field(default_factory=list)
    exchange: Exchange | None = None
    error: BaseException | None = None
    after_each: Callable[[int], None] = lambda _: None


class ScriptedSession(traitlets.HasTraits):
    """The part of a session that a view sees."""

    state = traitlets.Instance(State, ())

    def send(self, script: Script) -> None:
        try:
            for number, live in enumerate(script.lives):
                self.state = replace(self.state, live=live)
                script.after_each(number)
            if script.exchange is not None:
                self.state = State(None, script.exchange)
        finally:
            self.state = replace(self.state, live=None)
        if script.error is not None:
            raise script.error


@pytest.fixture
def session() -> ScriptedSession:
    return ScriptedSession()


def streamed(text: str, step: int) -> list[Live]:
    """The text as it grows by so many characters from one publication to the next."""
    ends = [*range(step, len(text), step), len(text)]
    return [Live("prompt", (text[:end],)) for end in ends]


def ended(*texts: str, **fields: Any) -> Exchange:
    """An exchange with the embedded model that ended with these choices."""
    choices = tuple(Choice(index, text, "stop") for index, text in enumerate(texts))
    exchange = Exchange(
        Request("SmolLM2-135M-Instruct", (Message("user", "prompt"),), embedded=True),
        datetime.now(UTC),
        1,
        "ok",
        Reply(choices, "SmolLM2-135M-Instruct", Usage(17, 26, 43), 0.0),
        seconds=1.2,
    )
    return replace(exchange, **fields)
