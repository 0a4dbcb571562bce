"""What a parameter may be, and the one line that a wrong value gets."""

from __future__ import annotations

import pytest

from chatnb.errors import InvalidInput
from chatnb.parameters import GROUPS, Parameters, columns, nearest


def test_nothing_is_set_at_first():
    assert Parameters().values() == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0), ("temperature", 0.5), ("temperature", 2), ("top_p", 1), ("n", 3),
        ("stream", False), ("stop", "END"), ("stop", ["a", "b", "c", "d"]), ("max_tokens", 1),
        ("presence_penalty", -2), ("frequency_penalty", 2.0), ("logit_bias", {"50": -100}),
        ("user", ""), ("seed", 0), ("seed", -1), ("logprobs", False), ("top_logprobs", 0),
        ("reasoning_effort", "none"), ("store", False), ("metadata", {"a": "b"}),
        ("response_format", {"type": "json_object"}),
    ],
)  # fmt: skip
def test_a_value_in_range_is_kept_exactly(name, value):
    kept = Parameters(**{name: value}).values()[name]
    assert kept == value
    assert type(kept) is type(value)


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"properties": value}
    return value


@pytest.mark.parametrize(
    ("name", "value", "range"),
    [
        ("temperature", 2.1, "0 to 2"), ("temperature", "hot", "0 to 2"),
        ("temperature", True, "0 to 2"), ("temperature", float("nan"), "0 to 2"),
        ("top_p", -0.1, "0 to 1"), ("n", 0, "1 to 128"), ("n", 1.5, "whole number"),
        ("stop", ["1", "2", "3", "4", "5"], "1 to 4"), ("stop", [], "1 to 4"),
        ("max_tokens", 0, "at least 1"), ("presence_penalty", 3, "-2 to 2"),
        ("logit_bias", {"5": 101}, "-100 to 100"), ("logit_bias", [1], "-100 to 100"),
        ("user", 7, "a text"), ("top_logprobs", 21, "0 to 20"), ("stream", 1, "True or False"),
        ("reasoning_effort", "lots", "minimal"), ("safety_identifier", "x" * 129, "128"),
        ("metadata", {"a": 1}, "16"), ("response_format", "json", "JSON object"),
        ("extra", {"a": float("nan")}, "JSON object"), ("extra", nested(100_000), "JSON object"),
        ("response_format", nested(100_000), "JSON object"), ("stop", nested(100_000), "1 to 4"),
        ("max_tokens", 2**63, "at least 1"), ("logit_bias", {"5": 10**5000}, "-100 to 100"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line_that_names_the_range(name, value, range):
    parameters = Parameters()
    with pytest.raises(InvalidInput) as caught:
        setattr(parameters, name, value)
    assert caught.value.line.startswith(name)
    assert range in caught.value.line
    assert "\n" not in caught.value.line
    assert parameters.values() == {}


def test_a_number_that_is_too_long_to_be_shown_is_one_line_too():
    with pytest.raises(InvalidInput, match="temperature is a number from 0 to 2, not this int"):
        Parameters(temperature=10**5000)


def test_a_mistyped_name_is_told_its_nearest_neighbor():
    parameters = Parameters()
    with pytest.raises(InvalidInput, match="Did you mean temperature"):
        parameters.merged({"temprature": 1})
    with pytest.raises(InvalidInput, match="Did you mean top_p"):
        parameters.topp = 1
    with pytest.raises(InvalidInput, match="extra"):
        Parameters(wibble=1)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("temp", "temperature"), ("max", "max_tokens"), ("freq", "frequency_penalty"),
        ("--temp", "--temperature"), ("--conv", "--conversation"), ("Temprature", "temperature"),
    ],
)  # fmt: skip
def test_a_name_that_was_cut_short_means_what_begins_with_it(typed, meant):
    names = ["n", "system", *Parameters.table(), "conversation"]
    known = [f"--{name}" for name in names] if typed.startswith("--") else names
    assert nearest(typed, known) == f" Did you mean {meant}?"


def test_an_override_of_none_clears_a_standing_value():
    standing = Parameters(temperature=0.2, n=2)
    assert standing.merged({"temperature": None, "seed": 0}) == {"n": 2, "seed": 0}
    assert standing.values() == {"temperature": 0.2, "n": 2}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("temperature", "0", 0), ("temperature", "0.50", 0.5), ("n", "3", 3), ("stop", "5", "5"),
        ("stop", '["a", "b"]', ["a", "b"]), ("stop", '"\\n"', "\n"), ("logprobs", "false", False),
        ("logit_bias", '{"12": -1}', {"12": -1}), ("user", "7", "7"),
    ],
)  # fmt: skip
def test_typed_text_becomes_the_value_that_is_sent(name, text, value):
    parsed = Parameters.table()[name].parsed(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("temperature", "warm"), ("n", "1.5"), ("logit_bias", "{oops"), ("stream", "maybe"),
        ("extra", "[" * 100_000), ("logit_bias", '{"5": ' + "9" * 5000 + "}"),
    ],
)  # fmt: skip
def test_typed_text_that_is_no_value_is_one_line(name, text):
    with pytest.raises(InvalidInput, match=name):
        Parameters.table()[name].parsed(text)


def test_a_numpy_scalar_is_a_number():
    import numpy

    assert type(Parameters(temperature=numpy.float64(0.5)).temperature) is float
    assert type(Parameters(n=numpy.int64(2)).n) is int


def test_every_parameter_has_help_a_group_and_a_column():
    for name, kind in Parameters.table().items():
        assert kind.help, name
        assert kind.group in GROUPS, name
    assert list(columns())[:3] == ["temperature", "top_p", "n"]
    assert {"model", "extra"}.isdisjoint(columns())
