"""Notebook 10, executed as it is: a request sent again, answers of one shape, the sweep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import openai
import pandas
import pytest

import chatnb
from chatnb.lessons.lesson_10 import one_more_choice
from chatnb.lessons.statistics import distinct
from tests.loopback import LoopbackServer
from tests.notebooks import runs
from tests.notebooks.exercise_cells import path_of, read


@pytest.fixture(scope="module")
def run() -> runs.Run:
    return runs.untouched("10")


@pytest.mark.kernel
@pytest.mark.model
def test_the_logged_request_is_answered_when_sent_again(run: runs.Run) -> None:
    """Alike on an idle server; requests at the same time share a computation."""
    assert "the same answer: " in run.text("data-08")


def test_what_is_sent_again_is_what_was_sent() -> None:
    """The notebook's own lines, on a server that keeps what it receives."""
    lines = next(cell.source for cell in read(path_of("10")).cells if cell.id == "data-08")
    building = lines.partition("connection =")[0]
    with LoopbackServer() as server:
        chat = chatnb.Session(server.base_url, model="echo")
        with closing(chat.backend), openai.OpenAI(**chat.connection.client_options()) as client:
            chat.ask(
                "Grüße {x}", system="Short.", temperature=0.25, seed=3, max_completion_tokens=9
            )
            names: dict[str, Any] = {"pandas": pandas, "chatnb": chatnb}
            exec(building, names)
            client.chat.completions.create(**names["asked"])
        first, again = (received.json for received in server.requests[-2:])
    assert first == again
    assert first["messages"][1]["content"] == "Grüße {x}"


@pytest.mark.kernel
@pytest.mark.model
def test_every_answer_has_the_shape_of_the_schema(run: runs.Run) -> None:
    rows = run.rows[run.rows["response_format"].notna() & (run.rows["source"] == "sample")]
    assert len(rows) == 12
    assert set(rows["status"]) == {"ok"}
    answers = [json.loads(reply) for reply in rows["reply"]]
    assert {answer["sentiment"] for answer in answers} <= {"positive", "negative"}
    assert {answer.get("stars", 1) for answer in answers} <= {1, 2, 3, 4, 5}


@pytest.mark.kernel
@pytest.mark.model
def test_a_high_temperature_with_all_tokens_varies_more_than_a_low_one(run: runs.Run) -> None:
    """Measured with six answers a cell: 0.97 against 0.17."""
    rows = run.rows[run.rows["top_p"].notna()]
    pairs = rows.groupby(["temperature", "top_p"])["reply"].agg(lambda texts: distinct(texts, 2))
    assert rows.groupby(["temperature", "top_p"]).size().tolist() == [6] * 9
    assert pairs[1.2, 1] - pairs[0.3, 0.3] > 0.35


def rows_with(fields: Mapping[str, Any], *replies: str) -> pandas.DataFrame:
    form = {"type": "json_schema", "json_schema": {"schema": {"properties": fields}}}
    made = [
        {"response_format": json.dumps(form), "source": "sample", "reply": reply}
        for reply in replies
    ]
    return pandas.DataFrame(made, columns=["response_format", "source", "reply"])


SENTIMENT = {"sentiment": {"enum": ["good", "bad"]}}
TOPIC = SENTIMENT | {"about": {"enum": ["food", "room"]}}


def test_the_check_wants_one_more_field_with_given_words() -> None:
    good = '{"sentiment": "good", "about": "food"}'
    assert one_more_choice(rows_with(TOPIC, good, good, good))
    assert not one_more_choice(rows_with(TOPIC, good))
    assert not one_more_choice(rows_with(TOPIC))
    assert not one_more_choice(rows_with(SENTIMENT, good, good, good))


def test_the_check_counts_the_answers_that_keep_to_the_schema() -> None:
    good, other = '{"sentiment": "good", "about": "food"}', '{"sentiment": "good", "about": "sea"}'
    finding = one_more_choice(rows_with(TOPIC, good, other, '{"sentim', "[]"))
    assert not finding
    assert "1 of 4 answers" in finding.measured
