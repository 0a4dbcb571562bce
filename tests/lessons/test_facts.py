"""The tables that age say what their sources say."""

from __future__ import annotations

import inspect
import re
from datetime import date

from openai.types.shared import chat_model

from chatnb.lessons import facts
from chatnb.parameters import Parameters


def test_shutdown_dates_are_those_of_the_installed_sdk() -> None:
    """Its docstring lists names, then their date: "gpt-5", "o3": Announced shutdown date: ..."""
    listed = inspect.getsource(chat_model).partition('"""Deprecated values:')[2]
    entries = re.findall(
        r'- ((?:"[^"]+",?\s+)*"[^"]+"):\s+Announced\s+shutdown\s+date:\s+([\d-]+)', listed
    )
    announced = {
        name: date.fromisoformat(day)
        for names, day in entries
        for name in re.findall(r'"(.+?)"', names)
    }
    assert announced
    table = facts.models()
    for name, shutdown in zip(table["model"], table["shutdown"], strict=True):
        expected = announced.get(name)
        assert (shutdown.date() if expected else None) == expected, name


def test_every_model_of_the_table_is_one_that_the_sdk_knows() -> None:
    known = set(re.findall(r'^    "(.+)",$', inspect.getsource(chat_model), re.M))
    assert not set(facts.models()["model"]) - known


def test_days_left_are_counted_from_the_day_of_the_check() -> None:
    left = facts.models().set_index("model")["days_left"]
    assert left["gpt-5"] == (date(2026, 12, 11) - facts.CHECKED).days
    assert left["gpt-3.5-turbo"] < 0
    assert left.isna()["gpt-6-luna"]
    on_the_day = facts.models(on=date(2026, 12, 11)).set_index("model")["days_left"]
    assert on_the_day["gpt-5"] == 0


def test_the_live_model_has_a_price_and_no_end() -> None:
    prices = facts.prices().set_index("model")
    assert prices.loc[facts.LIVE_MODEL].tolist() == [0.1, 0.01, 0.5]
    assert facts.models().set_index("model")["shutdown"].isna()[facts.LIVE_MODEL]


def test_a_model_without_a_known_price_is_left_out() -> None:
    assert facts.prices(["gpt-6.2-sol"]).empty


def test_models_that_are_gone_have_no_row_among_the_prices() -> None:
    gone = facts.models().query("days_left <= 0")["model"]
    assert not set(gone) & set(facts.prices()["model"])


def test_support_says_yes_no_or_not_known_of_real_parameters() -> None:
    support = facts.support()
    assert set(support.columns) < set(Parameters.table())
    assert set(support.to_numpy().ravel()) == {"yes", "no", "not known"}
    assert (support.loc["the embedded model"] == "yes").all()


def test_the_parameter_table_is_the_one_table() -> None:
    table = facts.parameters().set_index("parameter")
    assert list(table.index) == list(Parameters.table())
    assert table.loc["max_tokens", "deprecated"].startswith("max_completion_tokens")
