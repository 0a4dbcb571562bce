"""Turns, what a re-run sets aside, undo and redo: all pure."""

from __future__ import annotations

import pytest

from chatnb.conversation import Conversation, Entry, Place, Timeline, Turn
from chatnb.errors import InvalidInput
from chatnb.records import Choice, Message
from chatnb.text_checks import whole


def turn(text, cell=None, execution=None, **fields):
    return Turn((Message("user", text),), Place(cell, execution), **fields)


def texts(conversation):
    return [message.content for message in conversation.messages]


def conversation_of(*entries, append=()):
    conversation = Conversation()
    for text, cell, execution in entries:
        conversation = conversation.entered(
            turn(text, cell, execution), Entry(Place(cell, execution), text in append)
        )
    return conversation


def test_without_a_cell_id_entries_append():
    assert texts(conversation_of(("a", None, None), ("a", None, None))) == ["a", "a"]


def test_a_re_run_replaces_its_turn_and_sets_aside_what_came_after():
    run = conversation_of(("a", "A", 1), ("b", "B", 2), ("c", "C", 3), ("d", "D", 4))
    again = Place("B", 5)
    assert run.notice(Entry(again)) == "re-run: replaces turn 2; turns 3-4 set aside"
    assert texts(run.before(Entry(again))) == ["a"]
    rerun = run.entered(turn("b2", "B", 5))
    assert texts(rerun) == ["a", "b2"]
    assert [entry.stale for entry in rerun.turns] == [False, True, True, True, False]


def test_a_stale_cell_asks_again_at_the_end_and_counts_once():
    run = conversation_of(("a", "A", 1), ("b", "B", 2), ("a2", "A", 3), ("b2", "B", 4))
    assert texts(run) == ["a2", "b2"]
    assert [entry.messages[0].content for entry in run.turns if entry.stale] == ["a"]
    assert (
        conversation_of(("a", "A", 1), ("b", "B", 2), ("a2", "A", 3)).notice(Entry(Place("B", 4)))
        is None
    )


def test_entries_of_one_execution_append():
    run = conversation_of(("a", "A", 1), ("b", "A", 1), ("c", "C", 2))
    assert texts(run) == ["a", "b", "c"]
    assert run.notice(Entry(Place("A", 3))) == "re-run: replaces turns 1-2; turn 3 set aside"
    again = run.entered(turn("a2", "A", 3)).entered(turn("b2", "A", 3))
    assert texts(again) == ["a2", "b2"]


def test_append_adds_and_the_rest_of_that_execution_too():
    run = conversation_of(("a", "A", 1), ("b", "A", 2), ("c", "A", 2), append=("b",))
    assert texts(run) == ["a", "b", "c"]


def test_the_last_answer_can_be_another_choice():
    choices = (Choice(0, "red", "stop"), Choice(1, "blue", "stop"))
    sent = Turn((Message("user", "color?"), Message("assistant", "red")), choices=choices)
    kept = Conversation(turns=(sent,)).with_choice(1)
    assert texts(kept) == ["color?", "blue"]
    with pytest.raises(InvalidInput, match="no choice 2: the answer has 2, counted from 0"):
        kept.with_choice(2)
    with pytest.raises(InvalidInput, match="send a prompt first"):
        Conversation().with_choice(0)


def test_undo_takes_back_the_last_change_whatever_it_was():
    system = Conversation(system="Be brief.")
    timeline = Timeline().changed("system message", system)
    timeline = timeline.changed("turn 1", system.entered(turn("a")))
    what, timeline = timeline.undone()
    assert (what, timeline.present) == ("turn 1", system)
    what, timeline = timeline.undone()
    assert (what, timeline.present) == ("system message", Conversation())
    with pytest.raises(InvalidInput, match="nothing to undo"):
        timeline.undone()
    what, timeline = timeline.redone()
    assert (what, timeline.present) == ("system message", system)
    assert timeline.redone()[1].present.messages[-1].content == "a"


def test_a_change_after_undo_drops_the_future():
    timeline = Timeline().changed("a", Conversation(system="a")).undone()[1]
    timeline = timeline.changed("b", Conversation(system="b"))
    with pytest.raises(InvalidInput, match="nothing to redo"):
        timeline.redone()


def test_undo_is_kept_for_a_hundred_changes():
    timeline = Timeline()
    for number in range(150):
        timeline = timeline.changed("system", Conversation(system=str(number)))
    assert len(timeline.past) == 100


def test_a_hand_written_answer_joins_its_hand_written_prompt():
    asked = Conversation().entered(turn("Who?", "A", 1))
    answer = Turn((Message("assistant", "Washington."),), Place("A", 1))
    assert len(asked.entered(answer).turns) == 1
    assert texts(asked.entered(answer)) == ["Who?", "Washington."]
    elsewhere = Turn((Message("assistant", "Washington."),), Place("B", 2))
    assert len(asked.entered(elsewhere).turns) == 2


def test_half_characters_of_an_answer_are_replaced_and_a_good_answer_is_kept_as_it_is():
    assert whole("half \ud83d and \ud83d\ude00") == "half \ufffd and \U0001f600"
    answer = "good " * 100
    assert whole(answer) is answer
