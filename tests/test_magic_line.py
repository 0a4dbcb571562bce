"""The line of a magic, split; the prompt, byte for byte."""

from __future__ import annotations

import pytest

from chatnb.errors import InvalidInput
from chatnb.magics.magic_line import Option, filled, split

OPTIONS = {
    "--temperature": Option("temperature"),
    "--top_p": Option("top_p"),
    "--stop": Option("stop", keeps_quotes=True),
    "--logit_bias": Option("logit_bias", keeps_quotes=True),
    "--raw": Option("raw", takes_value=False),
    "-s": Option("system"),
}


@pytest.mark.parametrize(
    ("line", "found", "rest"),
    [
        ("", {}, ""),
        ("Who was it?", {}, "Who was it?"),
        ("--temperature 0 Hi", {"--temperature": "0"}, "Hi"),
        ("--temperature=0.5 Hi", {"--temperature": "0.5"}, "Hi"),
        ("--temperature -1 Hi", {"--temperature": "-1"}, "Hi"),
        ("--raw Hi --temperature 0", {"--raw": None}, "Hi --temperature 0"),
        ("--raw=false Hi", {"--raw": "false"}, "Hi"),
        ("-s 'You are a pirate' Hi", {"-s": "You are a pirate"}, "Hi"),
        ('-s "it\'s" Hi', {"-s": "it's"}, "Hi"),
        ("-s {{name}} Hi", {"-s": "{{name}}"}, "Hi"),
        ('--stop ["a b", "]"] Hi', {"--stop": '["a b", "]"]'}, "Hi"),
        ('--stop "\\n" Hi', {"--stop": '"\\n"'}, "Hi"),
        ("--stop 'x y' Hi", {"--stop": "x y"}, "Hi"),
        ('--logit_bias {"a": {"b": 1}} Hi', {"--logit_bias": '{"a": {"b": 1}}'}, "Hi"),
        ("-- --temperature 0", {}, "--temperature 0"),
        ("- a list item", {}, "- a list item"),
        ("-5 + 3", {}, "-5 + 3"),
        ("a  b\t{c} $d \\(z\\) ", {}, "a  b\t{c} $d \\(z\\) "),
    ],
)
def test_options_come_first_and_the_rest_is_the_prompt(line, found, rest):
    assert split(line, OPTIONS) == (found, rest)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--temprature 0", "no option --temprature. Did you mean --temperature?"),
        ("--temp 0", "no option --temp"),
        ("--temperature", "--temperature needs a value"),
        ("--stop=", "--stop needs a value"),
        ("-s 'open", "quote is not closed after -s"),
        ("--stop [1, 2", "bracket is not closed after --stop"),
        ("--raw --raw", "given twice"),
    ],
)
def test_a_wrong_option_is_one_line(line, said):
    with pytest.raises(InvalidInput) as caught:
        split(line, OPTIONS)
    assert said in caught.value.line


def test_only_whole_references_to_simple_names_are_filled():
    text = "{{a}} {a} {{ a }} {{a.b}} {{a()}} {{1}} ${a} \\frac{{{a}}}{2} {{{b}}}"
    assert filled(text, {"a": "X", "b": 2}) == (
        "X {a} {{ a }} {{a.b}} {{a()}} {{1}} ${a} \\frac{X}{2} {2}"
    )


def test_a_value_is_filled_once_and_never_again():
    assert filled("{{a}}", {"a": "{{b}}", "b": "boom"}) == "{{b}}"


def test_the_first_namespace_wins():
    assert filled("{{a}}", {"a": 1}, {"a": 2}) == "1"


def test_a_name_that_does_not_exist_is_one_line():
    with pytest.raises(InvalidInput, match=r"no variable nme for \{\{nme\}\}. Did you mean name"):
        filled("{{nme}}", {"name": 1})
