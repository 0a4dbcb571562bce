"""What is told of two texts, word by word."""

from __future__ import annotations

import random
import time

import pytest

from chatnb.playground.word_differences import LONGEST, word_differences


def told(first, second):
    return [(part.change, part.text) for part in word_differences(first, second).parts]


def rebuilt(first, second, without):
    parts = word_differences(first, second).parts
    return [word for part in parts if part.change != without for word in part.text.split()]


def test_a_word_that_was_replaced_is_removed_and_added():
    assert told("a red cat", "a black cat") == [
        ("same", "a "), ("removed", "red "), ("added", "black "), ("same", "cat "),
    ]  # fmt: skip


def test_a_mark_at_a_word_is_a_change_of_its_own():
    assert told("Hello world", "Hello, world") == [
        ("same", "Hello"), ("added", ", "), ("same", "world "),
    ]  # fmt: skip


def test_text_without_blanks_is_compared_by_characters():
    assert told("今天很好", "今天不好") == [
        ("same", "今天"), ("removed", "很"), ("added", "不"), ("same", "好 "),
    ]  # fmt: skip


def test_a_word_that_two_unlike_texts_share_by_chance_is_no_common_ground():
    first = "Once upon a time the king of a far land went to sea"
    second = "My dog has eaten all the cake that was in our kitchen"
    assert [change for change, _ in told(first, second)] == ["removed", "added"]


def test_the_last_word_keeps_its_distance_from_what_is_missing_after_it():
    assert told("a red cat", "a") == [("same", "a "), ("removed", "red cat ")]


def test_the_same_texts_have_no_differences_but_blanks():
    assert word_differences("one two", "one  two").line == "word for word the same"


@pytest.mark.parametrize(
    ("first", "second", "line"),
    [
        ("a", "a b", "1 word added, 0 removed"),
        ("a b c", "a", "0 words added, 2 removed"),
        ("", "", "word for word the same"),
    ],
)
def test_the_line_counts_words(first, second, line):
    assert word_differences(first, second).line == line


def test_both_texts_can_be_read_from_the_parts():
    chance = random.Random(3)
    for _ in range(300):
        first, second = (" ".join(chance.choices("abcd", k=chance.randrange(12))) for _ in "12")
        assert rebuilt(first, second, "added") == first.split()
        assert rebuilt(first, second, "removed") == second.split()


@pytest.mark.parametrize(
    ("first", "second"),
    [("a ", "a b "), ("a b c d ", "b d a c "), ("again ", "again ")],
)
def test_a_model_that_repeats_itself_takes_no_minutes(first, second):
    began = time.perf_counter()
    word_differences(first * (LONGEST // 2), second * (LONGEST // 2))
    assert time.perf_counter() - began < 10


def test_of_long_texts_the_beginnings_are_compared_and_the_line_says_so():
    found = word_differences("word " * (LONGEST + 500), "word " * (LONGEST + 1_000))
    assert found.line == "of the first 5,000 of 6,000 words: word for word the same"
    assert "".join(part.text for part in found.parts).count("word") == LONGEST


def test_no_control_character_or_half_character_comes_through():
    (part,) = word_differences("", "a\x1b[31m\u202eb\ud83d").parts
    assert part.text == "a[31mb\ufffd "
