"""Costs: right where the price is known, None everywhere else."""

from __future__ import annotations

import pytest

from chatnb.prices import cost, price
from chatnb.records import Usage

OPENAI = "https://api.openai.com/v1"
MILLION = Usage(200_000, 100_000, 300_000)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-6-astra", (10, 1, 50)),
        ("gpt-6.1-sol", (2, 0.1, 10)),
        ("gpt-6.1-terra", (1, 0.05, 5)),
        ("gpt-6-luna", (0.1, 0.01, 0.5)),
        ("gpt-5.6-sol", (4, 0.4, 20)),
        ("gpt-5.6-terra", (2, 0.2, 12)),
        ("gpt-5.6-luna", (0.2, 0.02, 1.2)),
        ("gpt-6.2-sol", None),
        ("no-such-model", None),
        ("", None),
    ],
)
def test_prices_per_million_tokens_are_those_of_the_table(
    model: str, expected: tuple[float, float, float] | None
) -> None:
    assert price(model) == expected


def test_a_cost_is_prompt_and_answer_at_their_prices() -> None:
    expected = 0.2 * 0.1 + 0.1 * 0.5
    assert cost("gpt-6-luna", MILLION, base_url=OPENAI) == pytest.approx(expected)


def test_cached_tokens_count_at_their_own_price() -> None:
    usage = Usage(200_000, 100_000, 300_000, cached_tokens=150_000)
    expected = 0.05 * 0.1 + 0.15 * 0.01 + 0.1 * 0.5
    assert cost("gpt-6-luna", usage, base_url=OPENAI) == pytest.approx(expected)


def test_more_cached_than_sent_is_no_error() -> None:
    usage = Usage(100, 100, 200, cached_tokens=1_000)
    assert cost("gpt-6-luna", usage, base_url=OPENAI) == pytest.approx(51e-6)


def test_the_embedded_model_costs_nothing() -> None:
    assert cost("anything", None, base_url="http://127.0.0.1:1/v1", embedded=True) == 0


def test_without_usage_the_cost_is_unknown_not_zero() -> None:
    assert cost("gpt-6-luna", None, base_url=OPENAI) is None
    assert cost("gpt-6-luna", Usage(5, None, None), base_url=OPENAI) is None
    assert cost("gpt-6-luna", Usage(None, 5, None), base_url=OPENAI) is None


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.0.0.1:8000/v1",
        "https://openrouter.ai/api/v1",
        "https://api.openai.com.example.org/v1",
        "https://eu.api.openai.com/v1",
        "https://me.openai.azure.com/openai/v1",
        "",
    ],
)
def test_a_known_name_at_another_host_has_no_known_price(base_url: str) -> None:
    assert cost("gpt-6-luna", MILLION, base_url=base_url) is None


def test_a_dated_name_costs_what_its_model_costs() -> None:
    dated = cost("gpt-6-luna-2026-09-01", MILLION, base_url=OPENAI)
    assert dated == cost("gpt-6-luna", MILLION, base_url=OPENAI)


def test_a_service_tier_has_its_own_price_or_none() -> None:
    ordinary = cost("gpt-6-luna", MILLION, base_url=OPENAI, service_tier="default")
    flex = cost("gpt-6-luna", MILLION, base_url=OPENAI, service_tier="flex")
    assert ordinary == pytest.approx(0.07)
    assert flex == pytest.approx(0.035)
    assert cost("gpt-6-luna", MILLION, base_url=OPENAI, service_tier="galactic") is None
