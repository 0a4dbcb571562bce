"""`reuse=True`: an answer that the log has already is taken, and nothing is sent for it."""

from __future__ import annotations

import sqlite3

import pytest

from chatnb.errors import RequestFailed
from chatnb.extraction import extract
from chatnb.records import Message, Origin, Request
from chatnb.request_log import RequestLog
from chatnb.request_log.answer_keys import answer_key
from chatnb.request_log.log_frame import frame
from chatnb.request_log.logged_answers import _IDS, logged_answers
from chatnb.samples import sample
from chatnb.sessions import Session

from .fake_backend import connected, reply

_PLAN = f"EXPLAIN QUERY PLAN {_IDS}"


def take(chat, *arguments, **options):
    return sample(*arguments, session=chat, **{"reuse": True, "progress": False} | options)


def test_a_second_run_sends_nothing_and_gives_the_same_rows(chat, backend, capsys):
    backend.enqueue(reply("red", "blue", cost=0.25), "green")
    first = take(chat, "Name a color.", seeds=[1, 2], n=2, parallel=1)
    again = take(chat, "Name a color.", seeds=[1, 2], n=2, parallel=1)
    assert len(backend.requests) == 2
    assert list(first["reused"]) == [False, False]
    assert list(again["reused"]) == [True, True]
    assert str(again["reused"].dtype) == "boolean"
    assert first.drop(columns="reused").equals(again.drop(columns="reused"))
    assert len(frame(chat.log)) == 2
    assert "2 of 2 samples are taken from the log.\n" in capsys.readouterr().out


def test_without_reuse_all_are_sent(chat, backend):
    take(chat, "a", seeds=[1])
    assert list(take(chat, "a", seeds=[1], reuse=False)["reused"]) == [False]
    assert len(backend.requests) == 2


def test_what_is_missing_is_sent_and_the_order_stays(chat, backend):
    backend.enqueue("one", "three")
    take(chat, "a", seeds=[1, 3], parallel=1)
    backend.enqueue("two")
    taken = take(chat, "a", seeds=[1, 2, 3])
    assert list(taken["reply"]) == ["one", "two", "three"]
    assert list(taken["reused"]) == [True, False, True]


def test_equal_requests_of_one_call_take_an_answer_each(chat, backend):
    backend.enqueue("red", "blue")
    take(chat, ["a", "a"], parallel=1)
    backend.enqueue("green")
    taken = take(chat, ["a", "a", "a"])
    assert list(taken["reply"]) == ["red", "blue", "green"]
    assert list(taken["reused"]) == [True, True, False]


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 0.5}, {"system": "Be brief."}, {"model": "another"}, {"extra": {"k": 1}},
        {"max_tokens": 5},
    ],
)  # fmt: skip
def test_another_request_is_another_answer(chat, backend, other):
    take(chat, "a", seeds=[1])
    assert list(take(chat, "a", seeds=[1], **other)["reused"]) == [False]


def test_another_server_is_another_answer(chat, backend, log):
    take(chat, "a")
    elsewhere = Session(connected(backend, base_url="http://127.0.0.1:8/v1"), log)
    assert list(take(elsewhere, "a")["reused"]) == [False]


def test_a_failed_answer_is_asked_again(chat, backend):
    backend.enqueue(RequestFailed("down"), "fine")
    take(chat, "a")
    assert list(take(chat, "a")["reply"]) == ["fine"]
    assert len(backend.requests) == 2


def test_what_is_still_in_the_air_is_no_answer(chat, backend):
    taken = []

    def look(request, flight):
        taken.append(logged_answers(chat.log, [request]))
        return "fine"

    backend.enqueue(look)
    take(chat, "a")
    assert taken == [[None]]


def test_an_answer_to_ask_and_one_of_an_earlier_kernel_count(chat, backend, log):
    backend.enqueue("of yesterday")
    chat.ask("a", temperature=0)
    log.close()
    today = RequestLog(log.path)
    taken = take(Session(connected(backend), today), "a", temperature=0)
    assert (taken["reply"][0], taken["reused"][0]) == ("of yesterday", True)
    today.close()


def test_turns_of_a_conversation_are_no_samples(chat, backend, log):
    chat.send("a")
    assert list(take(chat, "a")["reused"]) == [False]


