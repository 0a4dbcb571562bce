"""A turn as the panel draws it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chatnb.conversation import Conversation, Entry, Turn, turn_of
from chatnb.hand_written import conversation_of
from chatnb.playground import turn_view as room
from chatnb.playground.turn_view import Formatter, numbered, turn_view
from chatnb.records import Choice, Message
from tests.cell_view.conftest import ended

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(1)">'


def sent(*texts, exchange=None):
    """A turn as the session makes it of an exchange."""
    exchange = exchange or ended(*(texts or ("**Hi**",)))
    request = exchange.request
    return turn_of(request, exchange.reply.choices, Entry().place, exchange.id), exchange


def test_a_prompt_is_shown_as_text_and_its_answer_formatted():
    turn, exchange = sent("**Hi**")
    turn = replace(turn, messages=(Message("user", "**you**"), turn.messages[1]))
    view = turn_view(turn, 1, exchange)
    assert "**you**" in view["prompt"]
    assert "<strong>Hi</strong>" in view["answer"]
    assert (view["prompt_text"], view["answer_text"]) == ("**you**", "**Hi**")


def test_what_the_exchange_tells_is_told():
    view = turn_view(*_with_number(sent("Hi")))
    assert view["who"] == "SmolLM2-135M-Instruct on this machine"
    assert view["source"] == "python"
    assert "17 + 26 = 43 tokens" in view["receipt"]
    assert view["bar"]["total"] == 43


def test_without_an_exchange_there_is_no_receipt_and_nobody_knows_who_answered():
    view = turn_view(sent("Hi")[0], 1, None)
    assert (view["receipt"], view["bar"], view["who"], view["source"]) == ("", None, None, None)


def test_of_several_choices_each_is_a_card_and_the_kept_one_says_what_is_sent():
    turn, exchange = sent("red", "blue")
    kept = Conversation(turns=(turn,)).with_choice(1).turns[0]
    view = turn_view(kept, 1, exchange)
    assert [card["kept"] for card in view["choices"]] == [False, True]
    assert "blue" in view["answer"]
    edited = Conversation(turns=(kept,)).with_edited(kept, 1, "green").turns[0]
    cards = turn_view(edited, 1, exchange)["choices"]
    assert "red" in cards[0]["html"]
    assert "green" in cards[1]["html"]


def test_a_card_says_why_its_choice_ended():
    choices = (Choice(0, "a", "length"), Choice(1, "b", "stop"), Choice(2, "", "stop", "I won't."))
    exchange = ended()
    exchange = replace(exchange, reply=replace(exchange.reply, choices=choices))
    cards = turn_view(*_with_number(sent(exchange=exchange)))["choices"]
    labels = [card["label"] for card in cards]
    assert labels == ["choice 0 · stopped at the token limit", "choice 1", "choice 2 · refused"]
    assert "won&#x27;t" in cards[2]["html"] or "won't" in cards[2]["html"]


def test_a_single_answer_is_no_card_and_its_thinking_is_folded_above_it():
    exchange = ended()
    choice = Choice(0, "42", "stop", reasoning="six times seven")
    exchange = replace(exchange, reply=replace(exchange.reply, choices=(choice,)))
    view = turn_view(*_with_number(sent(exchange=exchange)))
    assert view["choices"] == []
    assert view["answer"].index("six times seven") < view["answer"].index("42")


@pytest.mark.parametrize(("message", "edited"), [(None, False), (0, True), (1, True)])
def test_a_turn_is_edited_where_it_is_not_what_was_sent_or_came_back(message, edited):
    turn, exchange = sent("Hi")
    if message is not None:
        turn = Conversation(turns=(turn,)).with_edited(turn, message, "other").turns[0]
    assert turn_view(turn, 1, exchange)["edited"] is edited


def test_a_refusal_or_half_a_character_is_not_taken_for_an_edit():
    refused = replace(ended(), reply=replace(ended().reply, choices=(Choice(0, "", "stop", "No"),)))
    for exchange in (refused, ended("half \ud83d")):
        view = turn_view(*_with_number(sent(exchange=exchange)))
        assert view["edited"] is False
        json.dumps(view, ensure_ascii=False).encode()


def test_half_a_character_can_be_sent_to_the_front_end():
    view = turn_view(Turn((Message("user", "\ud83d"), Message("assistant", "\ud83d"))), 1, None)
    json.dumps(view, ensure_ascii=False).encode()


def test_loaded_prompts_and_answers_look_like_others_and_can_be_edited():
    loaded = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "*Me*"}]
    (turn,) = conversation_of(loaded, Entry().place).turns
    view = turn_view(turn, 1, None)
    assert "<em>Me</em>" in view["answer"]
    assert (view["prompt_text"], view["answer_text"]) == ("Who?", "*Me*")
    assert view["messages"] == []
    assert view["edited"] is False


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (Message("system", "*Be* brief."), "*Be* brief."),
        (Message("developer", "Be brief."), "Be brief."),
        (Message("tool", '{"a": 1}', {"tool_call_id": "x"}), "{&quot;a&quot;: 1}"),
    ],
)
def test_other_hand_written_messages_are_shown_by_their_role(message, shown):
    view = turn_view(Turn((message,)), 1, None)
    assert [each["role"] for each in view["messages"]] == [message.role]
    assert shown in view["messages"][0]["html"]
    assert (view["prompt"], view["answer"], view["prompt_text"]) == (None, None, "")


def test_a_call_of_a_tool_without_content_never_says_none():
    call = Message("assistant", None, {"tool_calls": [{"function": {"name": "look_up"}}]})
    answer = turn_view(Turn((call,)), 1, None)["answer"]
    assert "look_up" in answer
    assert "None" not in answer


def test_an_image_in_a_prompt_is_named_and_not_spelled_out():
    parts = [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": "d" * 9}},
    ]
    view = turn_view(Turn((Message("user", parts),)), 1, None)
    assert "What?\n[image_url]" in view["prompt"]
    assert view["prompt_text"] == ""


def test_a_key_stays_when_a_turn_is_edited_or_set_aside_and_equal_turns_have_two():
    first, second = Turn((Message("user", "Hi"),)), Turn((Message("user", "Hi"),))
    conversation = Conversation(turns=(first, second))
    keys = [turn_view(turn, 1, None)["key"] for turn in conversation.turns]
    assert len(set(keys)) == 2
    edited = conversation.with_edited(second, 0, "Ho")
    aside = edited.before(Entry(replaces=edited.turns[0]))
    assert [turn_view(turn, None, None)["key"] for turn in aside.turns] == keys
    assert [turn_view(turn, None, None)["stale"] for turn in aside.turns] == [True, True]


def test_turns_that_were_set_aside_have_no_number():
    turns = [Turn((Message("user", text),), stale=text == "b") for text in "abc"]
    assert [number for _, number in numbered(Conversation(turns=tuple(turns)))] == [1, None, 2]


@pytest.mark.parametrize("role", ["user", "assistant", "system", "tool"])
def test_what_is_hostile_is_only_text(role):
    for turn in (Turn((Message(role, HOSTILE),)), sent(HOSTILE, HOSTILE)[0]):
        told = json.dumps(turn_view(turn, 1, None)).replace(json.dumps(HOSTILE)[1:-1], "")
        assert "<script" not in told
        assert "<img" not in told


def test_what_is_too_long_is_cut_and_cannot_be_edited():
    long = "x" * 300_000
    view = turn_view(Turn((Message("user", long), Message("assistant", long))), 1, None)
    assert len(view["prompt"]) < 110_000
    assert len(view["answer"]) < 110_000
    assert "100,000 of 300,000 characters shown" in view["prompt"]
    assert (view["prompt_text"], view["answer_text"]) == ("", "")


def test_a_view_can_be_sent_as_json():
    view = turn_view(*_with_number(sent("red", "blue")))
    assert json.loads(json.dumps(view)) == view


def test_an_answer_is_formatted_once_and_the_oldest_are_let_go(monkeypatch):
    monkeypatch.setattr(room, "KEPT_CHARACTERS", 1_000)
    formatter = Formatter()
    first = formatter("first")
    assert formatter("first") is first
    for number in range(20):
        formatter(f"answer {number}")
        assert formatter("first") is first  # it was used: others are older
    kept = formatter("answer 19")
    assert formatter("answer 19") is kept
    formatter("long " * 500)
    assert formatter("first") is not first
    assert formatter._characters == sum(map(len, formatter._html.values())) <= 1_000


def _with_number(pair):
    turn, exchange = pair
    return turn, 1, exchange
