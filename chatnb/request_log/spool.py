"""Where rows go while the database cannot be written: one line of JSON each, beside it.

A spool belongs to one process, so that nobody appends to what another one replays. A row has a
line when it starts and one when it ends; the last one counts.
"""

from __future__ import annotations

import glob
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from chatnb.private_directories import check_owner
from chatnb.records import Message, messages_from
from chatnb.request_log.log_record import Owner, Record, Row, packed, restored, stored, unpacked
from chatnb.request_log.process_identity import ProcessIdentity

_ENDING = ".spool.jsonl"
_ABANDONED_S = 3600.0
_TEXTS = ("cell", "prompt", "reply", "request_id")


def spool_for(log: Path, owner: Owner, number: int) -> Path:
    """A spool's path; `number` tells the spools of one process apart."""
    return log.with_name(f"{log.name}.{owner.kernel}-{owner.process.pid}-{number}{_ENDING}")


def append(spool: Path, record: Record) -> None:
    """Write a record so that it survives a power cut; raises OSError."""
    check_owner(spool.parent)
    line = (json.dumps(_to_json(record)) + "\n").encode("ascii")
    descriptor = os.open(spool, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        written = os.write(descriptor, line)
        if written < len(line):
            # What is cut off would take the next line with it.
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
            raise OSError(f"only {written} of {len(line)} bytes could be written")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(spool: Path) -> list[Record]:
    """The last record of each row; a line that was cut when its process was killed is skipped."""
    records: dict[int, Record] = {}
    for line in spool.read_text("ascii", errors="replace").splitlines():
        with suppress(ValueError, TypeError, KeyError):
            record = _from_json(json.loads(line))
            records[record.id] = record
    return list(records.values())


def left_behind(log: Path, here: ProcessIdentity) -> Iterator[tuple[Path, list[Record]]]:
    """The spools of processes that are gone, and what is to be read in each.

    One without a whole line does not say whose it is: it counts once it is old.
    """
    for spool in sorted(log.parent.glob(f"{glob.escape(log.name)}.*{_ENDING}")):
        with suppress(OSError):  # another kernel was faster
            if not _is_of_our_user(spool, log):
                continue
            records = read(spool)
            if records[0].owner.process.is_gone(here) if records else _is_old(spool):
                yield spool, records


def _is_of_our_user(spool: Path, log: Path) -> bool:
    """In a directory of all users, somebody else's would bring rows that nobody here has sent."""
    found = spool.lstat()
    ours = (log.stat().st_uid, os.geteuid() if hasattr(os, "geteuid") else 0)
    return stat.S_ISREG(found.st_mode) and found.st_uid in ours


def _is_old(spool: Path) -> bool:
    return time.time() - spool.stat().st_mtime > _ABANDONED_S


def _to_json(record: Record) -> dict[str, Any]:
    row = {field.name: getattr(record.row, field.name) for field in fields(Row)}
    texts = {name: None if row[name] is None else restored(row[name]) for name in _TEXTS}
    return {
        "id": record.id,
        "owner": asdict(record.owner),
        "row": {**row, **texts, "numbers": unpacked(record.row.numbers)},
        "messages": [message.to_wire() for message in record.messages],
    }


def _from_json(value: dict[str, Any]) -> Record:
    owner, row = value["owner"], value["row"]
    texts = {name: None if row[name] is None else stored(row[name]) for name in _TEXTS}
    messages: tuple[Message, ...] = messages_from(value["messages"])
    return Record(
        value["id"],
        Owner(owner["kernel"], owner["notebook"], ProcessIdentity(**owner["process"])),
        Row(**{**row, **texts, "numbers": packed(row["numbers"])}),
        messages,
    )