def test_no_key_is_needed_for_what_the_log_has(backend, log, monkeypatch):
    monkeypatch.setenv("A_KEY", "secret-secret")
    chat = Session(connected(backend, key="A_KEY"), log)
    take(chat, "a")
    monkeypatch.delenv("A_KEY")
    assert take(chat, "a")["reused"][0]


def test_extraction_reuses_what_fits_and_asks_again_for_what_does_not(chat, backend):
    schema = {"type": "object", "properties": {"stars": {"type": "integer"}}}
    options = {"session": chat, "progress": False, "parallel": 1, "reuse": True}
    backend.enqueue('{"stars": 4}', "Certainly!", '{"stars": 1}')
    extract(["good", "bad"], schema, **options)
    found = extract(["good", "bad"], schema, **options)
    assert list(found["stars"]) == [4, 1]
    assert list(found["reused"]) == [True, False]
    # The bad answer is still there, and older: it does not stand in the way of the good one.
    assert list(extract(["good", "bad"], schema, **options)["reused"]) == [True, True]


def test_the_embedded_model_is_its_file_and_not_its_port():
    def asked(**fields):
        return Request("m", (Message("user", "a"),), embedded=True, **fields)

    here = answer_key(asked(base_url="http://127.0.0.1:1/v1", model_file="b179"))
    assert here == answer_key(asked(base_url="http://127.0.0.1:2/v1", model_file="b179"))
    assert here != answer_key(asked(base_url="http://127.0.0.1:1/v1", model_file="c280"))


def test_requests_to_the_embedded_model_name_its_file(tmp_path):
    from chatnb.connections import connection_to, opened

    def file_of(path=None):
        connected = opened(connection_to("local", path=path))
        model = connected.connection.model
        return connected.backend.prepare(Request(model, (Message("user", "a"),))).model_file

    assert file_of().startswith("b179c952")
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF and so on")
    first = file_of(str(own))
    own.write_bytes(b"GGUF and something else")
    assert len({file_of(), first, file_of(str(own))}) == 3


def test_a_history_is_not_hashed_at_each_turn():
    turn = Request("m", (Message("user", "a"),), origin=Origin(conversation="main"))
    assert answer_key(turn) is None


def test_the_answer_is_found_by_an_index(log, chat, backend):
    take(chat, "a")
    plan = log.read(lambda opened: opened.execute(_PLAN, ("[]",)).fetchall())
    steps = [step for *_, step in plan]
    assert any("answer USING COVERING INDEX answer_to_request" in step for step in steps)
    assert not any(step.startswith("SCAN exchange") or step == "SCAN answer" for step in steps)


def test_a_log_from_before_there_were_answers_goes_on(chat, backend, log):
    chat.ask("old")
    log.close()
    with sqlite3.connect(log.path) as file:
        file.execute("DROP TABLE answer")
    again = RequestLog(log.path)
    chat = Session(connected(backend), again)
    assert list(take(chat, "old")["reused"]) == [False]
    assert list(take(chat, "old")["reused"]) == [True]
    assert len(frame(again, all=True)) == 2
    again.close()


def test_a_purge_takes_the_answers_along(chat, backend, log):
    from chatnb.request_log.log_export import purge

    take(chat, "a")
    purge(log)
    assert log.read(lambda opened: opened.execute("SELECT count(*) FROM answer").fetchone()) == (0,)
    assert list(take(chat, "a")["reused"]) == [False]


def test_an_answer_that_was_in_memory_only_is_found_once_it_is_in_the_file(tmp_path, backend):
    away = tmp_path / "not yet"
    away.write_text("a file where the directory should be")
    log = RequestLog(away / "log.sqlite")
    chat = Session(connected(backend), log)
    backend.enqueue("kept")
    take(chat, "a")
    away.unlink()
    take(chat, "something else")  # the log can be written again
    assert take(chat, "a")["reply"][0] == "kept"
    assert logged_answers(log, []) == []
    log.close()


@pytest.mark.model
def test_the_embedded_model_answers_from_the_log_after_a_restart_of_its_server(
    shell, log_path, model_server
):
    import chatnb

    chatnb.connect("local")
    options = {"seeds": [1], "max_tokens": 5, "progress": False, "reuse": True}
    first = chatnb.sample("Name a color.", **options)
    chatnb.connect("local")
    again = chatnb.sample("Name a color.", **options)
    assert (first["reply"][0], True) == (again["reply"][0], again["reused"][0])
    assert len(chatnb.log()) == 1
