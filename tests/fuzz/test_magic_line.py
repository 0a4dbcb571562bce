"""The line of a magic, and the names that are filled in."""

from __future__ import annotations

import string

import pytest
from hypothesis import strategies as st

from chatnb.errors import InvalidInput
from chatnb.magics.magic_line import Option, filled, split
from tests.fuzz.properties import holds_for

OPTIONS = {
    "--temperature": Option("temperature"),
    "--stop": Option("stop", keeps_quotes=True),
    "--raw": Option("raw", takes_value=False),
    "-s": Option("system"),
}
LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [*OPTIONS, "--", "-", "=", " ", "\t", '"', "'", "\\", "{", "}", "[", "]", "{{a}}",
             "--nosuch", "0", "\n"]
        ),
        st.text(max_size=6),
    ),
    max_size=15,
).map("".join)  # fmt: skip
PROMPTS = st.text(max_size=40).map(lambda text: f"P{text}")  # that begin with a word


@holds_for(line=LINES)
def test_any_line_is_split_or_refused_in_one_line(line: str) -> None:
    try:
        found, rest = split(line, OPTIONS)
    except InvalidInput:
        return  # in one line, as every error is
    assert line.endswith(rest)
    assert set(found) <= set(OPTIONS)
    for name, value in found.items():
        assert value is not None or not OPTIONS[name].takes_value


WORDS = st.text(st.characters(exclude_characters="\"'\\", exclude_categories=("Cs",)), max_size=20)


@holds_for(system=WORDS, temperature=st.floats(0, 2), prompt=PROMPTS, raw=st.booleans())
def test_what_is_quoted_comes_back_and_the_prompt_byte_for_byte(
    system: str, temperature: float, prompt: str, raw: bool
) -> None:
    for quote in "\"'":
        line = f"-s {quote}{system}{quote} --temperature={temperature} {'--raw ' * raw}{prompt}"
        found, rest = split(line, OPTIONS)
        expected = {"-s": system, "--temperature": str(temperature)}
        assert found == (expected | {"--raw": None} if raw else expected)
        assert rest == prompt


NAMES = st.sampled_from(["a", "b1", "_x", "naïve", "Ω"])
TEXTS = st.lists(
    st.one_of(
        NAMES.map("{{{{{}}}}}".format),
        st.sampled_from(["{", "}", "{{", "}}", "{{ a }}", "{{a.b}}", "{{a()}}", "{{1}}", "$"]),
        st.text(max_size=5),
    ),
    max_size=12,
).map("".join)  # fmt: skip


def filled_by_hand(text: str, values: dict[str, str]) -> str:
    """From left to right: a whole name between two pairs of braces, and nothing else."""
    done, at = "", 0
    while at < len(text):
        end = text.find("}}", at)
        name = text[at + 2 : end] if text.startswith("{{", at) and end >= 0 else ""
        if _is_name(name):
            if name not in values:
                raise KeyError(name)
            done, at = done + values[name], end + 2
        else:
            done, at = done + text[at], at + 1
    return done


def _is_name(text: str) -> bool:
    """Letters, digits and underscores; no digit first."""
    letters = all(each == "_" or each.isalnum() for each in text)
    return bool(text) and letters and not text[0].isdecimal()


@holds_for(text=TEXTS, values=st.dictionaries(NAMES, st.text(max_size=8), max_size=5))
def test_nothing_but_whole_names_is_filled(text: str, values: dict[str, str]) -> None:
    try:
        expected = filled_by_hand(text, values)
    except KeyError:
        with pytest.raises(InvalidInput, match="no variable"):
            filled(text, values)
    else:
        assert filled(text, values) == expected


@holds_for(text=st.text(string.printable))
def test_text_without_two_braces_stays_as_it_is(text: str) -> None:
    without = text.replace("{{", "{ {")
    assert filled(without, {"a": "boom"}) == without.replace("{{a}}", "boom")
