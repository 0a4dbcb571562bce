"""`make notebooks`: execute the notebooks with the embedded model, and keep what they show.

`make notebooks ARGS="05 07"`: only those whose names begin so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat

from tests import isolation

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

# Requests at the same time share one computation, whose rounding differs from run to run, and so
# does it with what the server has in its cache. One after the other on a server of their own, the
# same requests get the same answers, and a second run makes the same file.
IN_TURN = """
from chatnb import extraction, samples

for function in (samples.sample, extraction.extract):
    function.__kwdefaults__["parallel"] = 1
"""


def main(starts: Sequence[str]) -> int:
    chosen = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if _is_chosen(path, starts)]
    if not chosen:
        print(f"No notebook begins with {' or '.join(starts)}.", file=sys.stderr)
        return 1
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    home = isolation.isolate()
    from chatnb.local import server  # reads the environment's directories

    # What a reader sees is the log's place in a home; the model stays in the real cache.
    os.environ.update(HOME=str(home), XDG_CACHE_HOME=cache)
    for name in ("CHATNB_LOG", "XDG_STATE_HOME"):
        del os.environ[name]
    startup = Path(os.environ["IPYTHONDIR"]) / "profile_default" / "startup"
    (startup / "10-in-turn.py").write_text(IN_TURN, encoding="utf-8")
    try:
        for path in chosen:
            server.stop()
            print(f"{path.name}: {'changed' if _renew(path, home) else 'as it was'}")
    finally:
        isolation.end(home)
    return 0


def _is_chosen(path: Path, starts: Sequence[str]) -> bool:
    return not starts or path.name.startswith(tuple(starts))


def _renew(path: Path, home: Path) -> bool:
    """Execute the notebook and write it; whether it differs from what it was."""
    from tests.notebooks.execution import executed, settled

    before = path.read_text(encoding="utf-8")
    notebook = settled(executed(path), nbformat.reads(before, as_version=4), home)
    after = nbformat.writes(notebook) + "\n"
    path.write_text(after, encoding="utf-8")
    return after != before


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
