"""A key in what a server sends back, and in the variables of an error's frames."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import closing

import pytest

from chatnb.backend import Connection, Flight
from chatnb.errors import ChatError, Interrupted
from chatnb.openai_backend import OpenAIBackend
from chatnb.records import Message, Request
from chatnb.redaction import MASK, is_secret, redact
from chatnb.wire.key_filter import KeyFilter
from tests.loopback import LoopbackServer
from tests.security import key_echoes
from tests.security.conftest import CANARY


@pytest.mark.parametrize("size", range(1, 30))
def test_a_key_in_pieces_of_any_size_is_never_shown(size: int) -> None:
    text = f"canary- can {CANARY[:-1]} {CANARY}{CANARY}! c {CANARY} canary-7"
    keys = KeyFilter([CANARY])
    pieces = [keys.piece(0, text[at : at + size]) for at in range(0, len(text), size)]
    pieces += [rest for _, rest in keys.rest()]
    assert "".join(pieces) == text.replace(CANARY, MASK)


@pytest.mark.parametrize("key", [CANARY, "sk-0/1+2=345678", 'a/B"78\\9'])
@pytest.mark.parametrize("spelled", [r"\u%04x", r"\u%04X"])
def test_a_key_is_found_in_any_spelling_of_json(key: str, spelled: str) -> None:
    everything = "".join(spelled % ord(each) for each in key)
    mixed = "".join(spelled % ord(each) if at % 3 else _plain(each) for at, each in enumerate(key))
    for each in (everything, mixed, _plain(key), _plain(key).replace("/", r"\/")):
        data = b'{"a": "x %b y"}' % each.encode()
        assert json.loads(data) == {"a": f"x {key} y"}
        assert json.loads(KeyFilter([key]).json(data)) == {"a": f"x {MASK} y"}


def _plain(text: str) -> str:
    return json.dumps(text)[1:-1]


def test_each_choice_has_its_own_pieces() -> None:
    keys = KeyFilter([CANARY])
    assert keys.piece(0, "a " + CANARY[:5]) == "a "
    assert keys.piece(1, CANARY[5:]) == CANARY[5:]
    assert keys.piece(0, CANARY[5:] + " b") == f"{MASK} b"
    assert list(keys.rest()) == []


def test_text_without_a_key_passes_at_once_and_untouched() -> None:
    keys = KeyFilter([CANARY])
    assert keys.piece(0, "sk-learn and Bearer of news, sk-abcdefghijklmnopqrstuvwx") == (
        "sk-learn and Bearer of news, sk-abcdefghijklmnopqrstuvwx"
    )
    assert KeyFilter(()).piece(0, CANARY[:9]) == CANARY[:9]


@pytest.mark.parametrize("word", ["", "x", "EMPTY", "ollama", "lm-studio", "not-needed", "sk-1234"])
def test_a_word_that_stands_for_no_key_hides_nothing(word: str) -> None:
    assert not is_secret(word)
    text = f"what is {word}, and what is xylophone?"
    assert redact(text, [word]) == KeyFilter([word]).text(text) == text
    assert KeyFilter([word]).json(text.encode()) == text.encode()


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIBackend]:
    monkeypatch.setenv("CANARY_KEY", CANARY)
    with (
        LoopbackServer() as server,
        closing(OpenAIBackend(Connection(server.base_url, key="CANARY_KEY"))) as backend,
    ):
        yield backend


def fault(backend: OpenAIBackend, model: str, flight: Flight) -> BaseException:
    request = Request(model, (Message("user", "hello there"),), stream=True)
    with pytest.raises((ChatError, Interrupted)) as caught:
        backend.complete(request, flight)
    return caught.value


def variables(error: BaseException) -> Iterator[object]:
    """What a debugger could show: every variable of every frame, of the error and its causes."""
    link: BaseException | None = error
    while link is not None:
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if frame.f_code.co_filename != __file__:
                yield from frame.f_locals.values()
        link = link.__cause__ or link.__context__


@pytest.mark.parametrize(
    "model",
    ["echo-key", "echo-key-in-stream", "html", "cut-mid-stream", "key-in-broken-answer", "close"],
)
def test_no_variable_of_an_error_holds_the_key(backend: OpenAIBackend, model: str) -> None:
    error = fault(backend, model, Flight())
    assert not [each for each in variables(error) if CANARY in repr(each)]


def test_no_detail_of_an_error_has_a_key_in_escapes(backend: OpenAIBackend) -> None:
    error = fault(backend, "key-in-escapes-of-an-error", Flight())
    assert isinstance(error, ChatError)
    assert MASK in error.detail
    assert key_echoes.escaped(CANARY) not in error.detail


def test_no_variable_of_an_interrupt_holds_the_key(backend: OpenAIBackend) -> None:
    def interrupt(choice: int, text: str) -> None:
        raise KeyboardInterrupt

    error = fault(backend, "slow", Flight(on_delta=interrupt))
    assert isinstance(error, Interrupted)
    assert not [each for each in variables(error) if CANARY in repr(each)]


def test_no_variable_holds_a_key_that_cannot_be_used(
    backend: OpenAIBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_KEY", f"{CANARY}\nx")
    error = fault(backend, "echo", Flight())
    assert "not a usable API key" in str(error)
    assert not [each for each in variables(error) if CANARY in repr(each)]
