"""The `chatnb` command: JupyterLab, the demo, the embedded model, the log.

Exit codes: 0 done, 1 it went wrong (one line on stderr says why), 2 not a command.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from chatnb.errors import ChatError
from chatnb.request_log.anonymous_rows import KEPT_OUT

if TYPE_CHECKING:
    from chatnb.request_log import RequestLog

NOT_FETCHED = "not on this machine yet (`chatnb local fetch`, or the first request, gets it)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options, rest = _parser().parse_known_args(arguments)
    if rest and options.run is not _lab:
        _parser().error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        return int(options.run(options))
    except (ChatError, OSError) as error:
        _say(f"chatnb: {error}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


class _Version(argparse.Action):
    """Reads the installed metadata only when asked: that takes longer than most commands."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib.metadata import version

        print(f"chatnb {version('chatnb')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chatnb", description="A chat model in your notebook.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show it and exit")
    commands = _commands(parser)
    lab = commands.add_parser(
        "lab", help="open JupyterLab on the first notebook", epilog="More options: JupyterLab's."
    )
    lab.set_defaults(run=_lab)
    demo = commands.add_parser("demo", help="the first notebook without a browser")
    demo.set_defaults(run=_demo)
    _add_local(commands.add_parser("local", help="the embedded model"))
    _add_log(commands.add_parser("log", help="the log of every exchange"))
    return parser


def _commands(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[Any]:
    """Where a parser's commands go; without one of them it shows its help."""

    def show_help(_: argparse.Namespace) -> int:
        parser.print_help()
        return 2

    parser.set_defaults(run=show_help)
    return parser.add_subparsers(metavar="COMMAND")


def _add_local(parser: argparse.ArgumentParser) -> None:
    commands = _commands(parser)
    commands.add_parser("status", help="does it run, and where").set_defaults(run=_local_status)
    commands.add_parser("stop", help="end its server").set_defaults(run=_local_stop)
    commands.add_parser("fetch", help="download the model once").set_defaults(run=_local_fetch)


def _add_log(parser: argparse.ArgumentParser) -> None:
    commands = _commands(parser)
    commands.add_parser("path", help="where the log is").set_defaults(run=_log_path)
    export = commands.add_parser(
        "export",
        help="write it to a .csv, .jsonl or .parquet file",
        epilog=f"With --anonymous: {KEPT_OUT}",
    )
    formats = "its ending says the format: .csv (for spreadsheets), .jsonl or .parquet (exact)"
    export.add_argument("file", type=Path, help=formats)
    export.add_argument("--overwrite", action="store_true", help="replace the file")
    whose = "leave out what tells whose rows they are (below)"
    export.add_argument("--anonymous", action="store_true", help=whose)
    export.set_defaults(run=_log_export)
    purge = commands.add_parser("purge", help="delete rows, for good")
    purge.add_argument("--before", type=_date, metavar="YYYY-MM-DD", help="only older ones")
    purge.add_argument("--yes", action="store_true", help="do not ask")
    purge.set_defaults(run=_log_purge)


def _date(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: a date like 2026-01-31") from None


def _lab(options: argparse.Namespace) -> int:
    from chatnb.lab import open_lab

    return open_lab(options.rest)


def _demo(_: argparse.Namespace) -> int:
    from chatnb.demo import run_demo

    return run_demo()


def _local_status(_: argparse.Namespace) -> int:
    from chatnb.local import model_file, server

    model = model_file.find()
    _say(f"Model: {model.alias}, {model.path}" if model else f"Model: {NOT_FETCHED}")
    servers = server.status()
    for running in servers:
        _say(f"Server: {running.base_url}, process {running.pid}, its log {running.log}")
    if not servers:
        print("Server: not running; the first request starts it")
    return 0


def _local_stop(_: argparse.Namespace) -> int:
    from chatnb.local import server

    stopped = server.stop()
    for running in stopped:
        _say(f"Stopped {running.base_url} (process {running.pid})")
    if not stopped:
        print("No model server was running.")
    return 0


def _local_fetch(_: argparse.Namespace) -> int:
    from chatnb.local import model_file

    model = model_file.fetch()
    _say(f"Model: {model.alias}, {model.path}")
    return 0


def _log_path(_: argparse.Namespace) -> int:
    from chatnb.log_lookup import default_path

    print(default_path())  # as it is: for other programs
    return 0


def _log_export(options: argparse.Namespace) -> int:
    from chatnb.request_log.log_export import export

    with _log() as log:
        count = export(options.file, log, overwrite=options.overwrite, anonymous=options.anonymous)
    _say(f"{count:,} rows written to {options.file}")
    return 0


def _log_purge(options: argparse.Namespace) -> int:
    from chatnb.request_log.log_export import purge

    which = f"before {options.before:%Y-%m-%d %H:%M}" if options.before else "all of them"
    with _log() as log:
        if not options.yes and not _agrees(f"Delete rows of {log.path} for good: {which}?"):
            print("Nothing was deleted.")
            return 1
        count = purge(log, before=options.before)
    print(f"{count:,} rows deleted")
    return 0


@contextmanager
def _log() -> Iterator[RequestLog]:
    """The log; what it has to say goes to stderr, also where the command fails."""
    from chatnb.request_log import RequestLog

    log = RequestLog()
    try:
        yield log
    finally:
        for notice in log.take_notices():
            _say(f"chatnb: {notice}", sys.stderr)


def _say(text: str, to: TextIO | None = None) -> None:
    """Print a line that may name a file: a name can hold what a terminal obeys."""
    from chatnb.rendering import terminal_text

    print(terminal_text(text), file=to or sys.stdout)


def _agrees(question: str) -> bool:
    """False too where nobody can answer."""
    from chatnb.rendering import terminal_text

    try:
        return input(terminal_text(f"{question} [y/N] ")).strip().lower() in ("y", "yes")
    except EOFError:
        return False


if __name__ == "__main__":
    sys.exit(main())
