"""Structured output: what is asked for, and what an answer must be to count as one."""

from __future__ import annotations

import enum
import json
from typing import Literal

import pydantic
import pytest

from chatnb.errors import ChatError, InvalidInput, UnfitReply
from chatnb.parameters import Parameters
from chatnb.records import Request
from chatnb.request_log.log_frame import frame
from chatnb.schemas import MisfitError, ResponseFormat, fields_of, parsed

from .fake_backend import reply


class Review(pydantic.BaseModel):
    sentiment: Literal["good", "bad"]
    stars: int = pydantic.Field(ge=1, le=5)


class Mood(enum.Enum):
    GOOD = "good"


class Author(pydantic.BaseModel):
    name: str
    age: int | None = None


class Book(pydantic.BaseModel):
    """A book."""

    title: str = pydantic.Field(description="as printed")
    author: Author = pydantic.Field(description="the first one")
    others: list[Author] = []
    mood: Mood = Mood.GOOD
    more: dict[str, int] = {}


class Node(pydantic.BaseModel):
    children: list[Node]


class Picky(pydantic.BaseModel):
    name: str

    @pydantic.field_validator("name")
    @classmethod
    def known(cls, name: str) -> str:
        return {}[name]


SCHEMA = {
    "type": "object",
    "properties": {"stars": {"type": "integer", "maximum": 5}},
    "required": ["stars"],
}


def form_of(value):
    return Parameters(response_format=value).response_format


@pytest.mark.parametrize("model", [Review, Author, Book, Node])
def test_a_model_is_sent_as_the_sdk_sends_it(model):
    from openai.lib._parsing._completions import type_to_response_format_param

    assert form_of(model) == type_to_response_format_param(model)


def test_a_bare_schema_is_sent_unchanged_in_the_form_of_the_api():
    form = form_of({**SCHEMA, "title": "My review"})
    named = {"name": "My_review", "schema": {**SCHEMA, "title": "My review"}}
    assert form == {"type": "json_schema", "json_schema": named}


def test_a_schema_that_is_strict_is_called_strict():
    form = form_of({**SCHEMA, "additionalProperties": False})
    assert form["json_schema"]["strict"] is True
    assert form["json_schema"]["name"] == "answer"


@pytest.mark.parametrize(
    "form",
    [
        {"type": "json_object"}, {"type": "text"}, {"type": "grammar", "root": "x"}, {},
        {"type": "json_schema", "json_schema": {"name": "a", "strict": False, "schema": SCHEMA}},
    ],
)  # fmt: skip
def test_the_form_of_the_api_stays_as_it_is(form):
    assert form_of(form) == form


def test_a_model_survives_a_copy_of_the_parameters():
    standing = Parameters(response_format=Review)
    again = Parameters(**standing.values())
    assert isinstance(again.response_format, ResponseFormat)
    assert again.response_format.model is Review


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"type": "object", "properties": {"a": {"type": "whole"}}}, "no JSON schema"),
        ({"type": "array", "items": 5}, "no JSON schema"),
        ({"type": "string", "pattern": "["}, "no JSON schema"),
        (int, "a JSON schema or a pydantic model"),
        ("json", "a JSON schema or a pydantic model"),
    ],
)
def test_what_is_no_schema_is_one_line(wrong, said):
    with pytest.raises(InvalidInput, match=said):
        form_of(wrong)


@pytest.mark.parametrize(
    ("text", "form", "value"),
    [
        ('{"sentiment": "good", "stars": 4}', Review, Review(sentiment="good", stars=4)),
        ('{"stars": 4}', SCHEMA, {"stars": 4}),
        ("[1, 2]", {"type": "array", "items": {"type": "integer"}}, [1, 2]),
        (' {"a": null}\n', {"type": "json_object"}, {"a": None}),
        ("anything", {"type": "text"}, None),
        ("anything", {"type": "grammar"}, None),
    ],
)
def test_an_answer_that_fits_is_parsed(text, form, value):
    assert parsed(text, form_of(form)) == value


@pytest.mark.parametrize(
    ("text", "form", "said"),
    [
        ('{"sentiment": "good", "stars": 9}', Review, "^stars: .*less than or equal to 5$"),
        ("{}", Review, r"^sentiment: Field required \(and 1 more\)$"),
        ('{"stars": 9}', SCHEMA, "^stars: 9 is greater than the maximum of 5$"),
        ("{}", SCHEMA, "'stars' is a required property"),
        ("Certainly!", SCHEMA, "Expecting value"),
        ("[]", {"type": "json_object"}, "no JSON object"),
        ("[" * 100_000, {"type": "json_object"}, "recursion"),
        ("{}", {"type": "object", "properties": {}, "allOf": [{"$ref": "#/no"}]}, "nowhere"),
        ("{}", {"$ref": "#"}, "refers to itself without end"),
        ('{"name": "x"}', Picky, "^KeyError: 'x'$"),
    ],
)
def test_an_answer_that_does_not_fit_says_why_in_one_line(text, form, said):
    with pytest.raises(MisfitError, match=said) as misfit:
        parsed(text, form_of(form))
    assert "\n" not in str(misfit.value)
    assert len(str(misfit.value)) < 250


