"""Control tokens: those of the file are those that are known beforehand."""

from __future__ import annotations

import pytest

from chatnb.local.vocabulary import SMOLLM2_CONTROL, control_tokens


@pytest.mark.model
def test_the_known_control_tokens_are_those_of_the_file(model):
    assert set(control_tokens(str(model.path))) == set(SMOLLM2_CONTROL)


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF\3\0\0\0" + b"\xff" * 64, bytes(100)])
def test_a_file_that_cannot_be_understood_has_none(tmp_path, content):
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    assert control_tokens(str(path)) == ()
