"""`chatnb.extract`: texts into a DataFrame by a schema, one row of the log each."""

from __future__ import annotations

from typing import Literal

import pandas
import pydantic
import pytest

from chatnb.errors import InvalidInput, RequestFailed
from chatnb.extraction import extract
from chatnb.records import Choice, Reply
from chatnb.request_log.log_frame import frame

STARS = {"type": "object", "properties": {"stars": {"type": "integer"}}, "required": ["stars"]}


class Author(pydantic.BaseModel):
    name: str


class Book(pydantic.BaseModel):
    title: str
    author: Author


def take(chat, *arguments, **options):
    return extract(*arguments, session=chat, progress=False, **{"parallel": 1} | options)


def test_each_text_is_a_row_in_order_and_each_field_a_column(chat, backend):
    backend.enqueue('{"stars": 5}', '{"stars": 1}')
    found = take(chat, ["lovely", "awful"], STARS, temperature=0)
    assert list(found["text"]) == ["lovely", "awful"]
    assert list(found["stars"]) == [5, 1]
    assert list(found.columns[:3]) == ["text", "stars", "reply"]
    assert str(found["stars"].dtype) == "Int64"
    assert sorted(found["id"]) == sorted(frame(chat.log)["id"])
    assert [each.messages[-1].content for each in backend.requests] == ["lovely", "awful"]
    assert backend.requests[0].parameters["temperature"] == 0


def test_what_is_nested_stays_an_object(chat, backend):
    backend.enqueue('{"title": "Emma", "author": {"name": "Jane Austen"}}')
    found = take(chat, ["Emma, by Jane Austen"], Book)
    assert found["title"][0] == "Emma"
    assert found["author"][0] == {"name": "Jane Austen"}


def test_bad_rows_are_marked_and_not_fatal(chat, backend):
    refused = Reply((Choice(0, "", "stop", refusal="no"),))
    backend.enqueue('{"stars": "many"}', RequestFailed("down"), refused, '{"stars": 3}')
    found = take(chat, ["a", "b", "c", "d"], STARS)
    assert list(found["status"]) == ["ok", "error", "refused", "ok"]
    assert "does not fit its schema" in found["error"][0]
    assert found["error"][1] == "down"
    assert found["error"][2] == "The model refused: no"
    assert list(found["error"].isna()) == [False, False, False, True]
    assert list(found["stars"].isna()) == [True, True, True, False]
    assert found["reply"][0] == '{"stars": "many"}'


def test_the_columns_are_there_where_every_answer_is_bad(chat, backend):
    backend.enqueue("Certainly!")
    found = take(chat, ["a"], Book)
    assert {"title", "author", "error"} <= set(found.columns)
    assert found["title"].isna().all()


def test_a_series_keeps_its_labels_also_where_one_comes_twice(chat, backend):
    backend.enqueue(*['{"stars": 2}'] * 3)
    texts = pandas.Series(["a", "b", "c"], index=["x", "y", "x"])
    found = take(chat, texts, STARS)
    assert list(found.index) == ["x", "y", "x"]
    assert list(found["text"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "index",
    [
        pandas.Index([5, 6, 6], name="document"),
        pandas.MultiIndex.from_tuples([(1, "a"), (1, "b"), (2, "a")], names=["page", "part"]),
        pandas.date_range("2026-01-01", periods=3, tz="UTC"),
        pandas.CategoricalIndex(["x", "y", "x"], name="kind"),
    ],
    ids=lambda index: type(index).__name__,
)
def test_a_series_keeps_its_index_whatever_that_is(chat, backend, index):
    backend.enqueue(*['{"stars": 2}'] * 3)
    found = take(chat, pandas.Series(["a", "b", "c"], index), STARS)
    pandas.testing.assert_index_equal(found.index, index)


def test_a_field_may_have_the_name_of_another_column(chat, backend):
    schema = {"type": "object", "properties": {"status": {}, "text": {}}}
    backend.enqueue('{"status": "married", "text": "short"}')
    found = take(chat, ["a"], schema)
    assert (found["status"][0], found["text"][0]) == ("married", "short")
    assert (found["request_status"][0], found["request_text"][0]) == ("ok", "a")


def test_what_is_no_object_is_one_column(chat, backend):
    backend.enqueue("[1, 2]")
    assert take(chat, ["a"], {"type": "array"})["value"][0] == [1, 2]


def test_the_prompt_says_where_the_text_goes(chat, backend):
    take(chat, ["a"], STARS, prompt="Rate {{text}}!", system=None)
    take(chat, ["a"], STARS, prompt="Rate this:")
    asked = [[message.content for message in each.messages] for each in backend.requests]
    assert asked[0] == ["Rate a!"]
    assert asked[1][-1] == "Rate this:\n\na"


@pytest.mark.parametrize(
    ("texts", "schema", "options", "said"),
    [
        (["a", float("nan")], STARS, {}, "Text 1 is nan, no text"),
        (["a", " "], STARS, {}, "Text 1 is empty"),
        ([], STARS, {}, "nothing to extract from"),
        (["a"], {"type": "object", "required": 5}, {}, "no JSON schema"),
        (["a"], STARS, {"response_format": {}}, "leave that parameter out"),
        (["a"], STARS, {"temperature": 3}, "0 to 2"),
        (["a"], STARS, {"parallel": 0}, "parallel is a whole number"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_sent(chat, backend, texts, schema, options, said):
    with pytest.raises(InvalidInput, match=said):
        take(chat, texts, schema, **options)
    assert backend.requests == []


class Review(pydantic.BaseModel):
    sentiment: Literal["good", "bad"]
    stars: int = pydantic.Field(ge=1, le=5)


@pytest.mark.model
def test_the_embedded_model_answers_in_the_form_of_a_model(shell, log_path, model_server):
    import chatnb

    chatnb.connect("local")
    texts = ["I loved it.", "Never again.", "Fine."]
    found = chatnb.extract(texts, Review, temperature=0, max_tokens=60, progress=False)
    assert list(found["error"].isna()) == [True] * 3
    assert set(found["sentiment"]) <= {"good", "bad"}
    assert found["stars"].between(1, 5).all()
    assert len(chatnb.log()) == 3
