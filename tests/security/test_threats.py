"""Every threat has a test that is there, and a word in SECURITY.md."""

from __future__ import annotations

import ast

import pytest

from tests.project.house import ROOT
from tests.security.threats import THREATS


@pytest.mark.parametrize("threat", THREATS)
def test_every_threat_names_tests_that_are_there(threat: str) -> None:
    for named in THREATS[threat]:
        file, _, name = named.partition("::")
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, named


def test_every_threat_is_in_the_document() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8").lower()
    assert [threat for threat in THREATS if threat.lower() not in text] == []
