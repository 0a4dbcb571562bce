"""What pyproject.toml declares: each library that is imported, each file that belongs to it."""

from __future__ import annotations

import ast
import itertools
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.project.house import PACKAGE, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# Used where they are installed, and only there.
OPTIONAL = {"keyring", "psutil", "pyarrow", "sidecar", "jupyter_client", "pip"}
BY_AN_EXTRA = {"mdit_py_plugins"}  # markdown-it-py[plugins]


def _declared() -> set[str]:
    project = PROJECT["project"]
    extras = itertools.chain.from_iterable(project["optional-dependencies"].values())
    listed = [*project["dependencies"], *extras]
    return {_normal(re.match(r"[\w.-]+", line)[0]) for line in listed}  # type: ignore[index]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported() -> Iterator[str]:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]


def test_every_library_that_is_imported_is_declared() -> None:
    known = packages_distributions()
    known_here = {"chatnb", *sys.stdlib_module_names, *OPTIONAL, *BY_AN_EXTRA}
    foreign = set(_imported()) - known_here
    homes = {name: {_normal(each) for each in known.get(name, [name])} for name in foreign}
    assert not [name for name, home in homes.items() if not home & _declared()]


def test_the_documents_of_the_project_go_into_its_archive() -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    documents = [path.name for path in Path(ROOT).glob("*.md")]
    assert {f"/{name}" for name in documents} <= set(included)
