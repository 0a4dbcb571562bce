"""The line under a statistical picture says on what it rests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas
import pytest

import chatnb
from chatnb import kernel
from chatnb.lessons import claim
from tests.fake_backend import FakeBackend, connected, reply


@pytest.fixture
def backend(shell: Any, log_path: Path) -> FakeBackend:
    backend = FakeBackend()
    kernel.this_kernel().connected = connected(backend)()
    return backend


def test_a_claim_names_size_seeds_server_and_day(backend: FakeBackend) -> None:
    samples = chatnb.sample("Hi", seeds=range(3), temperature=[0, 1], progress=False)
    said = claim(samples, per="temperature")
    where = r"fake-1 at http://127\.0\.0\.1:9/v1"
    assert re.fullmatch(rf"n = 3 per temperature, seeds 0-2, {where}, \d{{4}}-\d\d-\d\d", said)


def test_only_answers_that_came_count(backend: FakeBackend) -> None:
    backend.enqueue(reply("good"), chatnb.ChatError("broken"))
    samples = chatnb.sample("Hi", seeds=[4, 9], parallel=1, progress=False)
    assert claim(samples).startswith("n = 1, seed 4, ")


def test_groups_of_different_size_are_said(backend: FakeBackend) -> None:
    backend.enqueue(chatnb.ChatError("broken"))
    samples = chatnb.sample("Hi", seeds=[0, 1], top_p=[0.5, 1], parallel=1, progress=False)
    assert claim(samples, per=["top_p"]).startswith("n = 1 to 2 per top_p, seeds 0, 1, ")


def test_samples_without_seeds_say_so(backend: FakeBackend) -> None:
    assert ", no seeds, " in claim(chatnb.sample("Hi", temperature=[0, 1], progress=False))


def test_nothing_sampled_is_no_error(backend: FakeBackend) -> None:
    empty = chatnb.sample("Hi", progress=False).iloc[:0]
    assert isinstance(empty, pandas.DataFrame)
    assert claim(empty, per="prompt") == "n = 0 per prompt, no seeds"


@pytest.mark.model
def test_the_embedded_model_is_named_by_its_file(shell: Any, log_path: Path) -> None:
    chatnb.connect("local")
    samples = chatnb.sample("Hi", seeds=[1], temperature=0, max_tokens=2, progress=False)
    assert ", SmolLM2-135M-Instruct.Q4_1.gguf sha256 b179c952, " in claim(samples)


def test_a_claim_wider_than_a_page_has_two_lines(backend: FakeBackend) -> None:
    asked = {"temperature": [0, 1], "top_p": [0.5, 1], "frequency_penalty": [0, 1]}
    samples = chatnb.sample("Hi", seeds=range(3), progress=False, **asked)
    size, whose = claim(samples, per=list(asked)).split("\n")
    assert size == "n = 3 per temperature and top_p and frequency_penalty, seeds 0-2,"
    assert whose.startswith("fake-1 at ")
