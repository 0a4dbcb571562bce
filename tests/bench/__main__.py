"""Prints what performance reaches: `make bench`, or `make bench ARGS="--only turn"`.

Takes about seven minutes. The exit code is 0 whatever is measured: a machine that is busy with
something else fails nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator

from tests.bench import keeping, loading, panel, stopping, streaming, table, turns
from tests.bench.environment import place_of_its_own
from tests.bench.server_process import ServerProcess
from tests.bench.table import Figure

GROUPS: dict[str, Callable[[ServerProcess], Iterator[Figure]]] = {
    "load": loading.load_ext,
    "first-reply": loading.first_reply,
    "turn": turns.one_turn,
    "turn-500": turns.turn_500,
    "full-speed": streaming.full_speed,
    "very-long": streaming.very_long,
    "paced": streaming.paced,
    "first-text": streaming.first_text,
    "connections": streaming.connections,
    "stop": stopping.stopping,
    "rows": keeping.rows,
    "frame": keeping.frame,
    "long": keeping.long_conversation,
    "panel": panel.panel,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=GROUPS, metavar="NAME", help=", ".join(GROUPS))
    only = parser.parse_args().only
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}\n{table.heading()}", flush=True)
    with place_of_its_own(), ServerProcess() as server:
        for name in [only] if only else GROUPS:
            measure(name, server)


def measure(name: str, server: ServerProcess) -> None:
    """Print a group's figures; one that cannot be measured stops no other."""
    try:
        for figure in GROUPS[name](server):
            print(figure, flush=True)
    except Exception as error:
        print(table.failed(name, error), flush=True)


if __name__ == "__main__":
    main()
