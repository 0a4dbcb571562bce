"""The controls come from the parameter table, and what they send is what the table takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chatnb.errors import InvalidInput
from chatnb.parameters import GROUPS, Parameters
from chatnb.playground.controls import SHOWN_FIRST, conflicts, controls, entered, refusals, shown
from chatnb.records import Reply
from chatnb.request_log import RequestLog
from chatnb.request_log.log_frame import frame
from chatnb.wire.faults import Answer, Asked, rejected
from tests.log.exchanges import BASE_URL, logged, request

MODEL = "gpt-6-luna"


def by_name() -> dict[str, dict[str, Any]]:
    return {each["name"]: each for group in controls() for each in group["controls"]}


def test_every_parameter_has_one_control_with_its_own_help():
    found = [each for group in controls() for each in group["controls"]]
    table = Parameters.table()
    assert sorted(each["name"] for each in found) == sorted(table)
    for each in found:
        kind = table[each["name"]]
        assert (each["help"], each["default"]) == (kind.help, kind.api_default)


def test_the_parameters_of_every_day_are_shown_and_the_rest_is_under_more():
    shown_first = [
        each["name"] for group in controls() if not group["more"] for each in group["controls"]
    ]
    assert sorted(shown_first) == sorted(SHOWN_FIRST)
    assert {group["name"] for group in controls()} <= GROUPS.keys()
    assert [group["more"] for group in controls()] == sorted(group["more"] for group in controls())


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("temperature", 0, 2), ("top_p", 0, 1),
        ("presence_penalty", -2, 2), ("frequency_penalty", -2, 2),
    ],
)  # fmt: skip
def test_a_number_between_two_ends_is_a_slider(name, low, high):
    control = by_name()[name]
    assert (control["control"], control["low"], control["high"]) == ("slider", low, high)
    assert 0 < control["step"] <= 0.1


@pytest.mark.parametrize(
    ("name", "control"),
    [
        ("model", "suggested"), ("max_tokens", "number"), ("n", "number"), ("seed", "number"),
        ("stop", "tags"), ("logit_bias", "biases"), ("reasoning_effort", "choice"),
        ("logprobs", "flag"), ("user", "text"), ("response_format", "json"),
        ("metadata", "json"), ("extra", "json"),
    ],
)  # fmt: skip
def test_each_kind_of_parameter_has_its_kind_of_control(name, control):
    assert by_name()[name]["control"] == control


def test_the_limits_that_controls_show_are_those_that_the_table_keeps():
    stop, bias = by_name()["stop"], by_name()["logit_bias"]
    entered("stop", ["x"] * stop["most"])
    entered("logit_bias", {"5": bias["low"], "6": bias["high"]})
    for name, value in [
        ("stop", ["x"] * (stop["most"] + 1)),
        ("logit_bias", {"5": bias["low"] - 1}),
        ("logit_bias", {"5": bias["high"] + 1}),
    ]:
        with pytest.raises(InvalidInput, match=name):
            entered(name, value)


def test_no_end_of_a_range_is_a_number_that_a_browser_would_round():
    assert by_name()["seed"].keys().isdisjoint({"low", "high"})
    assert json.loads(json.dumps(controls())) == controls()


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("temperature", 1, 1), ("temperature", "1.0", 1.0), ("temperature", ".5", 0.5),
        ("seed", "9223372036854775807", 2**63 - 1), ("seed", 7, 7), ("stop", ["5"], ["5"]),
        ("user", "7", "7"), ("logprobs", False, False), ("temperature", None, None),
        ("response_format", '{"type": "json_object"}', {"type": "json_object"}),
        ("extra", '{"top_k": 1.0}', {"top_k": 1.0}), ("logit_bias", {" Paris": 5}, {" Paris": 5}),
    ],
)  # fmt: skip
def test_what_a_control_sends_becomes_the_value_that_is_sent(name, value, kept):
    found = entered(name, value)
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", "3"), ("temperature", "warm"), ("n", "1.5"), ("response_format", "{oops"),
        ("logit_bias", {"5": "much"}), ("metadata", '{"a": 1}'), ("temperature", True),
    ],
)  # fmt: skip
def test_what_is_no_value_is_one_line_about_that_parameter(name, value):
    with pytest.raises(InvalidInput) as caught:
        entered(name, value)
    assert caught.value.param == name
    assert caught.value.line.startswith(name)


@pytest.mark.parametrize(
    "values",
    [
        {"seed": 2**63 - 1}, {"seed": 3}, {"temperature": 1.0}, {"stop": "END"},
        {"extra": {"top_k": 1.0, "large": 2**60 + 1}}, {"logit_bias": {"5": 1.5}},
    ],
)  # fmt: skip
def test_values_survive_the_way_to_the_browser_and_back(values):
    ((name, value),) = shown(values).items()
    # To JavaScript every number is a float.
    there = value if isinstance(value, str) else json.loads(json.dumps(value), parse_int=as_float)
    assert entered(name, there) == values[name]


def as_float(digits: str) -> int:
    return int(float(digits))


def test_what_goes_together_is_not_told():
    assert conflicts({}) == []
    fine = {"temperature": 0, "top_logprobs": 3, "logprobs": True, "max_completion_tokens": 5}
    assert conflicts(fine, {"seed": "refused"}) == []


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"temperature": 0, "top_p": 1}, ["temperature", "top_p"]),
        ({"top_logprobs": 0}, ["top_logprobs", "logprobs"]),
        ({"top_logprobs": 2, "logprobs": False}, ["top_logprobs", "logprobs"]),
        ({"user": "me"}, ["user", "safety_identifier"]),
    ],
)
def test_each_conflict_is_one_line_that_names_what_is_in_it(values, names):
    (line,) = conflicts(values)
    assert all(name in line for name in names)


def test_two_limits_are_told_besides_the_deprecated_one():
    lines = conflicts({"max_tokens": 5, "max_completion_tokens": 5})
    assert len(lines) == 2
    assert "one limit" in lines[0]
    assert "deprecated" in lines[1]


# What the log knows


@pytest.fixture
def log(log_path: Path) -> RequestLog:
    return RequestLog(log_path)


def refuse(log: RequestLog, param: str, code: str = "unsupported_value", **changes: Any) -> None:
    """A row as the server's own answer makes it."""
    asked = request("Hi", **changes)
    body = {"error": {"message": "No.\nReally.", "code": code, "param": param}}
    answer = Answer(400, {}, json.dumps(body, indent=2))
    told = Asked(model=asked.model, host="api.openai.com", path="/v1/chat/completions")
    error = rejected(answer, told, 1)
    logged(log, asked, Reply(http_status=400), status="error", error=error)


