"""The exercise of notebook 02, judged on rows written by hand."""

from __future__ import annotations

import pandas

from chatnb.lessons.lesson_02 import WORDS, words_become_questions

EXAMPLE = [{"role": "user", "content": "cat"}, {"role": "assistant", "content": "cat?"}]


def rows(replies: list[str | None], before: list[dict[str, str]]) -> pandas.DataFrame:
    sent = [[*before, {"role": "user", "content": word}] for word in WORDS]
    prompts = {"prompt": list(WORDS), "reply": replies, "status": "ok", "messages": sent}
    return pandas.DataFrame(prompts)


def test_three_of_four_questions_after_examples_pass() -> None:
    replies: list[str | None] = ["river?", "music?", "stone", "Bread? "]
    finding = words_become_questions(rows(replies, EXAMPLE * 2))
    assert finding
    assert finding.measured == "3 of 4 came back with a question mark, after 2 examples"


def test_too_few_questions_do_not_pass() -> None:
    assert not words_become_questions(rows(["river?", "music?", "stone", None], EXAMPLE))


def test_telling_does_not_count_and_neither_does_luck() -> None:
    told = [{"role": "system", "content": "Ask."}, *EXAMPLE]
    assert "system message" in words_become_questions(rows(["a?"] * 4, told)).measured
    assert "no example" in words_become_questions(rows(["a?"] * 4, [])).measured
    assert not words_become_questions(rows(["a?"] * 4, []).head(0))


def test_the_last_try_counts() -> None:
    tries = [rows(["no"] * 4, EXAMPLE), rows([f"{word}?" for word in WORDS], EXAMPLE)]
    assert words_become_questions(pandas.concat(tries, ignore_index=True))
