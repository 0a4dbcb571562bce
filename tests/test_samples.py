"""`chatnb.sample`: a grid of independent requests, one row of the log each."""

from __future__ import annotations

import signal
import threading

import pytest

from chatnb.errors import InvalidInput, RequestFailed
from chatnb.request_log import RequestLog
from chatnb.request_log.log_frame import frame
from chatnb.samples import sample
from chatnb.sessions import Session

from .fake_backend import connected, reply


def take(chat, *arguments, **options):
    return sample(*arguments, session=chat, progress=False, **options)


def test_lists_make_a_grid_and_each_request_is_a_row(chat, backend):
    taken = take(chat, "Name a color.", seeds=range(3), temperature=[0, 1])
    assert list(zip(taken["temperature"], taken["seed"], strict=True)) == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2),
    ]  # fmt: skip
    assert set(taken["reply"]) == {"fine"}
    rows = frame(chat.log)
    assert set(rows["source"]) == {"sample"}
    assert sorted(taken["id"]) == sorted(rows["id"])
    assert all(request.stream is False for request in backend.requests)


def test_prompts_and_system_messages_make_a_grid_too(chat, backend):
    taken = take(chat, ["a", "b"], system=[None, "Be brief."], parallel=1)
    assert list(taken["prompt"]) == ["a", "a", "b", "b"]
    assert [len(request.messages) for request in backend.requests] == [1, 2, 1, 2]


def test_a_list_of_stops_is_one_value_and_a_list_of_lists_a_grid(chat, backend):
    take(chat, "a", stop=["x", "y"])
    assert backend.requests[-1].parameters["stop"] == ["x", "y"]
    assert len(take(chat, "a", stop=[["x"], ["y"]])) == 2


def test_the_conversation_is_neither_read_nor_entered(chat, backend):
    chat.system("Be brief.")
    chat.send("before")
    state = chat.state
    take(chat, "a", seeds=range(4))
    assert chat.state is state
    assert len(backend.requests[-1].messages) == 1


def test_a_request_that_fails_is_a_row_with_its_error(chat, backend):
    backend.enqueue(RequestFailed("down", kind="server"), "fine")
    taken = take(chat, "a", seeds=range(2), parallel=1)
    assert list(taken["status"]) == ["error", "ok"]
    assert taken["error"][0] == "down"
    assert str(taken["prompt_tokens"].dtype) == "Int64"


def test_columns_have_their_types_where_everything_failed(chat, backend):
    backend.enqueue(RequestFailed("down"))
    taken = take(chat, "a")
    assert {str(taken[name].dtype) for name in ("finish_reason", "error", "reply")} == {"string"}
    assert str(taken["cost"].dtype) == "Float64"


def test_all_choices_are_kept(chat, backend):
    backend.enqueue(reply("red", "blue"))
    assert take(chat, "a", n=2)["choices"][0] == ["red", "blue"]


def test_the_first_token_is_counted_from_the_request_not_from_the_first_sample(chat):
    take(chat, "a", seeds=range(3), parallel=1)
    rows = frame(chat.log)
    assert (rows["first_token_s"] <= rows["seconds"]).all()


def test_requests_run_at_the_same_time(chat, backend):
    together = threading.Barrier(4, timeout=20)

    def wait(request, flight):
        together.wait()
        return "fine"

    backend.enqueue(*[wait] * 4)
    assert len(take(chat, "a", seeds=range(4), parallel=4)) == 4


def test_an_interrupt_keeps_what_is_done_and_sends_nothing_more(chat, backend, capsys):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    sent = threading.Event()

    def hang(request, flight):
        sent.set()
        assert flight.stopping.wait(20)
        raise KeyboardInterrupt

    def interrupt(request, flight):
        assert sent.wait(20)
        # To the main thread, as a kernel's interrupt: only there does it end a wait.
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        assert flight.stopping.wait(20)
        return "the last one"

    backend.enqueue("the first one", hang, interrupt)
    try:
        taken = take(chat, "a", seeds=range(50), parallel=2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(backend.requests) == 3
    assert "the first one" in set(taken["reply"])
    assert "interrupted" in set(taken["status"])
    assert "3 of 50 samples were sent; they are kept" in capsys.readouterr().out
    assert len(frame(chat.log)) == 3


@pytest.mark.parametrize("which", ["another thread", "the main thread, twice"])
def test_an_interrupt_stops_the_samples_and_keeps_them(chat, backend, capsys, which):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted(request, flight):
        # The system chooses the thread; where it is not the main one, no wait of that one ends.
        another = which == "another thread"
        thread = threading.get_ident() if another else threading.main_thread().ident
        signal.pthread_kill(thread, signal.SIGINT)
        assert flight.stopping.wait(20)
        if not another:
            signal.pthread_kill(thread, signal.SIGINT)
        return "the last one"

    backend.enqueue("the first one", interrupted)
    try:
        taken = take(chat, "a", seeds=range(50), parallel=1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert list(taken["reply"]) == ["the first one", "the last one"]
    assert "2 of 50 samples were sent; they are kept" in capsys.readouterr().out


def test_the_first_use_says_where_requests_go_and_the_second_does_not(chat, capsys):
    take(chat, "a")
    assert "fake answers here" in capsys.readouterr().out
    take(chat, "a")
    assert "fake answers here" not in capsys.readouterr().out


def test_a_word_is_tokenized_once_for_all_samples(chat, backend):
    asked = []

    def token_ids(text, flight=None):
        asked.append(text)
        return [len(asked)]

    backend.token_ids = token_ids
    take(chat, "a", seeds=range(5), logit_bias={"blue": -100})
    assert asked == ["blue", " blue", "Blue", " Blue"]
    biases = [request.parameters["logit_bias"] for request in backend.requests]
    assert biases == [{"1": -100, "2": -100, "3": -100, "4": -100}] * 5


def test_a_missing_key_is_one_line_and_no_rows(backend, tmp_path):
    log = RequestLog(tmp_path / "log.sqlite")
    chat = Session(connected(backend, key="NO_SUCH_KEY"), log)
    with pytest.raises(InvalidInput, match="no key in NO_SUCH_KEY"):
        take(chat, "a", seeds=range(3))
    assert len(frame(log)) == 0
    log.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"temperature": [0, 3]}, "0 to 2"),
        ({"temprature": 1}, "Did you mean temperature"),
        ({"seeds": []}, "nothing to sample"),
        ({"parallel": 0}, "parallel is a whole number"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_sent(chat, backend, options, said):
    with pytest.raises(InvalidInput, match=said):
        take(chat, "a", **options)
    assert backend.requests == []
