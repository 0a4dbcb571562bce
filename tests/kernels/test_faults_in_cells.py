"""The whole fault matrix through `%%chat` in a real kernel: the cell, the row, the conversation.

One kernel takes them all, each with a server and a conversation of its own.
"""

from __future__ import annotations

import pytest

from tests.fault_table import CLASSES, FAULTS, name_of, tried
from tests.kernels.fault_kernel import assert_cell, assert_conversation, assert_row, one_row

pytestmark = pytest.mark.kernel

# What has no other side: JSON is no stream that could break in its middle.
ONE_SIDED = {"broken stream"}


@pytest.mark.parametrize(
    ("fault", "stream"),
    [pytest.param(*case, id=name_of(*case)) for case in tried(FAULTS)],
)
def test_fault_in_a_cell(fault, stream, fault_kernel, server):
    ran, left = fault_kernel.meet(fault, stream, server.base_url)
    host = f"127.0.0.1:{server.port}"
    requests = [request for request in server.requests if request.model == fault.model]
    assert len(requests) == len(fault.attempts)
    assert {request.json["stream"] for request in requests} == {stream}
    row = one_row(left)
    assert row["stream"] is stream
    assert_row(row, fault, host)
    assert_cell(ran, fault, host)
    assert_conversation(left, fault)


def test_every_class_is_met_plain_and_streamed():
    for of_class in CLASSES - ONE_SIDED:
        sides = {stream for fault, stream in tried(FAULTS) if fault.of_class == of_class}
        assert sides == {False, True}, of_class