def test_a_reference_to_another_machine_is_not_fetched():
    # The guard of the tests fails whatever leaves loopback.
    form = form_of({"type": "object", "$ref": "http://schemas.example.org/review.json"})
    with pytest.raises(MisfitError, match="leads nowhere"):
        parsed("{}", form)


def test_the_fields_of_a_form_are_known_before_any_answer():
    assert fields_of(form_of(Review)) == ("sentiment", "stars")
    assert fields_of(form_of(SCHEMA)) == ("stars",)
    assert fields_of(form_of({"type": "json_object"})) == ()
    assert fields_of(form_of({"$ref": "#/$defs/A", "$defs": {"A": SCHEMA}})) == ("stars",)


def test_json_on_the_line_of_a_cell_keeps_its_braces():
    from chatnb.magics.magic_options import parsed as options

    schema = '{"type": "object", "properties": {"a": {"type": "object"}}}'
    found, prompt = options(f"--response_format '{schema}' Hi", {"a": "no"})
    assert found.parameters["response_format"]["json_schema"]["schema"] == json.loads(schema)
    assert prompt == "Hi"


def test_ask_returns_an_instance_of_the_model(chat, backend):
    backend.enqueue('{"sentiment": "good", "stars": 4}')
    answer = chat.ask("How was it?", response_format=Review)
    assert answer.parsed == Review(sentiment="good", stars=4)
    assert backend.requests[0].parameters["response_format"]["json_schema"]["strict"] is True


def test_an_answer_that_does_not_fit_is_an_error_with_its_text_and_a_whole_row(chat, backend):
    backend.enqueue('{"stars": 9}')
    with pytest.raises(UnfitReply, match=r"does not fit its schema \(stars: 9 is") as caught:
        chat.ask("How was it?", response_format=SCHEMA)
    assert caught.value.kind == "bad_schema"
    assert caught.value.reply.text == '{"stars": 9}'
    row = frame(chat.log).iloc[0]
    assert (row["status"], row["error_kind"], row["reply"]) == ("ok", "bad_schema", '{"stars": 9}')
    assert row["total_tokens"] == 8
    assert "stars: 9" in row["error"]


def test_json_that_was_cut_at_the_limit_says_which_limit_to_raise(chat, backend):
    backend.enqueue(reply('{"stars": ', finish_reason="length"))
    with pytest.raises(ChatError, match=r"token limit \(max_completion_tokens=5\)\. Raise it"):
        chat.ask("How was it?", response_format=Review, max_completion_tokens=5)


def test_a_turn_that_does_not_fit_leaves_the_conversation_unchanged_until_it_is_kept(chat, backend):
    backend.enqueue("Certainly!", '{"stars": 5}')
    with pytest.raises(UnfitReply):
        chat.send("How was it?", response_format=SCHEMA)
    assert chat.messages == []
    chat.keep()
    assert [message["content"] for message in chat.messages] == ["How was it?", "Certainly!"]
    chat.undo()
    assert chat.send("How was it?", response_format=SCHEMA).parsed == {"stars": 5}
    assert len(chat.messages) == 2


@pytest.mark.parametrize("source", ["cell", "panel", "compare"])
def test_who_reads_the_answer_is_told_below_it_that_it_does_not_fit(chat, backend, source):
    from chatnb.rendering.receipt import receipt

    backend.enqueue("Certainly!")
    answer = chat.send("How was it?", source=source, response_format=SCHEMA)
    assert answer.text == "Certainly!"
    assert len(chat.messages) == 2
    assert "The answer is no JSON" in receipt(chat.last).text
    with pytest.raises(UnfitReply):
        answer.parsed  # noqa: B018


def test_retry_asks_again_for_the_same_form(chat, backend):
    backend.enqueue("Certainly!", '{"sentiment": "bad", "stars": 1}')
    with pytest.raises(UnfitReply):
        chat.send("How was it?", response_format=Review)
    assert chat.retry().parsed == Review(sentiment="bad", stars=1)


def test_a_refusal_is_no_misfit(chat, backend):
    from chatnb.records import Choice, Reply

    backend.enqueue(Reply((Choice(0, "", "stop", refusal="I would rather not."),)))
    answer = chat.ask("How was it?", response_format=Review)
    assert (answer.parsed, answer.refusal) == (None, "I would rather not.")


def test_a_form_given_as_extra_is_checked_too(chat, backend):
    backend.enqueue("Certainly!")
    with pytest.raises(UnfitReply):
        chat.ask("How was it?", extra={"response_format": {"type": "json_object"}})


def test_the_row_and_the_body_hold_plain_json(chat, backend):
    backend.enqueue('{"sentiment": "good", "stars": 4}')
    chat.ask("How was it?", response_format=Review)
    request: Request = backend.requests[0]
    sent = json.loads(json.dumps(request.body()))["response_format"]
    assert json.loads(frame(chat.log)["response_format"][0]) == sent