def test_a_parameter_that_this_model_refused_is_told_while_it_is_set(log):
    refuse(log, "temperature", parameters={"temperature": 0.2})
    refused = refusals(frame(log), MODEL, BASE_URL)
    assert list(refused) == ["temperature"]
    (line,) = conflicts({"temperature": 0.7}, refused)
    assert line.startswith(f"{MODEL} refused temperature = 0.2 before")
    assert conflicts({"top_p": 0.5}, refused) == []


def test_another_model_and_another_server_say_nothing_about_this_one(log):
    refuse(log, "temperature", parameters={"temperature": 0.2})
    assert refusals(frame(log), "gpt-6-sol", BASE_URL) == {}
    assert refusals(frame(log), MODEL, "http://127.0.0.1/v1") == {}


def test_an_answer_with_the_refused_value_ends_the_refusal(log):
    refuse(log, "temperature", parameters={"temperature": 0.2})
    logged(log, request("Hi", parameters={"temperature": 1}))
    assert "temperature" in refusals(frame(log), MODEL, BASE_URL)
    logged(log, request("Hi", parameters={"temperature": 0.2, "reasoning_effort": "none"}))
    assert refusals(frame(log), MODEL, BASE_URL) == {}


def test_a_refusal_after_an_answer_counts(log):
    logged(log, request("Hi", parameters={"temperature": 0.2}))
    refuse(log, "temperature", parameters={"temperature": 0.2})
    assert "temperature" in refusals(frame(log), MODEL, BASE_URL)


def test_refusals_of_what_was_not_set_or_is_no_parameter_are_left_out(log):
    refuse(log, "messages[0].role", parameters={"temperature": 0.2})
    refuse(log, "reasoning_effort", code="unsupported_parameter")
    refuse(log, "stop", parameters={"stop": ["a", "b"]})
    assert list(refusals(frame(log), MODEL, BASE_URL)) == ["stop"]


def test_an_empty_log_refuses_nothing(log):
    assert refusals(frame(log), MODEL, BASE_URL) == {}
